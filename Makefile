# `make help` lists the commands. Every command sets up .venv by itself from the lock files; a second run starts at once.

SHELL := /bin/sh
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
INSTALL := $(PIP) install --no-compile
# What is imported is compiled once, in the first run.
unexport PYTHONDONTWRITEBYTECODE

# What `make image` builds with; another is chosen by BUILDER=buildah.
BUILDER = $(shell docker info >/dev/null 2>&1 && echo docker || { command -v buildah >/dev/null && echo buildah; })
IMAGE = sentiment-streamer:latest
PLATFORM = linux/$(shell uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')

.PHONY: help demo test test-slow test-all check format bench bench-quick chaos image package lock clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/local.stamp ## run the whole pipeline on this machine and print the page's URL (ARGS="--rate 20" and so on)
	@exec $(BIN)/streamer demo $(ARGS)

test: $(VENV)/dev.stamp ## run the tests, in about five minutes (ARGS="-k lease" and so on)
	@$(BIN)/python -m tests $(ARGS)

test-slow: $(VENV)/dev.stamp ## run what takes minutes: Terraform, images, Firefox, faults, other versions
	@$(BIN)/python -m tests --slow $(ARGS)

test-all: test test-slow ## run every test

check: $(VENV)/dev.stamp ## lint, formatting and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo "run 'make format'"; exit 1; }
	@$(BIN)/mypy

format: $(VENV)/dev.stamp ## put the code into the house's format
	@$(BIN)/ruff check --fix-only --quiet . ; $(BIN)/ruff format --quiet .

bench: $(VENV)/dev.stamp ## run the benchmarks, print their tables and write docs/benchmarks.md (ARGS="fan_out" and so on)
	@$(BIN)/python -m tests.benchmarks $(ARGS)

bench-quick: $(VENV)/dev.stamp ## a first look at fan-out beside nchan and a raw protocol, within a minute
	@$(BIN)/python -m tests.benchmarks quick

chaos: $(VENV)/dev.stamp ## break everything for three minutes and count what clients miss (ARGS="--seed 7" and so on)
	@exec $(BIN)/python -m tests.chaos $(ARGS)

image: ## build the service's image with docker or buildah (IMAGE=name:tag PLATFORM=linux/arm64 and so on)
	@case "$(BUILDER)" in docker|buildah) ;; \
	*) echo "neither a Docker engine nor buildah is here: start the one, or install the other" >&2; exit 1 ;; esac
	@# BUILDX_...: Lambda refuses an image that comes with attestations.
	@BUILDX_NO_DEFAULT_ATTESTATIONS=1 $(BUILDER) build --platform $(PLATFORM) --file docker/Dockerfile --tag $(IMAGE) \
	  $(BASE_IMAGE:%=--build-arg BASE_IMAGE=%) $(ADAPTER_IMAGE:%=--build-arg ADAPTER_IMAGE=%) \
	  --build-arg VERSION=$$(sed -n 's/^__version__ = "\(.*\)"/\1/p' streamer/__init__.py) $(ARGS) .
	@$(BUILDER) images $(IMAGE)

package: | $(BIN)/python ## build the zips of the relay's and the REST Lambda for both architectures
	@$(BIN)/python docker/package.py $(ARGS)

lock: $(VENV)/dev.stamp ## bring the lock files up to pyproject.toml (ARGS=--upgrade resolves everything anew)
	@$(PIP) install uv
	@$(BIN)/python -m tests.lock $(ARGS)

clean: ## remove .venv and everything that tools left behind
	@rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/local.stamp: requirements-local.lock pyproject.toml | $(BIN)/python
	@echo "installing what the demo needs into $(VENV)"
	@$(INSTALL) --require-hashes -r requirements-local.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo "installing what the tests need into $(VENV)"
	@$(INSTALL) --require-hashes -r requirements-dev.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/local.stamp

# pip 26 installs several times as fast as the one that comes with Python 3.11, which does as well.
$(BIN)/python:
	@for python in $${PYTHON:-python3 python3.13 python3.12 python3.11}; do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "making $(VENV) with $$("$$python" --version)"; \
	    "$$python" -m venv $(VENV) && { $(INSTALL) pip==26.3 || true; exit 0; }; \
	    rm -rf $(VENV); echo "python's venv module is missing: install it (Debian: apt install python3-venv)" >&2; exit 1; \
	  fi; \
	done; \
	echo "no Python 3.11 or newer was found: install one, or name it: make PYTHON=/path/to/python3 ..." >&2; exit 1
