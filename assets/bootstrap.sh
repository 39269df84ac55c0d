#!/bin/sh
# Starts every unit of ours, in the order that the units name, and fails if one failed: cloud-init then reports the boot
# as failed too.
set -eu

# the manager's own settings have changed as well, and only this reads them again
systemctl daemon-reexec
systemctl try-restart systemd-journald.service systemd-timesyncd.service
systemctl start triplicate.target

# a service that ends and is started over and over is never "failed", but still "activating" now that all were started
failed=$(systemctl list-units --plain --no-legend --state=failed,activating 'triplicate-*')
if [ -n "$failed" ]; then
	echo "triplicate: failed units:"
	echo "$failed"
	exit 1
fi
echo "triplicate: this host is set up"
systemctl start --no-block triplicate-first-boot.service
