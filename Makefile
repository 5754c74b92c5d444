# The commands of the project; `make help` lists them.
PYTHON ?= python3
# Passed on to ansible-playbook, for instance ARGS='-e drift_prob=0'.
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help deps up down purge check status test lint bench

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/release: requirements.txt
	$(PYTHON) -m venv --clear .venv
	.venv/bin/pip install --quiet --no-compile --no-deps --require-hashes -r requirements.txt
	@touch $@

deps: .venv/release ## install the tools of the control machine into .venv

up: deps ## start the stack, and show a verdict
	.venv/bin/ansible-playbook site.yml $(ARGS)

check: deps ## run a check now
	.venv/bin/ansible-playbook playbooks/check.yml $(ARGS)

status: deps ## show what runs and the last verdicts
	.venv/bin/ansible-playbook playbooks/status.yml $(ARGS)

down: deps ## stop the stack, keep its data
	.venv/bin/ansible-playbook teardown.yml $(ARGS)

purge: deps ## stop the stack, remove its data
	.venv/bin/ansible-playbook teardown.yml -e remove_data=true $(ARGS)
