#!/bin/sh
# Waits until the clock is right: certificates, package signatures and WireGuard's handshakes depend on it. When no time
# server answers for a minute, a clock by which this machine's own certificate is valid is good enough.
set -eu

tls=/run/triplicate/tls
waited=0
until [ -e /run/systemd/timesync/synchronized ]; do
	if [ "$waited" -ge 60 ] && openssl verify -partial_chain -CAfile "$tls/ca.pem" "$tls/machine.pem" >/dev/null 2>&1; then
		echo "clock: no time server answers; it is $(date --utc +%FT%TZ), which this machine's certificate allows"
		exit 0
	fi
	if [ $((waited % 30)) -eq 0 ]; then
		echo "clock: waits for a time server, it is $(date --utc +%FT%TZ) here"
	fi
	sleep 1
	waited=$((waited + 1))
done
