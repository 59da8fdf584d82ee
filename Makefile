# make: set up in .venv and run the demo; make test: the tests but the slow ones; make test-all: all tests;
# make test-jax, make test-torch: the tests that need JAX, PyTorch, which they install; make check: style and types;
# make docs: the site, in build/docs; make wheel: the package, in dist, built and tried.
PYTHON ?= python3
BIN := .venv/bin
HALF := tests/derivation tests/lstm_models tests/compiled

# Tests start many processes, each of which would compile all of tinyad again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-half test-other-half test-all test-jax test-torch check docs wheel notebooks bench mutants clean

demo: .venv/ready
	$(BIN)/tinyad demo

# Two processes, each of which takes about half of the time.
test: .venv/ready-test
	@$(MAKE) --no-print-directory --jobs=2 test-half test-other-half

test-half test-other-half: .venv/ready-test
test-half:
	$(BIN)/python -m pytest -m "not slow" -p no:cacheprovider $(HALF)
test-other-half:
	$(BIN)/python -m pytest -m "not slow" $(addprefix --ignore=,$(HALF))

test-all: .venv/ready-test
	$(BIN)/python -m pytest

test-jax: .venv/ready-test .venv/ready-jax
	$(BIN)/python -m pytest tests/compiled/test_jax_programs.py $(wildcard tests/lstm_models/test_training_[jp]*.py)

test-torch: .venv/ready-test .venv/ready-torch
	$(BIN)/python -m pytest tests/compiled/test_torch_programs.py

check: .venv/ready-check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/project/test_house.py

docs: .venv/ready-docs
	rm -rf build/docs
	$(BIN)/sphinx-build -E -W --keep-going -n -q -b html docs build/docs
	$(BIN)/python -m tests.support.links build/docs

wheel: .venv/ready-check
	rm -rf dist build/wheel
	$(BIN)/python -m build --outdir dist .
	$(BIN)/python -m venv build/wheel
	build/wheel/bin/python -m pip install -q --disable-pip-version-check dist/*.whl
	cd build/wheel && bin/tinyad --version && bin/tinyad demo && bin/tinyad new svm && bin/tinyad check svm.md

notebooks: .venv/ready-test
	$(BIN)/python -m tests.support.notebooks

bench: .venv/ready-bench
	$(BIN)/python -m tests.benchmarks.bench
	$(BIN)/python -m tests.benchmarks.compiled
	$(BIN)/python -m tests.benchmarks.training
	$(BIN)/python -m tests.benchmarks.derivations
	$(BIN)/python -m tests.benchmarks.corrections
	$(BIN)/python -m tests.benchmarks.compared

mutants: .venv/ready-mutants
	$(BIN)/mutmut run

clean:
	rm -rf .venv build dist docs/notebooks mutants

.venv/bin/python:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || { echo "tinyad needs Python 3.11 or newer: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "no venv module: install python3-venv, or make PYTHON=another"; exit 1; }

# matplotlib is an extra: where it cannot be installed, nothing is plotted and all else runs.
.venv/ready: .venv/bin/python pyproject.toml
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e ".[plot]" || $(BIN)/python -m pip install -q --disable-pip-version-check -e .
	@touch $@

.venv/ready-%: .venv/ready pyproject.toml
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e ".[$(if $(filter check,$*),check$(comma)test,$(if $(filter mutants,$*),mutants$(comma)test,$*))]"
	@touch $@

comma := ,
