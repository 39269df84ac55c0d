#!/bin/sh
# Ends the first boot, once cloud-init has ended it well: what cloud-init kept of user_data is overwritten, freed blocks are
# given back, and from now on systemd alone starts this host. Until then each boot begins anew.
set -eu

if ! grep -q '"errors": \[\]' /run/cloud-init/result.json; then
	echo "first boot: cloud-init ended with errors, so the next boot begins anew"
	exit
fi
# cloud-init names the public interface at each boot; from now on a link file does
link=/etc/systemd/network/05-triplicate-public.link
public=$(ip -oneline route show default | sed -n 's/.* dev \([^ ]*\).*/\1/p' | head -n 1)
printf '[Match]\nPermanentMACAddress=%s\n[Link]\nName=%s\n' "$(cat "/sys/class/net/$public/address")" "$public" >"$link"
find /var/lib/cloud/instances -type f -exec shred --remove {} +
rm -rf /var/lib/cloud/instances /var/lib/cloud/instance
systemctl enable --quiet triplicate.target triplicate-firewall.service
sync
fstrim /
# last and at once: before it cloud-init starts this host, after it systemd does, and there is no boot that neither would finish
touch /etc/cloud/cloud-init.disabled /var/lib/triplicate/done
sync
