# Every command of the project. `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin
STACK := $(BIN)/python -m stack
TEST_VAR := var/test
export VITRINE_MODELS ?= $(CURDIR)/var/models

.DEFAULT_GOAL := help
.PHONY: help demo up env test chaos fuzz check audit format bench bench-large evaluate models shell clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: .venv/local models ## recognise sample photos, or your own: make demo PHOTOS=dir QUERIES=dir
	@$(STACK) run --processes -- python manage.py demo \
		$(if $(PHOTOS),--photos "$(PHOTOS)") $(if $(QUERIES),--queries "$(QUERIES)")

up: .venv/local models ## run the whole service here until Ctrl-C; prints its address and a demo key
	@$(STACK) up

env: .venv/local ## print VITRINE_URL and VITRINE_KEY of what `make up` runs: eval "$(make -s env)"
	@$(STACK) run -- sh -c 'echo "export VITRINE_URL=$$VITRINE_URL VITRINE_KEY=$$(python manage.py demokey)"'

test: .venv/dev models ## run the whole test suite against the real local stack
	@$(STACK) run --var $(TEST_VAR) -- python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder $(ARGS)

chaos: .venv/dev models ## kill -9 everything, again and again, during an import: make chaos [ROUNDS=5] [PHOTOS=3000]
	@CHAOS_ROUNDS=$(or $(ROUNDS),5) CHAOS_PHOTOS=$(or $(PHOTOS),3000) \
		$(STACK) run --var $(TEST_VAR) -- python -m pytest -s tests/chaos

fuzz: .venv/dev models ## requests made up from the OpenAPI document, for some minutes: make fuzz [EXAMPLES=200]
	@FUZZ_EXAMPLES=$(or $(EXAMPLES),200) $(STACK) run --var $(TEST_VAR) -- \
		python -m pytest --timeout 0 tests/api/test_fuzzing.py $(ARGS)

check: .venv/dev ## linters, types, import rules, migrations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=.:platform $(BIN)/lint-imports
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	$(STACK) run --var $(TEST_VAR) -- python manage.py makemigrations --check --dry-run

audit: .venv/dev ## known vulnerabilities of the pinned packages; says so where their list cannot be reached
	@$(BIN)/python .ci/audit.py

format: .venv/dev ## format the code and mend what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/local models ## recognize, imports, ranking and 10,000 vectors against their parts: some minutes
	@$(STACK) run --processes -- python -m benchmarks.recognize
	@$(STACK) run --processes -- python -m benchmarks.bulk
	@$(STACK) run --processes -- python -m benchmarks.imports
	@$(STACK) run --processes -- python -m benchmarks.interference
	@$(STACK) run --processes -- python -m benchmarks.overload
	@$(BIN)/python -m benchmarks.ranking
	@$(STACK) run -- python -m benchmarks.representations --sizes 10000

bench-large: .venv/dev ## float, binary and hybrid at up to 1,000,000 vectors, and ef against recall: an hour
	@$(STACK) run -- python -m benchmarks.representations --sizes 10000 100000 1000000
	@$(STACK) run -- python -m benchmarks.ef_sweep

evaluate: .venv/local models ## quality of rankings: make evaluate DATA=dir [OUT=file] [ALL=1: of indexes, too]
	@test -n "$(DATA)" || { echo "Say which: make evaluate DATA=dir (with gallery.csv and query.csv)"; exit 2; }
	@$(STACK) run --processes -- python manage.py evaluate --data "$(DATA)" \
		$(if $(OUT),--out "$(OUT)") $(if $(ALL),--representations --bare)

models: .venv/local ## fetch the model weights and convert them to ONNX, once
	@$(BIN)/python -m inference models install

shell: .venv/local ## a Django shell on the local stack (joins `make up` if it runs)
	@$(STACK) run -- python manage.py shell

clean: ## remove the environment and all local data
	rm -rf .venv var

.venv/local: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Vitrine needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing pinned dependencies into .venv (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[local]"
	@touch $@

.venv/dev: .venv/local
	@echo "Installing what the tests need into .venv (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[local,dev]"
	@touch $@
