#!/bin/sh
# The volumes and their mirrors.
exec /usr/local/lib/triplicate/volumes.py metrics
