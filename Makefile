# Everything runs in .venv, with the versions of constraints.txt.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: install train lint test test-long docs paper bench clean

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade-strategy only-if-needed -c constraints.txt torch
	$(BIN)/pip install --quiet -c constraints.txt -e ".[dev]"
	touch $@

train: install
	$(BIN)/python train.py experiment=ising

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile -m "not long"

test-long: install
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile -m long

docs: install
	$(BIN)/pip install --quiet -c constraints.txt -e ".[docs]"
	OMP_NUM_THREADS=1 $(BIN)/sphinx-build -q -W --keep-going -c docs -d outputs/docs-cache . outputs/docs

paper: install
	$(BIN)/python study.py

bench: install
	for name in tiles fields theories processes training loading micron; do $(BIN)/python -m benchmarks.$$name || exit; done

clean:
	rm -rf .venv outputs
	find data/cache -mindepth 1 -maxdepth 1 ! -name dft -exec rm -r {} + # labels take days
