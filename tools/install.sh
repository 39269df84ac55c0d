#!/bin/sh
# Installs the locked dependencies, or says what is missing before that.
set -eu

if ! command -v node >/dev/null; then
	echo "node is not on the PATH: install Node.js 20.9 or newer" >&2
	exit 1
fi
if [ "$(node --print 'Number(process.versions.node.split(".")[0]) >= 20')" != true ]; then
	echo "node $(node --version) is too old: install Node.js 20.9 or newer" >&2
	exit 1
fi
echo "installing the locked npm packages (half a minute the first time)"
npm ci --no-audit --no-fund --loglevel=error
