# The two commands of the README, and the release. Each does its own set-up.
.PHONY: demo test release

demo: ## Starts a whole survey on this machine and keeps it up until Ctrl-C.
	@./scripts/setup build
	cargo build --release --bin mpcstats
	./target/release/mpcstats demo

test: ## Runs every test: the crates', the documented commands, the page in a browser, the Python package.
	./scripts/setup
	cargo test --workspace
	cd tests/page && MPCSTATS=$(CURDIR)/target/debug/mpcstats npm test --silent
	./scripts/test-python

release: ## Builds what is shipped: binary, manual pages, completions, list of components, checksums.
	@./scripts/setup build
	./scripts/release
