# The tasks of the project: run, demo, test, prove, bench, lint. `make run` needs Python 3.11 and nothing else.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PORT ?= 8501
ADDRESS ?= 127.0.0.1
PUBLIC_URL ?= http://127.0.0.1:$(PORT)
export PORT ADDRESS PUBLIC_URL
# uvicorn would believe X-Forwarded-For from this machine; only TRUSTED_PROXIES decides.
export FORWARDED_ALLOW_IPS =
# Compiled modules are kept: the tests alone start a hundred processes, which would compile them anew.
export PYTHONDONTWRITEBYTECODE =
# A local pip configuration may ask for what makes no sense inside a virtual environment.
export PIP_USER = 0
export PIP_DISABLE_PIP_VERSION_CHECK = 1

BIN := .venv/bin
SERVE = @echo "Orgdesk is on http://$(ADDRESS):$(PORT) (Ctrl+C stops it)" && exec $(BIN)/streamlit run app.py --server.port $(PORT) --server.address $(ADDRESS)

.PHONY: run demo code test test-postgresql prove bench lint pictures

run: .venv/ready
	$(SERVE)

demo: export DATABASE_URL = sqlite:///$(CURDIR)/data/demo.db
demo: export COOKIE_NAME = __Host-orgdesk-demo
demo: .venv/ready
	@$(BIN)/python -m data.seed
	$(SERVE)

# The current two-factor code of the demo accounts.
code: .venv/ready
	@$(BIN)/python -m data.seed --code

test: .venv/ready
	$(BIN)/python -m tests.browser.chromium
	$(BIN)/python -m tests.browser.nginx
	ENGINES=first $(BIN)/pytest -n 2 --dist worksteal

# What `make test` leaves out: tests that it runs on SQLite, on PostgreSQL, and four servers behind nginx.
test-postgresql: .venv/ready
	ENGINES=second $(BIN)/pytest -q -n 2 --dist worksteal

# The tests of which `make test` runs samples and few examples; DEEP=1 runs them whole.
DEEP_TESTS = $(shell grep -rlE --include='test_*.py' 'from (tests.support.depth|hypothesis) import' tests)

# Stress tests, as many as there is time for: make prove RACES=100000 KILLS=10000 STOPS=500 UNDOS=5000
prove: RACES ?= 200
prove: KILLS ?= 40
prove: WALKS ?= 20
prove: STOPS ?= 4
prove: UNDOS ?= 200
prove: .venv/ready
	DEEP=1 $(BIN)/pytest -q -n 2 --dist worksteal $(DEEP_TESTS)
	$(BIN)/python -m tests.prove --races $(RACES) --kills $(KILLS) --walks $(WALKS) --stops $(STOPS) --undos $(UNDOS)

bench: ORGANIZATIONS ?= 10000
bench: .venv/ready
	$(BIN)/python -m tests.bench --organizations $(ORGANIZATIONS)

lint: .venv/ready
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy app.py core pages data
	$(BIN)/lint-imports --no-logo

pictures: .venv/ready
	$(BIN)/python -m tests.browser.chromium
	$(BIN)/python -m tests.support.screenshots

# Debian's Python may come without ensurepip: then its own pip fills the environment.
.venv/ready: requirements.txt
	$(PYTHON) -m venv .venv || $(PYTHON) -m venv --clear --without-pip .venv
	if $(BIN)/python -m pip --version >/dev/null 2>&1; \
		then $(BIN)/python -m pip install -q -r requirements.txt; \
		else $(PYTHON) -m pip --python $(BIN)/python install -q -r requirements.txt; fi
	touch $@
