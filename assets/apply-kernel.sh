#!/bin/sh
# Puts the kernel settings into effect that systemd and udev would only read at the next boot.
set -eu

systemctl restart systemd-modules-load.service
systemctl restart systemd-sysctl.service
systemd-tmpfiles --create /etc/tmpfiles.d/triplicate.conf
udevadm control --reload
udevadm trigger --settle --subsystem-match=block
