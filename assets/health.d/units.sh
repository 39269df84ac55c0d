#!/bin/sh
# Well when the first boot is over, every unit of ours has started, and none has failed or is being started again.
set -eu

failed=$(systemctl list-units --plain --no-legend --no-pager --state=failed,auto-restart 'triplicate-*' | cut -d ' ' -f 1 | tr '\n' ' ')
if [ -n "$failed" ]; then
	echo "failed units: $failed"
	exit 1
fi
if [ ! -e /var/lib/triplicate/done ] || ! systemctl --quiet is-active triplicate.target; then
	starting=$(systemctl list-units --plain --no-legend --no-pager --state=activating 'triplicate-*' | cut -d ' ' -f 1 | tr '\n' ' ')
	echo "the bootstrap has not finished${starting:+: waits for $starting}"
	exit 75 # there is no need to ask the other checks
fi
