# Needs Python 3.11+ and a package registry; everything else is made here, in .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
OUT    := build/outside
# make test JOBS=2 PYTEST_ARGS="tests/worker -k abort"
JOBS   ?= 3
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test test-only test-pythons test-adapters test-screens lint wheel docs \
    soak soak-operations bench bench-full clean

help:
	@echo "make demo   the demonstration: a simulated instrument, its worker, its PVs"
	@echo "make test   lint, types, import contracts, all tests on the built wheel"
	@echo "make docs   these pages as a site, build/docs/README.html"
	@echo "make test-adapters   drivers of pymeasure and QCoDeS, in two versions of each"
	@echo "make test-screens    the exported screen, opened by PyDM without a display"
	@echo "make test-pythons   units, IOC and worker on the other Pythons that are here"
	@echo "make soak   long runs under faults (half an hour); make bench   against the peers"
	@echo "make soak-operations   two hours of operation with kills; MINUTES=5 for less"

$(VENV)/installed: pyproject.toml
	@echo "Once, about 20 s: $(VENV) with sswd, caproto, numpy, pyvisa, and what"
	@echo "the tests need (pytest, ophyd, bluesky, aioca, supervisor, ruff, mypy ...)."
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' || { \
	    echo "sswd needs Python 3.11 to 3.14, and $(PYTHON) is `$(PYTHON) --version 2>&1`." >&2; \
	    echo "Name another one: make demo PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install -q --disable-pip-version-check -e ".[demo]" --group dev
	touch $@

demo: $(VENV)/installed
	@$(BIN)/sswd demo

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The tests run on the built wheel, in a folder that has no sswd/ beside them.
wheel: $(VENV)/installed
	rm -rf $(OUT)
	mkdir -p $(OUT)
	$(BIN)/python -m pip wheel -q --disable-pip-version-check --no-deps -w $(OUT)/dist .
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps \
	    --target $(OUT)/site $(OUT)/dist/*.whl
	tar cf - --exclude=__pycache__ --exclude=results tests docs examples deploy bench \
	    README.md CHANGELOG.md CONTRIBUTING.md Makefile pyproject.toml | tar xf - -C $(OUT)

# What runs side by side, what runs alone and what may run twice: see tests/run.py.
test-only: wheel
	cd $(OUT) && PYTHONPATH=$$PWD/site PATH=$(abspath $(BIN)):$$PATH \
	    python tests/run.py --jobs $(JOBS) $(PYTEST_ARGS)

test: lint test-only

# A link to nowhere, a page that no list names, a block of no known language: all fail.
$(VENV)/docs-installed: $(VENV)/installed
	$(BIN)/python -m pip install -q --disable-pip-version-check --group docs
	touch $@

docs: $(VENV)/docs-installed
	$(BIN)/sphinx-build -q -W --keep-going -c docs . build/docs

test-pythons: $(VENV)/installed
	tests/pythons.sh

# Drivers of pymeasure and QCoDeS, each library in two versions. They are large (1.3 GB
# in all), so only this installs them.
test-adapters: $(VENV)/installed
	PATH=$(abspath $(BIN)):$$PATH tests/adapters/versions.sh

# PyDM and Qt are 280 MB, so only this installs them.
$(VENV)/screens-installed: $(VENV)/installed
	$(BIN)/python -m pip install -q --disable-pip-version-check --group screens
	touch $@

test-screens: $(VENV)/screens-installed
	$(BIN)/python -m pytest -q tests/screens

# Half an hour: crash and restart cycles, everything at once, and an instrument that is
# cut over and over; make soak CYCLES=100 MINUTES=1 CUTS=20 for less.
CYCLES ?= 1000
MINUTES ?= 10
CUTS ?= 200
soak: $(VENV)/installed
	$(BIN)/python tests/soak/soak.py --cycles $(CYCLES)
	$(BIN)/python tests/soak/mixed.py --minutes $(MINUTES)
	PATH=$(abspath $(BIN)):$$PATH SSWD_TEST_CUTS=$(CUTS) \
	    $(BIN)/python -m pytest -q -s tests/system/faults/test_cuts.py
	$(BIN)/python tests/soak/state_torture.py --kills 300
	$(BIN)/python tests/soak/daemon_torture.py --kills 20

# Eight systems, twenty clients, a worker killed every ten seconds, `sswd status` all the
# while. Deadlines are PATIENCE times those of docs/reference/guarantees.md.
PATIENCE ?= 5
soak-operations: MINUTES = 120
soak-operations: $(VENV)/installed
	$(BIN)/python tests/soak/operations.py --minutes $(MINUTES) --patience $(PATIENCE)

# The peers to be measured against are large, so only this installs them.
$(VENV)/bench-installed: $(VENV)/installed
	$(BIN)/python -m pip install -q --disable-pip-version-check --group bench
	touch $@

bench: $(VENV)/bench-installed
	$(BIN)/python -m bench --short --minutes 10

# An hour and a half. Writes the table into docs/reference/performance.md.
bench-full: $(VENV)/bench-installed
	$(BIN)/python -m bench --repeats 5 --out bench/results/free
	$(BIN)/python -m bench W1 W2 W3 --cores split --repeats 5 \
	    --servers sswd S2 S3 --out bench/results/split
	$(BIN)/python -m bench --from-json bench/results/free/results.json \
	    bench/results/split/results.json --docs docs/reference/performance.md

clean:
	rm -rf $(VENV) build dist
