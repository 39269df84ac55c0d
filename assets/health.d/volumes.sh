#!/bin/sh
# Well when every volume is in use.
exec /usr/local/lib/triplicate/volumes.py check
