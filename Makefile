# Two commands do everything on a fresh machine: `make up` and `make test`. Both may be repeated.
#
#   make up ARGS="--devices 3 --replicas 3"    flags of `atoll up`
#   make install PYTHON=/opt/python3.13        a Python of your choice

BUILD_INPUTS := pyproject.toml setup.py constraints.txt tools/install.sh \
                $(wildcard native/*.py native/src/*.[ch])
COMPILED_INPUTS := tools/compile.py $(shell find atoll storage -name '*.py')
BIN := .venv/bin

.PHONY: help up down status install test lint docs bench clean

help:
	@echo "make up       build what is missing, start a cloud, print how to use it"
	@echo "make down     stop it"
	@echo "make status   show its processes"
	@echo "make test     build what is missing, run all checks and tests"
	@echo "make lint     run the checks alone"
	@echo "make docs     write the generated pages of docs/"
	@echo "make bench    measure against references"
	@echo "make install  make the environment, .venv"
	@echo "make clean    remove what was built; data stays"

up: .venv/compiled
	@$(BIN)/atoll up --detach $(ARGS)

down: .venv/installed-run
	@$(BIN)/atoll down $(ARGS)

status: .venv/installed-run
	@$(BIN)/atoll status $(ARGS)

install: .venv/installed-test

test: lint .venv/compiled .venv-clients/installed
	$(BIN)/pytest -q $(ARGS)

lint: .venv/installed-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: .venv/installed-test
	$(BIN)/python -m atoll.config > docs/config.md
	$(BIN)/python -m atoll.metrics > docs/metrics.md
	$(BIN)/python tests/clients/s3/client_table.py

bench: .venv/installed-test .venv/compiled
	$(BIN)/python -m benchmarks $(ARGS)

clean:
	rm -rf .venv .venv-clients build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	rm -f native/_kernels.c atoll/compiled.stamp
	find atoll native storage -name '*.so' -delete
	rm -f atoll__mypyc.*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps: what runs a cloud, and what tests it besides.
.venv/installed-run .venv/installed-test: .venv/installed-%: $(BUILD_INPUTS)
	@PYTHON="$(PYTHON)" tools/install.sh $*

# The S3 clients that tests drive.
.venv-clients/installed: .venv/installed-test tools/clients.sh $(wildcard tools/clients/*.txt)
	@tools/clients.sh

# The data path as machine code; interpreted it does the same, more slowly.
.venv/compiled: .venv/installed-run $(COMPILED_INPUTS)
	@echo "compile: the data path (the first time takes a minute)" >&2
	@$(BIN)/python tools/compile.py >/dev/null
	@touch $@
