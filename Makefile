# Two commands on a fresh machine: `make run` (install, run the first study) and `make test` (install, check everything).
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

# Where tests and simulations write what they remove again: in memory where there is room, since the hundred thousand
# small files of both take longer than the work on many a disk; and where TMPDIR says, if it is set.
MEMORY := $(shell test -w /dev/shm && df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 4000000 { print "/dev/shm" }')
test calibrate: export TMPDIR := $(or $(TMPDIR),$(MEMORY),/tmp)

.PHONY: run test calibrate reliability fuzz example lint types format clean

run: $(READY)
	$(BIN)/bpbench run protocols/57vars.yaml

test: lint types
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow"

# How often every rule of the statistics errs; fails where one leaves its bound (some four minutes).
calibrate: $(READY)
	$(BIN)/bpbench doctor --calibrate --size small

# Every fault made for real, and the table of what was lost by it in docs/reliability.md (some seventeen minutes).
reliability: $(READY)
	$(BIN)/python -m pytest tests/faults -n 2 --dist loadgroup -m "slow or not slow" --reliability docs/reliability.md

# Bytes that make a reader fail otherwise than it may: a minute for each reader.
READERS := protocol functions cluster n2p2_settings n2p2_folder n2p2_structures n2p2_values extxyz frames_npz table_csv \
	table_npz table_lines curves history_lines findings
fuzz: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'atheris>=3'
	for reader in $(READERS); do $(BIN)/python tests/fuzz/run.py $$reader --seconds 60 || exit 1; done

# The example that the README shows, from the findings committed beside it.
example: $(READY)
	$(BIN)/bpbench report reports/57vars

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(READY)
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The lock pins every version; the project itself is installed without looking anything up.
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "bpbench needs Python 3.11 or newer; set PYTHON=... to one")'
	@sh tools/pango.sh
	$(PYTHON) -m venv $(VENV) || (sh tools/venv.sh $(PYTHON) && $(PYTHON) -m venv $(VENV))
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

clean:
	rm -rf $(VENV) .bpbench
