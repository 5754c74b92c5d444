# The commands of the project; `make help` lists them.

# The interpreter that everything runs on: 3.11 to 3.13.
PYTHON ?= python3
# Where the stack runs: inventory/local, inventory/minikube, inventory/cluster, or one of your own.
INVENTORY ?= inventory/local
# Passed on to ansible-playbook, for instance ARGS='-e drift_prob=0'.
ARGS ?=

playbook = .venv/bin/ansible-playbook --inventory $(INVENTORY)
uv = UV_PYTHON=$(abspath .venv/bin/python) UV_PYTHON_DOWNLOADS=never .venv/bin/uv
# The built wheel of a package, in its own environment, with what its tests need.
in_package = $(uv) run --quiet --frozen --no-editable --all-extras --project
# Airflow as it is deployed, with what the tests of the DAG need.
in_airflow = $(uv) run --quiet --isolated --no-project \
	--with-requirements roles/airflow/files/requirements.txt --with-requirements dags/requirements-dev.txt
# MLflow as it is deployed, which the checker's tests publish to.
mlflow = $(abspath .cache/mlflow/bin/mlflow)

# Without bytecode each process of the tests would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: settings-page help deps dev up validate check drill status rebaseline backup restore down purge test test-long test-drifter test-board test-checker test-checker-long test-trust test-dags test-roles test-walk test-stack test-cluster test-cluster-long molecule molecule-cluster lint sbom licences audit bench bench-deploy bench-formats bench-plots trust trust-certainty trust-dependent trust-derived trust-feeds trust-flights trust-page trust-plots trust-power-table trust-profiled trust-sequences trust-smoke trust-windows

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- Run ---------------------------------------------------------------------------------------

deps: .venv/deps .cache/settings/release ## install the tools of the control machine into .venv

.venv/deps: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "$(PYTHON) is not Python 3.11 to 3.13; name one: make $(MAKECMDGOALS) PYTHON=python3.13" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	.venv/bin/pip install --quiet --no-compile --no-deps --require-hashes --requirement requirements.txt
	@# What Ansible imports in a new process for each task; not the collections, which are many and not used.
	.venv/bin/python -m compileall -q -j 0 $(foreach package,ansible jinja2 yaml kubernetes cryptography ansible_collections/kubernetes,.venv/lib/python3*/site-packages/$(package))
	@touch $@

# What checks the settings (plugins/action/check_settings.py): what the checker requires, and its own source beside it.
# Only what is imported is compiled: all of it takes five seconds.
.cache/settings/release: checker/uv.lock .venv/deps
	UV_PROJECT_ENVIRONMENT=$(abspath .cache/settings) \
		$(uv) sync --quiet --frozen --no-dev --no-install-project --project checker
	PYTHONPATH=checker/src:roles/preflight/files .cache/settings/bin/python -c 'import check_settings'
	@touch $@

up: deps ## start the stack, or apply changed settings; show the last verdicts
	$(playbook) site.yml $(ARGS)

validate: deps ## tell all that is wrong with the settings, and change nothing
	$(playbook) playbooks/validate.yml $(ARGS)

check: deps ## run a check now
	$(playbook) playbooks/check.yml $(ARGS)

drill: deps ## inject known drift, and say how much of it is found
	$(playbook) playbooks/drill.yml $(ARGS)

status: deps ## show what runs and the last verdicts
	$(playbook) playbooks/status.yml $(ARGS)

rebaseline: deps ## show what a monitor sees now, ask, and make it its reference
	$(playbook) playbooks/rebaseline.yml $(ARGS)

backup: deps ## keep store, MLflow and settings in one archive, while the stack runs
	$(playbook) playbooks/backup.yml $(ARGS)

restore: deps ## bring an archive back into an empty state directory: ARGS='-e backup_file=PATH'
	$(playbook) playbooks/restore.yml $(ARGS)

down: deps ## stop everything, keep the data
	$(playbook) teardown.yml -e remove_data=false $(ARGS)

purge: deps ## stop everything, remove the data
	$(playbook) teardown.yml -e remove_data=true $(ARGS)

# --- Develop -----------------------------------------------------------------------------------

dev: .venv/dev .cache/settings/release
.venv/dev: .venv/deps requirements-dev.txt
	$(uv) pip sync --quiet --require-hashes --python .venv/bin/python requirements-dev.txt
	@touch $@

# Suites run at once, those that take longest first; what they print lies in .cache/tests.
suites = $(PYTHON) tests/suites.py

test: ## the tests that need no cluster, but for the long ones: ten minutes
	$(suites) --install test-installs test-walk test-roles test-checker test-board test-drifter test-trust test-dags

test-long: ## the long ones: Spark, PostgreSQL, MLflow, every example, and what a running stack promises
	$(suites) --install test-long-installs test-stack test-checker-long

