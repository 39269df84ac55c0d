#!/bin/sh
# Lets go of the volumes, so that they can be detached; says why not if something still uses them.
set -eu

systemctl stop triplicate-volumes.service
exec /usr/local/lib/triplicate/volumes.py close
