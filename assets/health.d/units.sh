#!/bin/sh
# Well when every unit of ours has started and none has failed or is being started again.
set -eu

failed=$(systemctl list-units --plain --no-legend --no-pager --state=failed,auto-restart 'triplicate-*' | cut -d ' ' -f 1 | tr '\n' ' ')
if [ -n "$failed" ]; then
	echo "failed units: $failed"
	exit 1
fi
if ! systemctl --quiet is-active triplicate.target; then
	echo "the bootstrap has not finished"
	exit 1
fi
