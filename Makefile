# Needs `make` and `python3` (3.11 or newer); everything else is installed into .venv.

PYTHON ?= python3
BIN := .venv/bin
DEMO ?= out/demo
BENCH ?= out/bench

.DEFAULT_GOAL := help
.PHONY: setup demo test lint format bench constraints clean help

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 14

setup: .venv/.ready ## the environment, at the versions of constraints.txt

# The stamp is touched last: an interrupted set-up is taken up again. Bytecode is compiled here, since it is
# not everywhere that Python writes it (PYTHONDONTWRITEBYTECODE): without it each of a run's dozen processes
# compiles some four thousand files, and `generate` takes 40 s to start where it takes 15.
.venv/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("diffcxr needs Python 3.11 or newer: make setup PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[dev]'
	@touch $@

demo: setup ## the whole path on embedded defaults: corpora, images, measures, a page
	PATH="$(CURDIR)/$(BIN):$$PATH" sh demo.sh $(DEMO)

test: setup ## every test
	$(BIN)/pytest --durations=30

lint: setup ## style, types, and the one way that imports run
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## rewrite the style
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

bench: setup ## every benchmark, quickly; the committed results were run in full
	$(BIN)/python -m benchmarks --quick --output $(BENCH)

constraints: setup ## write constraints.txt from what is installed
	@echo '# Every package of the tested environment, for `uv pip install -c`; made by `make constraints`.' > constraints.txt
	@VIRTUAL_ENV=.venv $(BIN)/uv pip freeze --quiet --exclude-editable | grep -v -e '^pip==' -e '@' >> constraints.txt

clean: ## remove the environment and what was made in out/
	rm -rf .venv out
