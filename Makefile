# Two commands matter: `make pipeline` runs everything, `make test` checks everything.
# `make STAGE` (images, palette, … see `igpt stages`) runs one stage and what it needs;
# `make scaling`, `bert`, `low-data`, `transfer` run those experiments. `make bench` measures speed and memory
# beside other programs: `make bench BENCH='--only train --markdown bench.md'`, see docs/benchmarks.md.

CARGO  ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
IGPT   := $(TARGET)/release/igpt
PYTHON ?= .venv/bin/python
BENCH  ?=
STAGES := images palette tokenize pretrain features probe sample report
# Experiments on the built-in images: the rest of the paper in small.
SMALL  := scaling bert low-data transfer

.PHONY: pipeline test check bench build status clean python $(STAGES) $(SMALL)

pipeline: build
	$(IGPT) run

$(STAGES): build
	$(IGPT) run $@

$(SMALL): build
	$(IGPT) run -f experiments/$@.yaml

status: build
	$(IGPT) status

# One profile and one feature set for running and testing, so that dependencies are built once.
build:
	$(CARGO) build --release --workspace

test:
	$(CARGO) test --release --workspace

# Hours of nothing else on the machine would be best; minutes with --only.
bench: build
	$(TARGET)/release/igpt-bench --python $(PYTHON) $(BENCH)

# A Python with transformers and what else stands beside igpt, for the tests and benchmarks that compare with it;
# without one they are skipped.
python:
	python3 -m venv .venv
	.venv/bin/python -m pip install -r crates/model/tests/python/requirements.txt -r benches/peers/requirements.txt

# What CI runs.
check:
	.ci/run

# Removes results, not the build.
clean:
	rm -rf artifacts/* artifacts/.store artifacts/.work artifacts/.runs artifacts/.cache
	git checkout -q artifacts 2>/dev/null || true
