#!/usr/bin/env bash
# The lab's network: run it in a network namespace of its own (unshare --net). Nothing of it has a name outside; it is gone
# with this process and the machines.
#
# public and private are bridges whose ports never see each other: this namespace routes between them, as Hetzner does. The
# operator is this namespace (203.0.113.10), the world a second one behind it (192.0.2.10). Prints the process id
# of the world's. The driver adds taps, and addresses of private networks.
set -euo pipefail

operator=203.0.113.10
world=192.0.2.10

conf=/proc/sys/net/ipv4/conf
for scope in all default; do
	echo 0 >"$conf/$scope/send_redirects"
	echo 0 >"$conf/$scope/rp_filter"
done
echo 1 >/proc/sys/net/ipv4/ip_forward

ip link set lo up
ip address add "$operator/32" dev lo
for bridge in public private; do
	ip link add name "$bridge" type bridge forward_delay 0
	ip link set dev "$bridge" up
done
ip link set dev private mtu 1450
ip address add 172.31.1.1/32 dev public
ip address add 169.254.169.254/32 dev public

setpriv --pdeathsig KILL unshare --net -- sleep infinity <&- >/dev/null &
outside=$!
until [ "$(readlink "/proc/$outside/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
ip link add name world type veth peer name uplink netns "$outside"
ip link set dev world up
ip route add "$world/32" dev world
nsenter --net="/proc/$outside/ns/net" ip -batch - <<-BATCH
	link set lo up
	address add $world/32 dev lo
	link set uplink up
	address add $world/32 dev uplink
	route add 169.254.0.1 dev uplink
	route add default via 169.254.0.1 dev uplink onlink src $world
BATCH
ip address add 169.254.0.1/32 dev world

nft -f - <<-RULES
	table ip lab {
	    chain between {
	        type filter hook forward priority filter; policy accept;
	        iifname "private" oifname != "private" drop
	        iifname != "private" oifname "private" drop
	    }
	}
RULES

echo "$outside"
exec cat >/dev/null
