# `make help` lists the targets. Everything happens inside this directory: .venv, .local and the caches.

.DEFAULT_GOAL := help
.PHONY: help setup dev up down reset status test check bench chaos fuzz simulate soak screenshots format lock
.NOTPARALLEL:

# Wherever python is told to write none: every process of a test would compile our code and the tests again.
export PYTHONDONTWRITEBYTECODE :=
BIN := .venv/bin
PLACEMENTS ?= 100000
# For tools that read settings.py and talk to no server.
NO_SERVERS := SECRET_KEY=none FIELD_KEYS=none DATABASE_URL=postgresql:////nonexistent/none REDIS_URL=unix:///nonexistent
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --override overrides.in \
	--custom-compile-command "make lock"

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

setup: ## create .venv with exactly what requirements.txt says (nothing to do the second time)
	@sh ops/stack/setup.sh requirements.txt

dev: ## the same with the tools for tests and checks
	@sh ops/stack/setup.sh requirements-dev.txt

up: setup ## run everything: PostgreSQL, Redis, paper exchange, web, workers, beat, market data stream; Ctrl-C stops it
	@exec $(BIN)/python -m ops.stack up

down: ## stop what `make up` runs here
	@exec $(BIN)/python -m ops.stack down

reset: ## stop it and delete .local: database, queues, ledger, secrets
	@exec $(BIN)/python -m ops.stack reset

status: ## what runs here
	@exec $(BIN)/python -m ops.stack status

test: dev ## all tests, in parallel, with servers of their own
	@exec $(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

check: dev ## style, types, imports, migrations, Django's own checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(NO_SERVERS) $(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py check

bench: dev ## how fast it is on this machine, AREA=exchange, orders, fills, tick, admin, api or notifications (takes minutes; best when nothing else runs)
	@exec $(BIN)/python manage.py bench $(or $(AREA),exchange) $(ARGS)

chaos: dev ## kill -9 under load, ROUNDS=60 SEED=n PLANT=name AREA=system: what was promised must still be true
	@exec $(BIN)/python manage.py chaos $(or $(AREA),system) --json $(if $(ROUNDS),--rounds $(ROUNDS)) \
	$(if $(SEED),--seed $(SEED)) $(if $(PLANT),--plant $(PLANT)) $(ARGS)

fuzz: dev ## whatever the API's schema allows and what it does not, CASES=200 an operation, SEED=n repeats a run
	@exec $(BIN)/python -m tests.fuzz --cases $(or $(CASES),200) $(if $(SEED),--seed $(SEED)) $(ARGS)

simulate: dev ## the order core against the engine in process, PLACEMENTS=100000 (SEED=n repeats a run)
	@exec $(BIN)/python manage.py simulate --placements $(PLACEMENTS) $(if $(SEED),--seed $(SEED)) $(ARGS)

soak: dev ## a big fleet for a while, MINUTES=30 BOTS=10000: no tick missed or late, memory flat, books equal
	@exec $(BIN)/python manage.py soak --json --minutes $(or $(MINUTES),30) --bots $(or $(BOTS),10000) $(ARGS)

screenshots: dev ## pictures of the admin that `make up` runs, to docs/images
	@exec $(BIN)/python manage.py screenshots

format: dev ## let ruff rewrite
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: dev ## compile requirements*.in to requirements*.txt, with hashes
	$(COMPILE) requirements.in -o requirements.txt
	$(COMPILE) requirements-dev.in -o requirements-dev.txt
