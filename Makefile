# Everything real is in scripts/; caches live in $FOREBAY_CACHE (default ~/.cache/forebay), never in the work tree.
.DEFAULT_GOAL := help
.PHONY: help demo test lint bench fuzz corpus doctor

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'

demo: ## from nothing to answers: Kafka, flights, Forebay, three queries (KEEP=1 stays up)
	@scripts/demo

test: ## lints and all tests, on the real broker and the real engine
	@scripts/test

lint: ## formatting and clippy
	@scripts/lint

bench: ## Forebay beside its rivals on one topic
	@scripts/bench

fuzz: ## fuzz the decoders, frames and schemas, a minute each (FUZZ_SECONDS)
	@scripts/fuzz

corpus: ## make fixtures/corpus anew: records by other people's serializers
	@scripts/corpus/make

doctor: ## which tools are missing, and how to get them
	@scripts/doctor --tests
