#!/bin/sh
# Well when the Docker daemon answers.
set -eu

if ! timeout 9 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; then
	echo "the Docker daemon does not answer"
	exit 1
fi
