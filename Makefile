# SPDX-License-Identifier: Apache-2.0
# `make` prints the targets. Every one works from a fresh clone; what is missing is installed first.

SHELL = /bin/bash
.SHELLFLAGS = -euo pipefail -c
.DEFAULT_GOAL = help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

PYTHON = .venv/bin/python
BOX = $(PYTHON) -m tests.box
IS_ROOT := $(filter 0,$(shell id -u))
export PYTHONDONTWRITEBYTECODE = 1

# Programs that tests and demo need on this machine, and the Debian package of each.
PROGRAMS = mmdebstrap=mmdebstrap systemd-nspawn=systemd-container shellcheck=shellcheck \
	setpriv=util-linux git=git systemd-analyze=systemd scdoc=scdoc
# Those that test-heavy needs besides; the emulator is of some size.
HEAVY_PROGRAMS = $(if $(filter aarch64,$(shell uname -m)),qemu-system-aarch64=qemu-system-arm,qemu-system-x86_64=qemu-system-x86) \
	mke2fs=e2fsprogs
# What test-browser needs besides: the browser. Its driver is in .venv/browser.
BROWSER_PROGRAMS = chromium=chromium
BROWSER_PYTHON = .venv/browser/bin/python
SHELL_FILES = .ci/run $(wildcard debian/*.preinst debian/*.postinst debian/*.prerm debian/*.postrm) \
	debian/tests/one-job
SPELLED = $(wildcard *.md) .ci Makefile constraints.txt debian debvisor_timers docs examples templates tests units

# $(call stage,NAME,COMMAND): run it, say how long it took.
define stage
	@printf '\n== %s\n' '$(1)'; SECONDS=0; $(2); printf '== %s: %s s\n' '$(1)' "$$SECONDS"
endef

.PHONY: help
help:
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: setup
setup: .venv/programs .venv/python  ## install what is missing: programs by apt (as root), Python packages into .venv

# $(call install,MORE,PROGRAMS): install by apt, as root, what is missing of PROGRAMS and of the packages MORE.
define install
	@mkdir -p .venv
	@missing="$(1)"; \
	for pair in $(2); do command -v "$${pair%%=*}" >/dev/null || missing+=" $${pair##*=}"; done; \
	if [ -z "$$missing" ]; then touch $@; \
	elif [ -z "$(IS_ROOT)" ]; then \
		echo "setup: not installed:$$missing; as root: apt-get install$$missing"; \
		[ "$${CI:-}" != true ]; \
	else \
		echo "setup: apt-get install$$missing"; \
		apt-get update -qq; \
		DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends \
			-o Dpkg::Use-Pty=0 $$missing >/dev/null; \
		touch $@; \
	fi
endef

.venv/programs: Makefile
	$(call install,$(shell python3 -c 'import ensurepip' 2>/dev/null || echo ' python3-venv'),$(PROGRAMS))

.venv/heavy-programs: Makefile | .venv/programs
	$(call install,,$(HEAVY_PROGRAMS))

.venv/browser-programs: Makefile | .venv/programs
	$(call install,,$(BROWSER_PROGRAMS))

# Apart from .venv: the driver is no part of Debian 13, and what is tested must not come to need it.
.venv/browser/ready: tests/browser/constraints.txt | .venv/browser-programs
	@echo "setup: a virtual environment in .venv/browser with the driver of a browser"
	@[ -x $(BROWSER_PYTHON) ] || python3 -m venv .venv/browser
	@$(BROWSER_PYTHON) -m pip install --quiet --disable-pip-version-check \
		--no-deps -r tests/browser/constraints.txt
	@touch $@

.venv/python: constraints.txt pyproject.toml | .venv/programs
	@echo "setup: a virtual environment in .venv with the versions of constraints.txt"
	@[ -x $(PYTHON) ] || python3 -m venv .venv
	@sed '/\[compiled\]/d' constraints.txt | \
		$(PYTHON) -m pip install --quiet --disable-pip-version-check -r /dev/stdin
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check \
		--no-deps --no-build-isolation --editable .
	@touch $@

SCHEMATHESIS = 4.32.5
.venv/schema/bin/st: Makefile | .venv/programs
	@echo "setup: schemathesis $(SCHEMATHESIS) in .venv/schema, since what it needs is newer than Debian's"
	@python3 -m venv .venv/schema
	@.venv/schema/bin/python -m pip install --quiet --disable-pip-version-check schemathesis==$(SCHEMATHESIS)
	@touch $@

.PHONY: test
test: setup lint test-unit test-schema test-systemd  ## run everything below (without root: what can run, and say what cannot)

.PHONY: lint
lint: setup  ## judge the code: ruff, mypy, codespell, shellcheck
	$(call stage,ruff,.venv/bin/ruff format --check --quiet .; .venv/bin/ruff check --quiet .)
	$(call stage,mypy,.venv/bin/mypy)
	$(call stage,codespell,.venv/bin/codespell $(SPELLED))
	$(call stage,shellcheck,shellcheck $(SHELL_FILES))

.PHONY: test-unit
test-unit: setup  ## test on this machine's Python, with systemd's in-memory twin; needs no root
	$(call stage,unit tests,$(PYTHON) -m pytest -q -n 2 tests/unit tests/contract)

.PHONY: test-schema
test-schema: setup .venv/schema/bin/st  ## ask the web server all that its OpenAPI document promises (schemathesis); needs no root
	$(call stage,schema,$(PYTHON) -m tests.schema .venv/schema/bin/st --max-time 60)

# Three minutes of waiting for a clock: meanwhile the other processor has something to do.
WATCH = tests/system/test_clock_changes.py
define CONTRACT_AND_WATCH
$(PYTHON) -m pytest -q $(WATCH) >.venv/watch.log 2>&1 & watch=$$!; \
	trap "kill $$watch 2>/dev/null || :" EXIT; $(BOX) pytest -q tests/contract; \
	wait $$watch || failed=$$?; cat .venv/watch.log; [ -z "$${failed:-}" ]
endef

.PHONY: test-systemd
test-systemd: setup  ## test on a booted Debian 13, against the installed package; needs root
ifdef IS_ROOT
	$(call stage,contract on real systemd; timers watched while clocks change,$(CONTRACT_AND_WATCH))
	$(call stage,system tests,$(PYTHON) -m tests.second_go -q -n 3 --dist loadfile --ignore=$(WATCH) tests/system)
else
	@echo "SKIPPED for want of root: the contract on a real systemd, and the system tests"
	@[ "$${CI:-}" != true ] || { echo "CI must not skip anything: run it as root"; exit 1; }
endif

.PHONY: test-heavy
test-heavy: setup .venv/heavy-programs  ## test what needs a kernel of its own, in a virtual machine; needs root, takes minutes
ifdef IS_ROOT
	$(call stage,virtual machine,$(PYTHON) -m tests.second_go -q --durations=5 tests/heavy)
else
	@echo "SKIPPED for want of root: the tests in a virtual machine"
	@[ "$${CI:-}" != true ] || { echo "CI must not skip anything: run it as root"; exit 1; }
endif

.PHONY: test-browser
test-browser: setup .venv/browser/ready  ## test the pages in Chromium, against the installed package; needs root, takes minutes
ifdef IS_ROOT
	$(call stage,browser,$(BROWSER_PYTHON) -m tests.second_go -q --durations=5 tests/browser)
else
	@echo "SKIPPED for want of root: the tests in a browser"
	@[ "$${CI:-}" != true ] || { echo "CI must not skip anything: run it as root"; exit 1; }
endif

.PHONY: screenshots
screenshots: setup .venv/browser/ready  ## take the pictures in docs/screenshots anew, and more in .venv/screenshots; needs root
	@SCREENSHOTS=.venv/screenshots $(BROWSER_PYTHON) -m pytest -q tests/browser/test_screenshots.py
	@for picture in docs/screenshots/*.png; do cp ".venv/screenshots/$${picture##*/}" docs/screenshots/; done

