#!/bin/sh
# The mesh.
exec /usr/local/lib/triplicate/wireguard.py metrics
