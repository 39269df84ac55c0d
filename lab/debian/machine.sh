#!/usr/bin/env bash
# Runs a disposable copy of a root file system in namespaces of its own, until this process dies or standard input ends.
# Nothing outlives it: what it writes is in memory, its mounts and network are its own, its processes end with it. No init
# system runs inside.
#
#   machine.sh ROOT DIRECTORY network|no-network
#
# DIRECTORY is an empty one of the caller's, to mount at. Prints the process id by which nsenter finds the namespaces.
# Without the network there is a loopback interface only, with the address of Hetzner's metadata service on it.
set -euo pipefail

if [ "${1-}" != --inside ]; then
	own=(--mount --pid --uts --ipc)
	[ "$3" = network ] || own+=(--net)
	exec unshare "${own[@]}" --fork --kill-child -- "$0" --inside "$@"
fi

lower=$2 work=$3 network=$4
root=$work/root

# /proc is still the outer one, and says by which id the outside knows this shell
read -r _ _ _ outside _ < <(cat /proc/self/stat)

mount -t tmpfs -o mode=0755 tmpfs "$work"
mkdir "$work/upper" "$work/inner" "$root"
mount -t overlay -o "lowerdir=$lower,upperdir=$work/upper,workdir=$work/inner" overlay "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
# no control groups, but the one that a firewall rule names: nft asks for its number
mount -t tmpfs -o mode=0755 tmpfs "$root/sys/fs/cgroup"
mkdir "$root/sys/fs/cgroup/system.slice"
mount -t tmpfs -o mode=0755,nosuid tmpfs "$root/dev"
for device in null zero full random urandom tty; do
	touch "$root/dev/$device"
	mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=0755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
if [ "$network" = network ]; then
	cp /etc/resolv.conf /etc/hosts "$root/etc/"
else
	chroot "$root" ip link set lo up
	chroot "$root" ip address add 169.254.169.254/32 dev lo
fi

cd "$root"
mkdir .outside
pivot_root . .outside
umount --lazy /.outside
rmdir /.outside
echo "$outside"
exec cat >/dev/null