.PHONY: docs
docs: setup  ## write the tables of keys and presets into the manual pages anew
	@$(PYTHON) -m docs.generate

.PHONY: deb
deb: .venv/programs  ## build the Debian package, judge it with lintian, print its path
	@python3 -m tests.box build --lintian

.PHONY: demo
demo: .venv/programs  ## show the main job in a booted Debian 13
	@python3 -m tests.demo

JOBS ?= 1000
.PHONY: bench
bench: .venv/programs  ## measure the speed in a booted Debian 13 (JOBS=10000: with so many jobs); no test
	@python3 -m tests.bench --jobs $(JOBS)

.PHONY: bench-overhead
bench-overhead: .venv/programs  ## measure what begin, run and end cost, beside three empty programs; no test
	@python3 -m tests.bench --only overhead

.PHONY: bench-history
bench-history: .venv/programs  ## measure readers of the history over 200,000 journal entries, beside journalctl; no test
	@python3 -m tests.bench --only history --jobs $(JOBS)

.PHONY: bench-priority
bench-priority: .venv/programs  ## measure what busy jobs of different priority get of a processor; no test
	@python3 -m tests.bench --only priority

.PHONY: bench-web
bench-web: .venv/programs  ## measure 200 reads a second of the web server on one processor, and beside 500 idle streams; no test
	@python3 -m tests.bench --only web --jobs $(JOBS)

.PHONY: shell
shell: .venv/programs  ## boot a Debian 13 with the package in it, and give a shell
	@python3 -m tests.box shell

.PHONY: clean
clean:  ## remove what the other targets made: .venv, caches, boxes
	@[ -z "$(IS_ROOT)" ] || python3 -m tests.box clean
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
