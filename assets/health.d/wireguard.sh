#!/bin/sh
# Well when wg0 is up.
set -eu

if ! ip -oneline link show dev wg0 up 2>/dev/null | grep -q wg0; then
	echo "wg0 is not up"
	exit 1
fi
