# `make` lists the targets. Plain cargo works too, once `make setup` has run.
#
#   make setup DEVICE=cuda    libtorch with CUDA instead of the one for the CPU
DEVICE ?= cpu

.DEFAULT_GOAL := help
.PHONY: help setup build test lint demo study critics maml pearl grid maml-grid pearl-grid speed speed-models speed-pearl trained agents evidence-a evidence-b evidence-c evidence-d evidence-e evidence-f evidence-g torture release clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Fetch the pinned native libraries into .deps/ (DEVICE=cpu or cuda)
	@DEVICE=$(DEVICE) scripts/setup

build: setup ## Build both programs
	cargo build --release --locked --bins

test: setup ## Run all tests, those in the documentation included
	@scripts/browser
	cargo test --release --locked

lint: setup ## Check format, lints and documentation
	cargo fmt --check
	cargo clippy --release --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --release --locked

demo: setup ## Train two tiny critics and compare their gradients, in minutes
	scripts/demo

study: setup ## Make the committed study again: figures 3, 4, 8 and 9 at small scale (two hours)
	scripts/study

critics: setup ## Make reports/critics again: nine critics with TD3, two with SAC, on hopper (two hours)
	scripts/critics

pearl: setup ## Train the PEARL runs of the study: plain networks and hypernetworks on half-cheetah-vel-medium
	scripts/pearl

grid: setup ## Take all 72 of algorithm, critic and environment through the whole chain (an hour)
	scripts/grid

maml: setup ## Make reports/maml again: five models of MAML, the noise of their updates (two and a half hours)
	scripts/maml

maml-grid: setup ## Take all 24 of MAML's models and families through the whole chain (ten minutes)
	scripts/maml-grid

pearl-grid: setup ## Take all 12 of PEARL's models and families through the whole chain (ten minutes)
	scripts/pearl-grid

speed: setup ## Measure training and rollouts on this machine
	scripts/speed

speed-models: setup ## Time a training step of every algorithm and critic beside PyTorch's
	scripts/speed-models

speed-pearl: setup ## Time an update of PEARL beside PyTorch's
	scripts/speed-models pearl

evidence-a: build ## Train critics of untrained actors and judge them: does a hypernetwork have the better gradient? (four hours)
	scripts/evidence a

evidence-b: build ## The same of trained actors (RUNS=folder, AGENTS=folder; an hour each)
	scripts/evidence b

evidence-c: build ## The same at five learning rates (two hours)
	scripts/evidence c

evidence-d: build ## Are better values better gradients, where both are known? (four hours)
	scripts/evidence d

evidence-e: build ## Ask whether critics are linear within the perturbations (half an hour)
	scripts/evidence e

evidence-f: build ## Train at full length: TD3 with plain critics, MAML (thirteen hours)
	scripts/evidence f

evidence-g: build ## What do products in bfloat16 cost? (an hour)
	scripts/evidence g

agents: build ## Measure the published agents of a folder (AGENTS=folder) into reports/agents
	scripts/agents $(AGENTS)

trained: build ## Measure the checkpoints of other runs (RUNS=folder) into reports/trained
	scripts/trained $(RUNS)

release: ## Pack the programs with their libraries into an archive that runs without Rust
	scripts/release

torture: build ## Kill, starve and misfeed the programs at random; nothing may be lost or differ (an hour)
	scripts/torture

clean: ## Remove what cargo built; .deps/, checkpoints/ and reports/ stay
	cargo clean
