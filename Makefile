# Everything a developer does here. A fresh machine needs Python 3.12 or newer and make, nothing else.
#
#   make up        install what is missing and start the whole system (options: make up ARGS="--port 9000 --empty")
#   make check     style, types, boundaries between modules, contracts, licences
#   make test      all tests, on real servers, but those that take long
#   make test-long those that take long, and the fault tests again, longer and with a new seed
#   make test-breaks  breaks the code on purpose, guard by guard: the tests must notice
#   make install   only install; it makes .venv/bin/ikz
#   make lock      choose newer versions of the libraries, within pyproject.toml and package.json
#   make bench     measurements beside other libraries, in at most 15 minutes (make bench ARGS="--quick": a look)
#   make bench-large   the same with 5,000,000 events in the journal
#   make clean     remove what is installed and cached; data in .ikz stays

VENV := .venv
PEERS := .venv-bench
PRETIX := .venv-pretix
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-input
PYTEST := $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder
SERVICES := catalog events notify gateway
ALL := $(foreach extra,$(SERVICES) mailbox embedded build,--extra $(extra))
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-strip-extras --upgrade --custom-compile-command "make lock"

# The first Python that is new enough and can make virtual environments; `make PYTHON=… install` names another.
PYTHON ?= $(shell for candidate in python3.13 python3.12 python3.14 python3 python \
	$$(ls -d "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.1[2-9]*/bin/python3 2>/dev/null | sort -rV); do \
	"$$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1 \
	&& { echo "$$candidate"; break; }; done)
NPM := $(shell npm --version >/dev/null 2>&1 && echo npm || echo $(BIN)/npm)
NPM_INSTALL := PATH="$(CURDIR)/$(BIN):$$PATH" $(NPM) ci --loglevel=error

.PHONY: install up check test test-long test-breaks bench bench-large lock lock-npm clean
.DEFAULT_GOAL := up

install: $(VENV)/installed node_modules/.installed

up: install
	@$(BIN)/ikz up $(ARGS)

check: $(VENV)/installed-dev install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m shared.kernel.schemas --check
	$(BIN)/reuse lint --quiet

test: $(VENV)/installed-dev node_modules/.installed-dev
	$(PYTEST) -m "not long" $(ARGS)

test-long: $(VENV)/installed-dev node_modules/.installed-dev
	$(BIN)/python -m pytest tests/faults --storm-seconds 40 --storm-seed random --timeout 600 --durations 20 $(ARGS)
	$(PYTEST) -m long --ignore tests/faults $(ARGS)

test-breaks: $(VENV)/installed-dev node_modules/.installed-dev
	$(BIN)/python -m tests.faults.breaking $(ARGS)

bench: $(VENV)/installed-dev install $(PEERS)/installed $(PRETIX)/installed
	$(BIN)/python -m bench $(ARGS)

bench-large: $(VENV)/installed-dev install $(PEERS)/installed
	$(BIN)/python -m bench --large $(ARGS)

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.12 or newer with venv and ensurepip is needed; none was found." >&2; exit 1; }
	@echo "Making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/installed: requirements/up.txt pyproject.toml | $(BIN)/python
	@echo "Installing the libraries"
	@$(PIP) --require-hashes --only-binary :all: -r requirements/up.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q services shared
	@touch $@

$(VENV)/installed-dev: requirements/dev.txt $(VENV)/installed
	@echo "Installing the tools for development"
	@$(PIP) --require-hashes --only-binary :all: --no-binary reuse --no-build-isolation -r requirements/dev.txt
	@touch $@

# What is measured beside our own code has libraries of its own.
$(PEERS)/installed: requirements/bench.txt | $(BIN)/python
	@echo "Installing what is compared with"
	@$(BIN)/python -m venv --clear $(PEERS)
	@$(PEERS)/bin/python -m pip --disable-pip-version-check install --quiet --no-input --require-hashes \
		--only-binary :all: -r requirements/bench.txt
	@touch $@

# An application of its own kind beside us; nothing of it is in what we ship.
$(PRETIX)/installed: requirements/pretix.txt bench/peers/pretix_site.py | $(BIN)/python
	@echo "Installing pretix, to compare with"
	@$(BIN)/python -m venv --clear $(PRETIX)
	@$(PRETIX)/bin/python -m pip --disable-pip-version-check install --quiet --no-input --require-hashes \
		-r requirements/pretix.txt
	@touch $@

# node and npm in a wheel, for machines that have none.
$(BIN)/npm: requirements/npm.txt | $(BIN)/python
	@$(PIP) --require-hashes --only-binary :all: -r requirements/npm.txt
	@touch $@

node_modules/.installed: package.json package-lock.json services/gateway/portal/vendor.py \
		$(if $(filter npm,$(NPM)),,$(BIN)/npm) | $(VENV)/installed
	@echo "Installing the portal's styles"
	@$(NPM_INSTALL) --omit=dev
	@$(BIN)/python -m services.gateway.portal.vendor node_modules
	@touch $@

node_modules/.installed-dev: node_modules/.installed
	@echo "Installing the browser for tests"
	@$(NPM_INSTALL)
	@touch node_modules/.installed $@

lock: $(VENV)/installed-dev lock-npm
	$(COMPILE) pyproject.toml $(ALL) --extra dev -o requirements/dev.txt
	$(COMPILE) pyproject.toml $(ALL) -c requirements/dev.txt -o requirements/up.txt
	$(COMPILE) pyproject.toml -c requirements/dev.txt -o requirements/tools.txt
	for part in $(SERVICES) mailbox; do \
	$(COMPILE) pyproject.toml --extra $$part -c requirements/dev.txt -o requirements/$$part.txt || exit 1; done
	$(COMPILE) requirements/npm.in -o requirements/npm.txt
	$(COMPILE) requirements/bench.in -c requirements/dev.txt -o requirements/bench.txt
	$(COMPILE) requirements/pretix.in -o requirements/pretix.txt

# The lock names no registry (.npmrc), so that every machine uses its own.
lock-npm:
	PATH="$(CURDIR)/$(BIN):$$PATH" $(NPM) install --package-lock-only

clean:
	rm -rf $(VENV) $(PEERS) $(PRETIX) node_modules build dist services/gateway/portal/static/vendor
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.ikz/*' -prune -exec rm -rf {} +
