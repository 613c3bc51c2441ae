# Start with make demo and make test. They need Python 3.11 or later, nothing else.

VENV := .venv
PY := $(VENV)/bin/python
# One more than there are cores: many a test waits for a server or a browser.
WORKERS = $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
PYTHONS := $(if $(PYTHON),$(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)
COMPILE := $(PY) -m uv pip compile --quiet --universal --python-version 3.11 \
	--fork-strategy fewest --no-annotate --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help demo serve test check lint format lock screenshots bench clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.installed ## Train the sample runs, then serve the dashboard and the MLflow UI until Ctrl-C
	@$(PY) -m experiments demo --serve

serve: $(VENV)/.installed ## Serve the dashboard and the MLflow UI, without new runs, until Ctrl-C
	@$(PY) -m experiments serve

test: $(VENV)/.installed-dev ## Run every test; BROWSER=0 skips those that need a browser
ifeq ($(BROWSER),0)
	@$(PY) -m pytest -n $(WORKERS) --dist loadgroup -m "not browser"
else
	@browser=$$($(PY) -m tests.browser.find) || exit 1; \
	BROWSER_PATH="$$browser" $(PY) -m pytest -n $(WORKERS) --dist loadgroup
endif

check: lint ## Lint, then run the tests that need no browser
	@$(MAKE) --no-print-directory test BROWSER=0

lint: $(VENV)/.installed-dev ## Check format, lint, types and import contracts, as pre-commit does
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports

format: $(VENV)/.installed-dev ## Format the code and fix what can be fixed
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

lock: $(VENV)/.installed-dev ## Pin the newest versions that pyproject.toml allows
	@echo "-e ." | $(COMPILE) --upgrade --output-file requirements.txt -
	@grep -v "^-e" requirements.txt > $(VENV)/constraints.txt
	@$(COMPILE) --upgrade --group dev --constraint $(VENV)/constraints.txt --output-file requirements-dev.txt
	@echo "-r requirements.txt" >> requirements-dev.txt

screenshots: $(VENV)/.installed-dev ## Save every page in both themes to docs/images/pages
	@browser=$$($(PY) -m tests.browser.find) || exit 1; \
	BROWSER_PATH="$$browser" $(PY) -m tests.browser.screenshots

bench: .venv-bench/.installed $(VENV)/.installed-dev ## Measure accuracy and speed beside other libraries
	@.venv-bench/bin/python -m pytest -q -o addopts= tests/benchmarks
	@.venv-bench/bin/python -m tests.benchmarks.tracker
	@echo
	@.venv-bench/bin/python -m tests.benchmarks.accuracy
	@echo
	@.venv-bench/bin/python -m tests.benchmarks.speed
	@echo
	@.venv-bench/bin/python -m tests.benchmarks.training
	@echo
	@browser=$$($(PY) -m tests.browser.find) || exit 1; \
	BROWSER_PATH="$$browser" $(PY) -m tests.benchmarks.pages
	@echo
	@.venv-bench/bin/python -m tests.benchmarks.diagnose

clean: ## Remove the environment and caches, never the runs
	rm -rf $(VENV) .venv-bench .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	@for python in $(PYTHONS); do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			echo "Making $(VENV) with $$("$$python" --version)."; \
			"$$python" -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }; \
			exit 0; \
		fi; \
	done; \
	echo "Python 3.11 or later is needed; none of $(PYTHONS) is. Install it, or name it: make demo PYTHON=/usr/local/bin/python3.12" >&2; \
	exit 1

.venv-bench/.installed: requirements-bench.txt requirements.txt | $(PY)
	@echo "Installing the libraries that core is compared with into .venv-bench; this takes a few minutes."
	@$(PY) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements-bench.txt
	@touch $@

$(VENV)/.installed: requirements.txt pyproject.toml | $(PY)
	@echo "Installing the dependencies; the first time takes a minute or two."
	@$(PY) -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt requirements.txt pyproject.toml | $(PY)
	@echo "Installing the dependencies, with those of the tests; the first time takes a minute or two."
	@$(PY) -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	@touch $@ $(VENV)/.installed
