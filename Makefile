# Needs Python 3.11 or newer, make and the package registry; everything else lands in .venv.
.DEFAULT_GOAL := help
.PHONY: help demo test test-all lint format bench clean
PYTHON ?= python3
BIN := .venv/bin
export BENTOML_DO_NOT_TRACK := true
unexport PYTHONDONTWRITEBYTECODE
unexport VIRTUAL_ENV

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.venv: .venv/synced

.venv/synced: pyproject.toml uv.lock
	@echo "Making .venv and installing from uv.lock (about a minute the first time)"
	@test -x $(BIN)/uv || { $(PYTHON) -m venv .venv && $(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.9"; }
	@$(BIN)/uv sync --frozen --all-extras --compile-bytecode
	@touch $@

demo: .venv ## Train, export and serve an example on 127.0.0.1:3000
	@$(BIN)/modelport demo

test: .venv ## Run every test but the slow ones (under 5 minutes)
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow" -q

test-all: test ## Run the slow tests too, real components included
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m slow -q

lint: .venv ## Check style and types
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

format: .venv ## Format the code
	@$(BIN)/ruff check --fix -q . ; $(BIN)/ruff format .

bench: .venv ## Measure Modelport beside its peers (under 40 minutes; QUICK=1: under 5)
	@command -v wrk >/dev/null || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  echo "Installing wrk, the load generator" && apt-get update -qq && apt-get install -y -qq wrk >/dev/null; } || true
	@$(BIN)/python -m benchmarks $(if $(QUICK),--quick)

clean: ## Remove what the targets made in this folder
	@rm -rf .venv .bench .pytest_cache .mypy_cache .ruff_cache .hypothesis
