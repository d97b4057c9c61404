# Everyday commands. Each does its own set-up; a machine needs Python 3.10 or newer, git and make.

PYTHON ?= python3
BIN := .venv/bin
SET_UP := $(PYTHON) scripts/bootstrap.py
FAST := tests/arch tests/unit
# A file's tests share servers, so a file stays with one worker. It waits for servers and clocks, too: hence one
# worker more than CI has cores.
WORKERS ?= 3
PARALLEL := -n $(WORKERS) --dist loadfile --no-loadscope-reorder
# How much a night is to find: what the tests marked `scaled` read.
NIGHTLY := RUNYARD_KILLS=2000 RUNYARD_CLIENT_KILLS=2000 RUNYARD_FAULTS=1 RUNYARD_UPGRADE_POINTS=1000000 \
	RUNYARD_UPGRADE_KILLS=20 RUNYARD_LOST_ANSWERS=2000 RUNYARD_ORACLE_STEPS=1000000 RUNYARD_SCHEDULES=10000 RUNYARD_FUZZ_EXAMPLES=700 \
	RUNYARD_LARGE_FILE_MB=5120 RUNYARD_JOB_KILLS=20 RUNYARD_DATABASE_FAULTS=50 RUNYARD_SERVER_KILLS=100 \
	RUNYARD_SWEEP_TRIALS=50 RUNYARD_SWEEP_KILLS=20

# Tests start a server hundreds of times: one that has to be compiled anew takes three times as long to be there.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test check lint format nightly bench studio lock reference changelog clean

help:  ## Show this list
	@grep -E '^[a-z]+:.*  ## ' $(MAKEFILE_LIST) | awk -F ':.*  ## ' '{printf "make %-10s %s\n", $$1, $$2}'

run:  ## Start the server with the sample training in it; Ctrl-C stops it
	@$(SET_UP) run
	@$(BIN)/python scripts/run_sample.py

test:  ## Install what the tests need and run all of them
	@$(SET_UP) test
	@$(BIN)/python hatch_build.py npm run check
	@$(BIN)/python hatch_build.py npm test
	$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

check: lint  ## Format, lint, types and the fast tests: what a commit must pass
	$(BIN)/python -m pytest -q $(FAST) $(ARGS)

lint:  ## Format, lint and types alone
	@$(SET_UP) dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python scripts/shape.py
	$(BIN)/python -m scripts.reference --check

format:  ## Let ruff and the Studio's formatter rewrite the sources
	@$(SET_UP) dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	@$(BIN)/python hatch_build.py npm run format

nightly:  ## The tests that take too long for every change, with the figures of a night
	@$(SET_UP) test
	$(NIGHTLY) $(BIN)/python -m pytest --timeout=0 --hypothesis-profile=nightly -m "nightly or scaled" $(ARGS)

bench:  ## Measure Runyard and its peers side by side (ARGS="--only B,C --contestants runyard-sqlite")
	@$(SET_UP) bench
	$(BIN)/python -m benchmarks $(ARGS)

studio:  ## The Studio with hot reload, beside a server on RUNYARD_URL (default port 5000)
	@$(SET_UP) run
	@$(BIN)/python hatch_build.py npm run dev

lock:  ## Write requirements/*.txt anew (ARGS=--upgrade takes the newest versions)
	@$(SET_UP) dev
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python scripts/lock.py $(ARGS)

reference:  ## Write into docs/reference/ what the code says
	@$(SET_UP) dev
	@$(BIN)/python -m scripts.reference

changelog:  ## Show what the next release's entry in CHANGELOG.md would say
	@$(SET_UP) dev
	@$(BIN)/towncrier build --draft

clean:  ## Remove all that set-up, builds and tests left in the checkout
	rm -rf .venv .envs .setup .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
	rm -rf studio/node_modules studio/dist src/runyard/server/studio
	find src tests scripts benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
