# Everything happens in .venv; `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CLUSTER := $(VENV)/.cluster
TESTS ?= tests enlib notebooks
# One thread a worker: small networks lose from more, and the committed outputs were made that way.
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help book test test-cluster check lab outputs bench clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 21

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "expected Python >= 3.10, got $$($(PYTHON) --version 2>&1): run make PYTHON=/path/to/python3.10"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --requirement requirements.txt
	@touch $@

book: $(READY)  ## execute the notebooks and build the book in _build/html
	$(BIN)/jupyter-book build . --warningiserror --keep-going --nitpick
	@echo "Open file://$(CURDIR)/_build/html/index.html"

check: $(READY)  ## ruff, mypy and the fast tests, in minutes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n auto -m "not slow and not book and not browser and not cluster" tests enlib

test: book  ## everything: checks, all tests, doctests, every notebook, the built book
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n auto --dist loadscope --nbval --nbval-current-env --nbval-cell-timeout 120 $(TESTS)

$(CLUSTER): $(READY)
	$(BIN)/pip install --quiet --editable '.[cluster]'
	@touch $@

test-cluster: $(CLUSTER)  ## the replication on a local Ray cluster; installs Ray into .venv
	$(BIN)/pytest -m cluster tests/replication/test_cluster.py

lab: $(READY)  ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab notebooks

outputs: $(READY)  ## execute the notebooks in place: the outputs that are committed
	ENLIB_STATIC=1 $(BIN)/jupyter nbconvert --to notebook --execute --inplace \
	  --ExecutePreprocessor.record_timing=False notebooks/*.ipynb

bench: $(READY)  ## run the benchmarks
	@for file in benchmarks/[a-z]*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

clean:  ## remove what was built; .venv stays
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
