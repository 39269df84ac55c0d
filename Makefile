# Every command of this repository. `make` alone prints them.
ENV ?= dev
HOSTS ?= simulated
LAB ?=

export CHECKPOINT_DISABLE := 1

.DEFAULT_GOAL := help
.PHONY: help rehearse test check build bench pack cloud lab-vm soak clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

rehearse: build ## apply ENV (dev, staging, production) with real Terraform to a local cloud, and destroy it
	@node dist/cli/main.js rehearse --environment $(ENV) --hosts $(HOSTS)

test: check ## static checks, unit, snapshot and golden tests, and real applies to a local cloud
	@npx jest

check: build ## static checks only: types, lint, import boundaries, shell and Python
	@npm run --silent check

bench: build ## time and memory of synthesis for 10, 100 and 1000 hosts
	@node dist/bench/synth.js

cloud: build ## keep a local cloud running, to deploy to by hand
	@node dist/cli/main.js cloud

lab-vm: build ## boot machines from their exact user_data and look at them: the quick subset (LAB="--all" for everything)
	@node dist/lab/vm/suite/main.js $(LAB)

pack: build ## the packages that other teams install, into results/packages
	@npm run --silent pack

soak: build ## everything, in full: all environments, the figures go to docs/results
	@sh tools/soak.sh

build: node_modules/.stamp ## compile
	@npm run --silent build

node_modules/.stamp: package.json package-lock.json packages/hetzner-local/package.json packages/provider-hcloud/package.json
	@sh tools/install.sh
	@touch $@

clean: ## remove what was built, but no result
	rm -rf dist packages/*/dist packages/*/lib packages/provider-hcloud/src cdktf.out .triplicate
