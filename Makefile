# make lab   shows a network at work          make test  proves it
# make deps  installs what the tests need     make bench measures it against its peers
# make nightly breaks the program line by line: would its tests notice?

# Debian's own, whatever comes first in PATH
PYTHON  := /usr/bin/python3
SUDO    := $(if $(filter 0,$(shell id -u)),,sudo)
PYTEST  := -m pytest -q

.PHONY: lab test deps lint bench nightly suites reference clean

lab: .deps-lab
	$(SUDO) .venv/bin/metalease lab $(LAB)

test: deps lint suites

deps: .deps-lab .deps-test

.deps-lab: pyproject.toml packaging/dev/install.sh
	packaging/dev/install.sh lab
	test -d .venv || $(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --editable .
	touch $@

.deps-test: .deps-lab pyproject.toml packaging/dev/install.sh
	packaging/dev/install.sh test
	.venv/bin/pip install --quiet --editable '.[test,lint]'
	packaging/dev/venvs.sh
	touch $@

lint:
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

# Everything on the newest libraries and on Debian's; what needs no root on every
# other Python that the machine has.
suites:
	packaging/dev/suites.sh $(PYTEST)

# Would the tests notice?  Each clause is broken in a copy, and its test has to fail.
# Then rules and URLs that no test has seen yet, to the real lighttpd and to us; and
# whether each benchmark still runs.
nightly: deps
	$(SUDO) .venv/bin/python -m tests.breaks
	$(SUDO) .venv/bin/python -m tests.oracles.test_lighttpd_rules 10000
	$(SUDO) .venv/bin/python -m benchmarks --small

bench: deps
	$(SUDO) .venv/bin/python -m benchmarks

# docs/reference is made from the program; a test compares
reference: .deps-lab
	.venv/bin/python -m tests.reference

clean:
	rm -rf .venv .venv-* .deps-* build *.egg-info .mypy_cache .ruff_cache .pytest_cache
