.DEFAULT_GOAL := help

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
UV := uv==0.13.9

# Tests start Canopy in hundreds of processes; what they import is compiled once.
unexport PYTHONDONTWRITEBYTECODE

# A stamp says that its lock file is installed. dev.txt holds all of demo.txt, so the demo runs from either.
DEV := $(VENV)/.dev
DEMO := $(if $(wildcard $(DEV)),$(DEV),$(VENV)/.demo)

# Node is the system's where that is new enough, else a wheel's; npm of the same.
NODE := $(VENV)/.node
NPM := PATH="$(abspath $(BIN)):$$PATH" npm --fetch-retries=1 --fetch-retry-mintimeout=1000 --no-fund --no-audit --loglevel=error
EXPLORER := app/explorer/index.html
DASHBOARD := app/dashboard/index.html
CODEGEN := clients/.venv/.codegen

.PHONY: help setup demo explorer dashboard screenshots test faults test-browser test-clients lint lint-schema format bench lock clean

help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(DEV) ## Make .venv, with all that development needs

demo: $(DEMO) ## Run the demo at http://127.0.0.1:8000; PORT=… moves it
	@$(MAKE) --no-print-directory dashboard || echo 'The demo runs without the dashboard.' >&2
	@$(MAKE) --no-print-directory explorer || echo 'The demo runs without the explorer.' >&2
	@$(BIN)/canopy demo --port $(PORT)

dashboard: $(DASHBOARD) ## Build the dashboard, which is then at /

explorer: $(EXPLORER) ## Build GraphiQL, which is then at /graphql

test: $(DEV) ## Run every test, on SQLite and on a PostgreSQL of their own; ARGS=… goes to pytest
	@$(BIN)/python -m pytest --numprocesses auto --dist worksteal --ignore tests/browser --ignore tests/clients --ignore tests/faults/long $(ARGS)

faults: $(DEV) ## Kill, cut off and starve a Canopy under load, again and again; ask all as every caller, thousands of documents of both executors, and all that is asked in tests of the standard one
	@$(BIN)/python -m pytest tests/faults --rounds 20 --override-ini faulthandler_timeout=1800 $(ARGS)
	@$(BIN)/python -m pytest tests/execution/test_equality.py tests/graphql/test_executors.py --documents 1000 --override-ini faulthandler_timeout=1800 $(ARGS)
	@$(BIN)/python -m pytest tests/isolation --deep 1 --seed $$(date +%s) --override-ini faulthandler_timeout=1800 $(ARGS)
	@$(BIN)/python -m pytest tests/isolation --worlds 4 --seed $$(date +%s) $(ARGS)
	@CANOPY_EXECUTOR=standard $(BIN)/python -m pytest --numprocesses auto --dist worksteal tests/app tests/graphql tests/http tests/isolation tests/unit/test_contract.py $(ARGS)
	@CANOPY_EXECUTOR=standard $(MAKE) --no-print-directory test-clients

test-browser: $(DEV) $(DASHBOARD) $(EXPLORER) ## Try the pages in a headless Chromium; CHROMIUM=… names another
	@$(BIN)/python -m pytest tests/browser --numprocesses auto --dist worksteal $(ARGS)

screenshots: $(DEV) $(DASHBOARD) ## Renew the pictures of the dashboard in docs/screenshots
	@$(BIN)/python -m pytest tests/browser/test_pages.py --screenshots -k test_every_page $(ARGS)

test-clients: $(DEV) clients/node_modules/.package-lock.json $(CODEGEN) ## Try what is in clients/ against a demo
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pytest tests/clients $(ARGS)

lint: $(DEV) ## Check the form, the types, and which package imports which
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy app schema resolvers models mail tests benchmarks
	$(BIN)/lint-imports

lint-schema: clients/node_modules/.package-lock.json ## Check schema.graphql by the rules of two linters
	@cd clients && PATH="$(abspath $(BIN)):$$PATH" node lint-schema.js

format: $(DEV) ## Bring the code into form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(DEV) ## Measure; ARGS=… goes to the benchmarks
	@$(BIN)/python -m benchmarks $(ARGS)

lock: | $(BIN)/pip ## Pin the dependencies of pyproject.toml; ARGS=--upgrade renews them
	@$(BIN)/pip install --quiet --disable-pip-version-check $(UV)
	@$(call pin,dev,pyproject.toml --extra dev)
	@$(call pin,demo,pyproject.toml --extra build --extra demo --constraints requirements/dev.txt)
	@$(call pin,run,pyproject.toml --constraints requirements/dev.txt)
	@echo hatchling | $(call pin,build,- --constraints requirements/dev.txt)
	@$(call pin,node,--group node)
	@$(call pin,codegen,--group codegen)

clean: ## Remove .venv, the demo's data, and caches
	rm -rf $(VENV) app/dashboard app/explorer dashboard/generated */node_modules clients/.venv var dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

pin = UV_NO_CONFIG=1 UV_CUSTOM_COMPILE_COMMAND='make lock' $(BIN)/uv pip compile --quiet $(2) \
	--output-file requirements/$(1).txt --universal --python-version 3.11 \
	--generate-hashes --no-annotate --no-emit-index-url $(ARGS) >/dev/null

$(VENV)/.dev $(VENV)/.demo: $(VENV)/.%: requirements/%.txt pyproject.toml | $(BIN)/pip
	@echo 'Installing $< into $(VENV)'
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(EXPLORER): explorer/build.mjs explorer/node_modules/.package-lock.json $(wildcard explorer/source/* explorer/source/*/*)
	@echo 'Building the explorer'
	@cd explorer && PATH="$(abspath $(BIN)):$$PATH" node build.mjs

$(DASHBOARD): schema/schema.graphql dashboard/node_modules/.package-lock.json \
		$(wildcard dashboard/*.ts dashboard/*.json dashboard/*.html dashboard/source/* dashboard/source/*/*)
	@echo 'Building the dashboard'
	@cd dashboard && PATH="$(abspath $(BIN)):$$PATH" npm run --silent build

# npm writes this file itself, when all that the lock file names is installed.
%/node_modules/.package-lock.json: %/package.json %/package-lock.json | $(NODE)
	@echo 'Installing $*/package-lock.json'
	@cd $* && $(NPM) ci --ignore-scripts
	@touch $@

# Apart from ours: it needs an older graphql-core.
$(CODEGEN): requirements/codegen.txt | $(BIN)/pip
	@echo 'Installing $< into clients/.venv'
	@$(PYTHON) -m venv clients/.venv
	@clients/.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

# As Vite says: 20.19, 22.12, or any after that.
export ENOUGH := const [major, minor] = process.versions.node.split(".").map(Number); \
	process.exit(major > 22 || (major === 22 && minor > 11) || (major === 20 && minor > 18) ? 0 : 1)

$(NODE): requirements/node.txt | $(BIN)/pip
	@if ! { npm --version && node -e "$$ENOUGH"; } >/dev/null 2>&1; then \
		echo 'Installing Node into $(VENV)'; \
		$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<; \
	fi
	@touch $@

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'Canopy needs Python 3.11 or later. $(PYTHON) is not: PYTHON=… names another.' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