# What the tests need is installed first, for its seconds to stand apart; and once, for suites that share it.
.PHONY: test-installs test-long-installs installed-drifter installed-checker installed-board installed-airflow installed-checkov
test-installs: installed-checker installed-airflow installed-checkov installed-drifter installed-board .cache/mlflow/release
test-long-installs: installed-checker .cache/mlflow/release

installed-drifter installed-checker installed-board: installed-%: dev
	$(in_package) $* python -c ''

installed-airflow: dev
	$(in_airflow) python -c ''

installed-checkov: dev
	$(uv) run --quiet --isolated --no-project --with-requirements tests/kubernetes/requirements.txt python -c ''

.cache/mlflow/release: roles/mlflow/files/requirements.txt .venv/dev
	$(uv) venv --quiet --clear .cache/mlflow
	$(uv) pip sync --quiet --require-hashes --python .cache/mlflow/bin/python $<
	@touch $@

test-drifter: dev
	$(in_package) drifter pytest drifter/tests

test-board: dev
	$(in_package) board pytest board/tests

in_checker_tests = $(in_package) checker pytest --numprocesses auto
test-checker: dev
	$(in_checker_tests) -m 'not long' --hypothesis-profile few checker/tests

# What hypothesis tries is tried again, with all its examples. Servers are started once for a file.
test-checker-long: dev .cache/mlflow/release
	DRIFT_TEST_MLFLOW=$(mlflow) $(in_checker_tests) --dist loadfile -m 'long or hypothesis' checker/tests

test-trust: dev
	$(in_package) checker python -m pytest benchmarks/trust

test-dags: dev
	$(in_airflow) python -m pytest dags

test-roles: dev
	.venv/bin/pytest tests --ignore tests/e2e --ignore tests/cluster

# One start of the stack, and one stop.
walk = tests/e2e/test_pages.py tests/e2e/test_walk.py
test-walk: dev
	.venv/bin/pytest $(walk)

test-stack: dev
	.venv/bin/pytest tests/e2e $(walk:%=--ignore %)

test-cluster: dev ## deploy the stack to minikube and test it there: ticks, isolation
	.venv/bin/pytest tests/cluster/test_stack.py tests/cluster/test_isolation.py

test-cluster-long: dev ## the rest, half an hour of it: each part killed, credentials, migrations, sources, refusals, teardown
	.venv/bin/pytest tests/cluster/test_faults.py tests/cluster/test_operation.py tests/cluster/test_sources.py tests/cluster/test_refusals.py

molecule: dev ## test the local stack, and the roles that only it has, by molecule
	PATH=$(abspath .venv/bin):$$PATH .venv/bin/molecule test -s default -s supervisor -s virtualenv

# From what only checks to what needs all others.
cluster_scenarios = cluster preflight namespace kubernetes images postgres minio checker reference drifter mlflow airflow board

molecule-cluster: $(cluster_scenarios:%=molecule-cluster-%) ## test every role by molecule, on the cluster of kubectl's current context

.PHONY: molecule-scenarios $(cluster_scenarios:%=molecule-cluster-%)
molecule-scenarios:
	@echo $(cluster_scenarios)

$(cluster_scenarios:%=molecule-cluster-%): molecule-cluster-%: dev
	PATH=$(abspath .venv/bin):$$PATH .venv/bin/molecule test -s $*

lint: dev ## ruff, import-linter, mypy, ansible-lint, yamllint, shellcheck
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	PYTHONPATH=checker/src .venv/bin/lint-imports --no-logo --no-cache checker/pyproject.toml
	PYTHONPATH=checker/src:board/src .venv/bin/lint-imports --no-logo --no-cache board/pyproject.toml
	$(in_package) drifter mypy drifter/src data
	$(in_package) board mypy board/src
	MYPYPATH=checker/tests $(in_package) checker mypy roles/preflight/files checker/src benchmarks/trust benchmarks/formats
	MYPYPATH=dags/tests $(in_airflow) mypy dags
	.venv/bin/mypy docs plugins/action plugins/lookup roles/backup/files roles/preflight/library roles/supervisor/files tests benchmarks --exclude 'benchmarks/(trust|formats)'
	.venv/bin/yamllint --strict .
	PATH=$(abspath .venv/bin):$$PATH .venv/bin/ansible-lint --strict
	.venv/bin/shellcheck .ci/run

# --- Supply chain ------------------------------------------------------------------------------

sbom: dev ## write what each environment and image is made of to .cache/sbom (CycloneDX)
	PATH=$(abspath .venv/bin):$$PATH UV_PYTHON_DOWNLOADS=never .venv/bin/python tests/supply/sbom.py .cache/sbom

licences: sbom ## the same, and fail on a licence that tests/supply/licences.toml does not allow
	.venv/bin/python tests/supply/licences.py .cache/sbom

