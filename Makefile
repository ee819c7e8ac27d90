SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PY := .venv/bin/python
PACKAGES := lxc python3-lxc hwloc python3-venv busybox-static gcc libc6-dev libgomp1 bash-completion procps tar xz-utils zstd

.PHONY: setup demo test check perf proto clean

setup: .venv/.ready

.venv/.ready: setup.cfg pyproject.toml Makefile tools/setup.sh
	tools/setup.sh $(PACKAGES)
	touch $@

check: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache
	.venv/bin/buf lint proto

test: setup
	$(MAKE) --no-print-directory check
	$(PY) -m pytest

perf: setup
	$(PY) -m tests.perf

demo: setup
	$(PY) -m hpcsched.cli.main demo

proto: setup
	tools/proto.sh hpcsched/v1

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis demo-out
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
