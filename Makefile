# Everything a person or CI runs. `make demo` and `make test` set up what they need first; `make help` lists the rest.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo up test check bench lab histories protocol screenshots setup pins clean format

BIN := .venv/bin
READY := .venv/.ready
ROOMS := contracts registry/api kit registry orchestrator $(patsubst %/,%,$(wildcard teams/*/)) deploy
PROJECTS := $(addsuffix /pyproject.toml,$(ROOMS))

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' Makefile | expand -t 8

demo: $(READY) ## start a private mesh, settle a few customer cases on it, stop it
	@$(BIN)/callboard demo

up: $(READY) ## keep a mesh running for development; Ctrl-C stops it
	@$(BIN)/callboard up

test: $(READY) ## run the tests, the end-to-end ones on real servers and in a real browser included
	@sh requirements/browser.sh
	@$(BIN)/python -m pytest -n auto --dist loadscope --no-loadscope-reorder --max-worker-restart 2

check: $(READY) ## format, lint, types, imports, dependencies, architecture
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	@for room in $(ROOMS); do echo "deptry $$room"; (cd $$room && "$(CURDIR)/$(BIN)/deptry" --no-ansi src) || exit 1; done
	@sh registry/api/check_protocol.sh
	@$(BIN)/python -m pytest -q tests/architecture

bench: $(READY) ## measure what the mesh costs; a table, and JSON in bench-results/
	@$(BIN)/python -m bench

lab: $(READY) ## kill things by number, then the tasks and many changes of few records under random kills, and the tasks by delegation
	@$(BIN)/python -m tests.lab.kill
	@$(BIN)/python -m tests.lab.late_approval
	@$(BIN)/python -m tests.lab
	@$(BIN)/python -m tests.lab.contention
	@$(BIN)/python -m tests.lab.processing
	@$(BIN)/python -m tests.lab.rolling
	@$(BIN)/python -m tests.lab.trying
	@$(BIN)/python -m tests.lab.delegating
	@$(BIN)/python -m tests.lab.faulting

histories: $(READY) ## record the runs again that the replay tests hold today's workflows to
	@$(BIN)/python -m tests.recording

protocol: $(READY) ## lint the registry's protocol, and find what would break its clients (needs npm)
	@sh registry/api/check_protocol.sh

screenshots: $(READY) ## take pictures of the console, into screenshots/
	@sh requirements/browser.sh
	@$(BIN)/python -m tests.browser.screenshots

setup: $(READY) ## make .venv with the pinned requirements and the rooms

$(READY): requirements/dev.txt requirements/setup.sh $(PROJECTS)
	@sh requirements/setup.sh
	@touch $(READY)

format: $(READY) ## put the code into the house's format
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

pins: $(READY) ## pin the newest versions that fit every room, on every platform and Python from 3.11 on
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --group dev \
		--no-emit-index-url --no-header --no-annotate pyproject.toml $(PROJECTS) --output-file .venv/pins.txt
	@{ echo '# Made by "make pins" from the pyproject.toml files; every machine installs exactly these.'; \
		grep -v '^-' .venv/pins.txt; } > requirements/dev.txt

clean: ## remove the environment and everything that was made; stop a running mesh first
	@if [ -x $(BIN)/callboard ]; then $(BIN)/callboard down >/dev/null 2>&1 || true; fi
	@rm -rf .venv .callboard .pytest_cache .ruff_cache .import_linter_cache .hypothesis bench-results screenshots
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
