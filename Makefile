# Two commands do all the set-up: `make run` starts Cairn, `make test` passes its tests.
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' && { echo $$p; break; }; done)
BIN := .venv/bin

.PHONY: run stack down test test-fast lint bench doctor lock vendor clean
.DELETE_ON_ERROR:

run: .venv/runtime
	@exec $(BIN)/python -m deploy.run

doctor:
	@deploy/local/doctor

# Cairn as production runs it, as separate processes on servers from packages, and its end-to-end tests; `make down` ends it all.
stack: .venv/dev
	@deploy/local/stack start
	@deploy/local/stack check

down:
	@deploy/local/stack down

test: .venv/dev
	@deploy/local/test

test-fast: .venv/dev
	@$(BIN)/python -m pytest -n 2 -m "not server and not browser and not slow"

lint: .venv/dev
	@deploy/local/lint

bench: .venv/dev
	@$(BIN)/python -m benchmarks $(ONLY)

# Runtime and development requirements are compiled together, so that they agree; no address of an index goes into them.
lock: .venv/dev
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -q -o requirements/runtime.txt
	$(BIN)/uv pip compile pyproject.toml --extra dev -c requirements/runtime.txt --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -q -o requirements/dev.txt

vendor:
	@deploy/local/vendor

.venv/runtime: requirements/runtime.txt pyproject.toml
	@PYTHON="$(PYTHON)" deploy/local/venv runtime

.venv/dev: requirements/dev.txt pyproject.toml
	@PYTHON="$(PYTHON)" deploy/local/venv dev

clean:
	rm -rf .venv .cairn .cache
