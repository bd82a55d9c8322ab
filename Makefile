# Two commands on a fresh machine: make demo, make test. Each installs what is missing.
RIGHT := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
# Looked for when it is used: deploy/need may just have installed it.
PYTHON = $(shell for p in python3.13 python3.12 python3.11 python3; do \
	"$$p" -c '$(RIGHT)' 2>/dev/null && { command -v "$$p"; break; }; done)
BIN := .venv/bin
ARGS ?=

.PHONY: demo test bench fuzz soak lint lock clean
.DELETE_ON_ERROR:

demo: .venv/run.stamp
	$(BIN)/qidesk demo $(ARGS)

test: .venv/test.stamp
	deploy/need postgresql chromium node fonts
	$(MAKE) --no-print-directory lint
	$(BIN)/pytest -n 2 --dist loadfile $(ARGS)

lint: .venv/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy bot handlers crm risk approvals tests
	$(BIN)/lint-imports

bench: .venv/test.stamp
	$(BIN)/python -m benchmarks $(ARGS)

# Every parser in turn, for a minute each; ARGS="ledger --seconds 600 --keep" for more of one.
fuzz: .venv/fuzz.stamp
	$(BIN)/python -m tests.fuzz $(ARGS)

# Kills, faults, races and bad deliveries in the large dose; ARGS="--minutes 120 --seed 7" for more.
soak: .venv/test.stamp
	deploy/need postgresql
	$(BIN)/python -m tests.kill $(ARGS)

.venv/bin/python:
	PYTHON="$(PYTHON)" deploy/need python
	@[ -n "$(PYTHON)" ] || { echo "qidesk needs Python 3.11, 3.12 or 3.13" >&2; exit 1; }
	"$(PYTHON)" -m venv .venv

.venv/run.stamp: requirements.lock pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q bot handlers crm risk approvals
	touch $@

.venv/test.stamp: requirements-dev.lock .venv/run.stamp
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

.venv/fuzz.stamp: requirements-fuzz.lock .venv/test.stamp
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-fuzz.lock
	touch $@

# Pins every package with its hashes for Python 3.11 to 3.13; needs uv.
COMPILE := uv pip compile --universal --python-version 3.11 --quiet \
	--generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links
lock:
	$(COMPILE) pyproject.toml --group build -o requirements.lock
	$(COMPILE) pyproject.toml --group dev -o requirements-dev.lock
	$(COMPILE) --group fuzz -o requirements-fuzz.lock

clean:
	rm -rf .venv
