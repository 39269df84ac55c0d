#!/bin/sh
# Runs early in each boot until the first one has ended, as part of user_data: no file of ours is there yet.

# closed on every side until the host's own rules replace this table, which has the same name
nft 'table inet triplicate {
	chain inbound {
		type filter hook prerouting priority -150; policy drop
		iif lo accept
		udp sport 67 udp dport 68 accept
		ct state established,related accept
	}
}'

# nobody logs in, and Hetzner's program for private interfaces leaves ours alone; `systemctl mask` would refuse what an image has put there
for unit in ssh.service ssh.socket hc-net-scan.service hc-net-ifup@.service; do
	ln -sf /dev/null "/etc/systemd/system/$unit"
done
mkdir -p /etc/systemd/system-generators
ln -sf /dev/null /etc/systemd/system-generators/systemd-ssh-generator
systemctl daemon-reload
systemctl stop ssh.service ssh.socket 'hc-net-ifup@*'
passwd --lock root

# cloud-init counts a step as done when it begins: what a power cut has interrupted is taken again
if [ ! -e /var/lib/triplicate/done ]; then
	cd /var/lib/cloud/instance/sem && rm -f config_write_files config_runcmd config_scripts_user
fi
