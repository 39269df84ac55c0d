#!/bin/sh
# The full run: every check, every environment, the benchmark. Its figures go to docs/results, with the commit that they
# belong to; commit them.
set -eu

if [ -n "$(git status --porcelain)" ]; then
	echo "the work tree is not clean: figures must belong to a commit" >&2
	exit 1
fi
make test
for environment in dev staging production; do
	make rehearse "ENV=$environment"
done
make rehearse ENV=dev HOSTS=vm
make lab-vm LAB="--all"
make bench
node tools/keep-results.js
