# Two commands for users (`make run`, `make test`); the rest is for developers.

export PATH := $(CURDIR)/.local/bin:$(PATH)
export ORT_DYLIB_PATH := $(CURDIR)/.local/lib/libonnxruntime.so
CARGO ?= cargo
# Running and measuring take the release profile. Tests take dev: it is built in a third of the time, and finds
# arithmetic that overflows.
RELEASE := --release
# What images have, and what is measured of the gateway.
DIST := --profile dist
DEV := --workspace
# Clippy as the compiler of what is ours: `cargo clippy` would have everything, dependencies too, compiled once more.
LINTED := RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__

.PHONY: run test fmt style lint build bench bench-gateway bench-guard bench-learning soak fuzz fault dist

# ARGS go to floopy: make run ARGS="demo --fast"
run:
	@deploy/setup/setup.sh run
	@$(CARGO) build $(RELEASE) --package floopy
	@exec target/release/floopy $(ARGS)

test:
	@deploy/setup/setup.sh test
	$(MAKE) --no-print-directory style
	$(LINTED) $(CARGO) build $(DEV) --all-targets
	$(LINTED) $(CARGO) test $(DEV) --doc --quiet
	$(LINTED) $(CARGO) nextest run $(DEV)
	@FUZZ_SEED=1 FUZZ_CHECKS=robust FUZZ_SECONDS=15 tests/fuzz/run.sh

build:
	$(CARGO) build $(DEV) --all-targets

fmt:
	$(CARGO) fmt --all
	$(CARGO) fmt --manifest-path tests/clients/rust/Cargo.toml

lint: style
	$(CARGO) clippy $(DEV) --all-targets -- -D warnings

# What no compiler is needed for.
style:
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path tests/clients/rust/Cargo.toml --check
	@deploy/setup/setup.sh test
	@.local/venv/bin/python -m pytest --quiet -p no:cacheprovider tests/book
	@$(CARGO) metadata --locked --format-version 1 --manifest-path tests/fuzz/Cargo.toml >/dev/null
	$(CARGO) deny --log-level error check licenses bans sources
	@if timeout 60 $(CARGO) deny --log-level off fetch db >/dev/null 2>&1; \
	then $(CARGO) deny --log-level error check advisories; \
	else echo "advisories not checked: their database cannot be reached from here"; fi

bench:
	@deploy/setup/setup.sh bench
	@$(CARGO) build $(RELEASE) --workspace --bins --quiet
	target/release/bench-route
	target/release/bench-ingest
	target/release/bench-log
	target/release/bench-refresh
	target/release/bench-shape
	target/release/bench-guard
	target/release/bench-semantic
	target/release/bench-judge
	target/release/bench-firewall
	target/release/bench-export
	target/release/bench-isolation
	target/release/bench-follow
	target/release/bench-cache
	@$(MAKE) --no-print-directory bench-gateway

# Writes docs/benchmarks.md; ARGS=quick looks shortly and writes nothing.
bench-gateway:
	@deploy/setup/setup.sh bench
	@$(CARGO) build $(DIST) --package floopy-dataplane --package floopy-tests \
		--bin floopy-dataplane --bin bench-gateway --quiet
	target/dist/bench-gateway $(ARGS)

# Guards of promotions by simulation: how soon they find what got worse, and how often they are wrong.
bench-guard:
	@$(CARGO) build $(RELEASE) --package floopy-tests --bin bench-guard --quiet
	target/release/bench-guard

# FLOOPY_ROUTING_DATA names a folder of real outcomes; ARGS=--write writes docs/results.md.
bench-learning:
	@$(CARGO) build $(RELEASE) --package floopy --package floopy-tests --bin floopy --bin bench-learning --quiet
	target/release/bench-learning $(ARGS)

# SOAK_MINUTES of mixed traffic (10 where it is not set): fails if anything leaks or is lost. One arena, so that
# what glibc's others keep for later does not look like a leak.
soak:
	@$(CARGO) build $(RELEASE) --workspace --bins --quiet
	@MALLOC_ARENA_MAX=1 target/release/soak

# Processes killed, disks full, networks cut and stores gone under load, and then the books. `make test` does the same
# with a store that is gone for seconds; here it is gone for FAULT_SECONDS, ten minutes where it is not set.
fault:
	@deploy/setup/setup.sh test
	@$(CARGO) build $(DEV) --bins --quiet
	FAULT_SECONDS=$${FAULT_SECONDS:-600} $(CARGO) nextest run -p floopy-tests --profile fault -E 'binary(/^fault_/)'

# A release in dist/: an archive of the programs with their bill of materials, and its checksum.
dist:
	@deploy/setup/setup.sh dist
	@deploy/release/dist.sh

# FUZZ_SECONDS for each reader of what comes over the wire (60 where it is not set); ARGS names some of them.
# `make test` does it last, for 15 seconds each.
fuzz:
	@tests/fuzz/run.sh $(ARGS)