# Asks the package index for advisories. --strict, since otherwise what the index does not know counts as sound.
in_supply = $(uv) run --quiet --isolated --no-project --with-requirements tests/supply/requirements.txt
audit: dev ## look for known weaknesses of all that is locked; needs the internet
	PATH=$(abspath .venv/bin):$$PATH $(in_supply) python tests/supply/audit.py

bench: dev ## measure start, memory and CPU against named baselines
	PYTHONPATH=tests .venv/bin/python -m benchmarks $(ARGS)

bench-plots: dev ## plot how the CPU time of large files grows
	$(uv) run --quiet --isolated --no-project --with-requirements benchmarks/trust/requirements.txt \
		python -m benchmarks.plots benchmarks/results/large.json

bench-dialects: dev ## compare ways to tell the dialect of delimited text: two minutes
	$(uv) run --quiet --frozen --no-editable --project checker --with-requirements benchmarks/dialects/requirements.txt \
		python -m benchmarks.dialects --output benchmarks/results/dialects.md

bench-deploy: dev ## measure the deployment to minikube, and the parts of a tick there
	PYTHONPATH=tests .venv/bin/python -m benchmarks deploy latency $(ARGS)

# Only the packages named are installed: of most, nothing but their data is read.
.cache/formats/release: benchmarks/formats/requirements.txt .venv/dev
	$(uv) venv --quiet --clear .cache/formats
	$(uv) pip sync --quiet --require-hashes --python .cache/formats/bin/python $<
	@touch $@

bench-formats: dev .cache/formats/release ## compare public data sets in seven forms, and numbers in each textual form: minutes
	.cache/formats/bin/python -m benchmarks.formats.write .cache/formats/files
	$(in_package) checker python -m benchmarks.formats.real_files .cache/formats/files --output benchmarks/results/real-files.md
	PYTHONPATH=checker/tests $(in_package) checker python -m benchmarks.formats.textual_numbers --output benchmarks/results/textual-numbers.md

# Every core has a process already; and memory that arrays give back is kept for the next ones,
# which saves two fifths of the time.
in_checker = OPENBLAS_NUM_THREADS=1 MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=1073741824 $(in_package) checker python -m benchmarks.trust

trust: dev ## simulate false alarms and power of the checker, and plot them: an hour of two cores
	$(in_checker) --output benchmarks/trust/results $(ARGS); held=$$?; $(MAKE) --no-print-directory trust-plots; exit $$held

trust-plots: dev
	$(uv) run --quiet --isolated --no-project --with-requirements benchmarks/trust/requirements.txt \
		python -m benchmarks.trust.plots benchmarks/trust/results

settings-page: ## write docs/settings.md anew from the settings
	$(PYTHON) docs/settings.py

trust-page: dev ## write the tables of docs/trust.md anew from the figures
	$(in_checker).page benchmarks/trust/results docs/trust.md

trust-flights: dev ## judge days of real flights by other days, and shuffled halves of months: long
	$(in_checker).flights --output benchmarks/trust/results $(ARGS)

trust-certainty: dev ## count how often what is said to be 1 of N comes without drift: half an hour on two cores
	$(in_checker).certainty --output benchmarks/trust/results $(ARGS)

trust-dependent: dev ## count the alarms where rows depend on each other: a quarter of an hour on one core
	$(in_checker).dependent --output benchmarks/trust/results $(ARGS)

trust-derived: dev ## count the alarms of embeddings and of free text, and what is found: ten minutes on one core
	$(in_checker).derived --output benchmarks/trust/results $(ARGS)

trust-power-table: dev ## find ten drifts of three sizes, beside Evidently and classic tests: ten minutes on one core
	$(in_checker).power_table --output benchmarks/trust/results $(ARGS)

trust-profiled: dev ## the same of a million rows by profiles, and profiles beside tables: half an hour
	$(in_checker).agreement --output benchmarks/trust/results $(ARGS)
	$(in_checker).profiled --output benchmarks/trust/results $(ARGS)

trust-sequences: dev ## count the alarms of many weeks of ticks without drift: long
	$(in_checker).sequences --output benchmarks/trust/results $(ARGS)

trust-feeds: dev ## the same on feeds that repeat, overlap, stop, shrink or follow a trend: an hour on two cores
	$(in_checker).feeds --output benchmarks/trust/results $(ARGS)

trust-windows: dev ## count the alarms where batch, season or day do not fit the windows: half an hour on one core
	$(in_checker).windows --output benchmarks/trust/results $(ARGS)

trust-smoke: dev ## the same with few cells and trials: three minutes
	$(in_checker) --smoke $(ARGS)
	$(in_checker).dependent --smoke
	$(in_checker).derived --smoke
	$(in_checker).agreement --smoke
