SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PY := .venv/bin/python
PURE := tests/sim $(addprefix tests/contract/test_,policy.py store.py device.py) tests/unit
NUMA_PACKAGES := qemu-system-x86 debootstrap e2fsprogs
PACKAGES := lxc python3-lxc hwloc python3-venv busybox-static gcc libc6-dev libgomp1 bash-completion procps tar xz-utils zstd

.PHONY: setup demo test test-numa check perf proto clean

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

# What touches nothing but folders of its own, on all CPUs; then what wants the machine for itself
test: export PYTHONDONTWRITEBYTECODE =
test: setup
	$(MAKE) --no-print-directory check
	failed=0; \
	$(PY) -m pytest -n logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder $(PURE) || failed=1; \
	$(PY) -m pytest $(addprefix --ignore=,$(PURE)) || failed=1; \
	exit $$failed

# In virtual machines of 2 to 8 NUMA nodes; GUESTS="4n 8n" chooses some
test-numa: setup
	@tools/numa-ready.sh
	tools/numa-image.sh $(NUMA_PACKAGES)
	$(PY) -m tests.numa $(GUESTS)

perf: setup
	$(PY) -m tests.perf

demo: setup
	$(PY) -m hpcsched.cli.main demo

proto: setup
	tools/proto.sh hpcsched/v1

clean:
	rm -rf .numa .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis demo-out
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
