# Everything happens in .venv; `make help` lists the targets.
PYTHON ?= python3
# `make gpu` runs in a Python that has torch with CUDA; it needs no .venv.
GPU_PYTHON ?= python3
VENV := .venv
# Every program is started by the environment's own Python, so that a copied or moved folder runs its own code; the
# package is then installed again, for it is known by its absolute path.
RUN := $(VENV)/bin/python -m
HERE := $(shell pwd | cksum | cut -d' ' -f1)
READY := $(VENV)/.ready-$(HERE)
CLUSTER := $(VENV)/.extras-$(HERE)
TESTS ?= tests enlib
BUILD := $(VENV)/bin/python -c "from jupyter_book.cli.main import main; main()" build . \
  --warningiserror --keep-going --nitpick
QUICK := not slow and not book and not browser and not cluster
# One thread a worker: small networks lose from more, and the committed outputs were made that way.
export OMP_NUM_THREADS ?= 1
# What the user's own Python finds elsewhere must not stand in for what is here.
unexport PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help book sphinx pdf test test-cluster check lab outputs bench gpu clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 21

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "expected Python >= 3.10, got $$($(PYTHON) --version 2>&1): run make PYTHON=/path/to/python3.10"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN) pip install --quiet --requirement requirements.txt
	@rm -f $(VENV)/.ready-* && touch $@

book: $(READY)  ## execute the notebooks and build the book in _build/html
	$(BUILD)
	@echo "Open _build/html/index.html"

sphinx: $(READY)  ## build the book with Sphinx alone, without Jupyter Book, in _build/sphinx
	ENLIB_EXECUTE=pages $(RUN) sphinx -b html -nW --keep-going -c book . _build/sphinx

pdf: $(READY)  ## print the built book, with Chromium, to _build/book.pdf
	$(VENV)/bin/python book/pdf.py

check: $(READY)  ## ruff, mypy and the fast tests, in a few minutes
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) pytest -q -n auto --dist worksteal -p no:nbval --durations=9 --durations-min=3 -m "$(QUICK)" $(TESTS)

test: $(READY)  ## everything: checks, every notebook's outputs, the book, all tests and doctests
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) pytest -q -n auto --dist loadfile --nbval --nbval-current-env --nbval-cell-timeout 300 notebooks
	@# The committed outputs are what the notebooks print, as was just seen; the book need not execute them again.
	@# Side by side: each of the two keeps one core busy.
	$(RUN) mypy & types=$$!; ENLIB_EXECUTE=pages $(BUILD); built=$$?; wait $$types && exit $$built
	$(RUN) pytest -q -n auto --dist worksteal -p no:nbval $(TESTS)

$(CLUSTER): $(READY)
	$(RUN) pip install --quiet --editable '.[cluster,search]'
	@touch $@

test-cluster: $(CLUSTER)  ## the replication on a local Ray cluster, and Optuna as an oracle; installs both into .venv
	$(RUN) pytest -m cluster tests/replication/test_cluster.py
	$(RUN) pytest tests/search/test_optuna.py

lab: $(READY)  ## open the notebooks in JupyterLab
	$(RUN) jupyter trust notebooks/*.ipynb
	$(RUN) jupyterlab notebooks

outputs: $(READY)  ## execute the notebooks in place: the outputs that are committed
	ENLIB_STATIC=1 $(RUN) nbconvert --to notebook --execute --inplace \
	  --ExecutePreprocessor.record_timing=False notebooks/*.ipynb

bench: $(READY)  ## run the benchmarks; `make bench ONLY=fit` runs one
	$(VENV)/bin/python benchmarks/run.py $(ONLY)

gpu:  ## compare CPU and CUDA in at most eight minutes; needs only torch, numpy, scipy and scikit-learn
	PYTHONPATH=. $(GPU_PYTHON) benchmarks/gpu.py

clean:  ## remove what was built; .venv stays
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
