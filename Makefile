# Cloister. `make help` lists what there is.

CONFIGURATION ?= debug
BUILD = .build/$(CONFIGURATION)
CELL_SOURCES := $(wildcard Sources/CCell/*.c)
CELL_FLAGS := -std=c11 -shared -fPIC -O2 -g -Wall -Wextra -Werror -fvisibility=hidden

# Release builds carry Swift's libraries, where the toolchain has them to link: calls into them are
# direct then, and what nobody calls is left out.
SWIFT_LIBRARIES := $(dir $(realpath $(shell command -v swift)))../lib/swift_static/linux
STATIC := $(if $(wildcard $(SWIFT_LIBRARIES)/libswiftCore.a),--static-swift-stdlib)
SWIFT_BUILD = swift build -c $(CONFIGURATION) $(if $(filter release,$(CONFIGURATION)),$(STATIC))

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: deps
deps: ## install the system packages that are missing
	@scripts/install-deps

.PHONY: build
build: CONFIGURATION = release
build: deps ## build the products into .build/release
	@$(MAKE) --no-print-directory CONFIGURATION=release .build/release/libCloisterCell.so
	$(SWIFT_BUILD)

.PHONY: lambda-runtime
lambda-runtime: ## install what Lambda's Python runtime brings along (boto3) into .build/lambda-runtime
	@scripts/lambda-runtime

.PHONY: run
run: build ## start an evaluator, register and invoke the samples, and keep it running
	@scripts/run-samples

.PHONY: test
test: deps ## build and run the tests, the samples, schemathesis and Lambda's clients against real evaluators
	@$(MAKE) --no-print-directory .build/debug/libCloisterCell.so
	swift build --build-tests
	@scripts/both scripts/test-clients 'swift test --skip-build --no-parallel'
	@scripts/test-as-user

.PHONY: test-attacks
test-attacks: deps ## attack real cells, and fuzz what reads from them
	@$(MAKE) --no-print-directory .build/debug/libCloisterCell.so
	swift build --build-tests
	swift test --skip-build --no-parallel --filter AttackTests

.PHONY: test-layers
test-layers: ## take each layer of the sandbox away and name the tests that notice
	@scripts/test-layers

.PHONY: docs
docs: deps ## make the pages that tests keep true
	@$(MAKE) --no-print-directory .build/debug/libCloisterCell.so
	swift build --build-tests
	CLOISTER_TEST_UPDATE=1 swift test --skip-build --no-parallel --filter 'CausesTests|SystemCallsPageTests'

.PHONY: test-lambda
test-lambda: deps ## drive a real evaluator with boto3, the aws command line and Terraform
	@$(MAKE) --no-print-directory .build/debug/libCloisterCell.so
	swift build
	@scripts/test-lambda

KILLS ?= 200

.PHONY: test-kills
test-kills: deps ## kill evaluators under load KILLS (200) times, and count the calls
	@$(MAKE) --no-print-directory .build/debug/libCloisterCell.so
	swift build --build-tests
	CLOISTER_TEST_KILLS=$(KILLS) swift test --skip-build --no-parallel --filter KillTests

.PHONY: fuzz
fuzz: MINUTES ?= 10
fuzz: deps ## send random input to parsers and cells for MINUTES (10)
	@$(MAKE) --no-print-directory .build/debug/libCloisterCell.so
	swift build --build-tests
	CLOISTER_FUZZ_SECONDS=$$(($(MINUTES) * 60 * 5 / 12)) swift test --skip-build --no-parallel --filter 'ParserFuzz|RandomCalls'

.PHONY: test-fresh
test-fresh: ## try make run and make test on a new machine, as an ordinary user (needs root; 40 minutes)
	@scripts/test-fresh

.PHONY: test-matrix
test-matrix: deps ## test with every Python and Node that this machine has or pip knows
	@$(MAKE) --no-print-directory .build/debug/libCloisterCell.so
	swift build --build-tests
	@scripts/test-matrix

.PHONY: test-vm
test-vm: ## run the sandbox's tests in a virtual machine with control groups v2
	@scripts/test-vm

.PHONY: bench
bench: build ## measure what is promised of speed, and write docs/performance.md
	@bench/run

.PHONY: bench-neighbours
bench-neighbours: build ## measure a neighbour's calls beside loads that hold up or fill an evaluator
	@python3 bench/neighbours.py $(PROGRAMS)

.PHONY: bench-check
bench-check: build ## count instructions, allocations and system calls, and compare with thresholds
	@Benchmarks/check

.PHONY: soak
soak: MINUTES ?= 60
soak: build ## put a mixed load on an evaluator for MINUTES (60); OUT=FILE keeps the samples
	@MINUTES=$(MINUTES) OUT="$(OUT)" python3 bench/soak.py

.PHONY: trace
trace: build ## trace calls and write docs/hot-path.md (needs root and perf)
	@python3 bench/trace.py

.PHONY: bench-history
bench-history: build ## measure what a million kept calls cost, and write docs/history.md
	@bench/history

.PHONY: check
check: ## check the format of the sources
	swift format lint --strict --recursive --parallel Package.swift Sources Tests bench Benchmarks

.PHONY: fmt
fmt: ## format the sources
	swift format format --in-place --recursive --parallel Package.swift Sources Tests bench Benchmarks

.PHONY: clean
clean: ## remove what was built
	rm -rf .build .build-*

# The shared object that executors load is plain C without the Swift runtime, which SwiftPM cannot
# link. SwiftPM makes the link .build/<configuration> itself, so it goes first on a new checkout.
%/libCloisterCell.so: $(CELL_SOURCES) $(wildcard Sources/CCell/*.h) Sources/CWire/include/cloister_wire.h
	@test -d $(@D) || $(SWIFT_BUILD) --product cloister-launcher
	clang $(CELL_FLAGS) -I Sources/CWire/include -o $@ $(CELL_SOURCES)
