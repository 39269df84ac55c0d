#!/usr/bin/env bash
# After packages: what a stock image has besides them. The marker and the guest agent are the lab's.
set -euo pipefail

root=$1
suite=trixie

chroot "$root" systemctl --quiet enable systemd-networkd systemd-resolved systemd-timesyncd ssh
ln -sf /run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
rm -f "$root"/etc/hostname "$root"/etc/ssh/ssh_host_* "$root"/etc/apt/sources.list.d/*
: >"$root/etc/machine-id"
echo "LABEL=root / ext4 defaults,discard,errors=remount-ro 0 0" >"$root/etc/fstab"
printf 'deb http://debian.mirror.internal/%s main\n' "debian $suite" "debian $suite-updates" "debian-security $suite-security" \
	>"$root/etc/apt/sources.list"
echo "apt: { preserve_sources_list: true }" >"$root/etc/cloud/cloud.cfg.d/90-image.cfg"
echo "a virtual machine of Triplicate's lab" >"$root/etc/triplicate-lab"
chmod 0444 "$root/etc/triplicate-lab"
