# Needs python3 (3.11 to 3.13) with pip, git and make. Everything else is installed below
# .tools/, .venv/ and .venv-peers/ in this folder, from PyPI, at the versions that the lock
# files name; `make test` also installs database servers from Debian's packages.

UV_VERSION := 0.13.8
UV := .tools/bin/uv
BIN := .venv/bin

# Arguments for run, test, bench and soak: make run ARGS="--policy best-fit"
ARGS ?=
# Test processes: auto is one a core.
WORKERS ?= auto
# How long one soak test goes on.
SOAK_SECONDS ?= 600

# The machine's own Python is used, never a downloaded one.
export UV_PYTHON_DOWNLOADS := never
# Certificates that the machine trusts count, where it has any: a mirror may need them.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt),)
export UV_SYSTEM_CERTS := true
endif
# A virtual environment that happens to be active is not ours.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME
# Compiled modules are kept: the tests start many processes.
unexport PYTHONDONTWRITEBYTECODE

# bench/ is checked too, once it is there.
TYPED := $(wildcard src bench)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test lint format bench soak docs clean

help: ## say what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/.stamp-run ## replay the OpenB GPU cluster as servers (ARGS="...")
	$(BIN)/innkeeper replay openb --as-servers --policy fgd $(ARGS)

test: lint .venv-peers/.stamp .tools/.stamp-servers ## lint, then every test but soak (ARGS="...", WORKERS=n)
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup $(ARGS)

lint: .venv/.stamp-test ## style, types, direction of imports, dependencies
	$(UV) lock --check --offline --quiet
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy $(TYPED)
	$(BIN)/lint-imports --no-cache
	$(BIN)/deptry src

format: .venv/.stamp-test ## format the code and mend what ruff can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: .venv/.stamp-test .venv-peers/.stamp .tools/.stamp-servers ## measure, in minutes (ARGS="--help" says how to measure it all)
	$(BIN)/python -m bench $(ARGS)

soak: .venv/.stamp-test .venv-peers/.stamp .tools/.stamp-servers ## the tests that run for long (SOAK_SECONDS=600, ARGS="...")
	INNKEEPER_SOAK_SECONDS=$(SOAK_SECONDS) HYPOTHESIS_PROFILE=soak \
		$(BIN)/pytest -m soak --timeout=0 $(ARGS)

docs: .venv/.stamp-docs ## the documentation, as docs/_build/html/index.html
	$(BIN)/sphinx-build -W --keep-going --fresh-env -q docs docs/_build/html

clean: ## remove everything that make has made
	rm -rf .venv .venv-peers .tools dist docs/_build .mypy_cache .pytest_cache .ruff_cache \
		.import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- what the targets above stand on ------------------------------------------------------

# --target works where the system's Python refuses pip (PEP 668), and needs no venv module.
.tools/.stamp-uv-$(UV_VERSION):
	@test "$$($(UV) --version 2>/dev/null | cut -d' ' -f2)" = "$(UV_VERSION)" \
		|| python3 -m pip install --quiet --disable-pip-version-check \
			--root-user-action ignore --no-deps --upgrade --only-binary :all: \
			--target .tools "uv==$(UV_VERSION)"
	@touch $@

# --inexact: what another target has installed stays. The stamps lie inside .venv, so that
# they go with it.
.venv/.stamp-run: pyproject.toml uv.lock .tools/.stamp-uv-$(UV_VERSION)
	$(UV) sync --quiet --frozen --inexact --no-dev
	@touch $@

.venv/.stamp-test: pyproject.toml uv.lock .tools/.stamp-uv-$(UV_VERSION)
	$(UV) sync --quiet --frozen --inexact --group conformance
	@touch $@ .venv/.stamp-run

# Real servers and clients of OpenStack, which the tests start, in an environment of their own.
.venv-peers/.stamp: tests/peers/pyproject.toml tests/peers/uv.lock .tools/.stamp-uv-$(UV_VERSION)
	UV_PROJECT_ENVIRONMENT=$(CURDIR)/.venv-peers $(UV) sync --project tests/peers --quiet --frozen
	@touch $@

# Database servers that the tests start, from Debian's packages.
.tools/.stamp-servers: tests/servers/install
	tests/servers/install
	@mkdir -p $(@D) && touch $@

.venv/.stamp-docs: pyproject.toml uv.lock .tools/.stamp-uv-$(UV_VERSION)
	$(UV) sync --quiet --frozen --inexact --no-dev --group docs
	@touch $@ .venv/.stamp-run
