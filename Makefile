# make demo   paint digits, faces and prompts with the weights that ship, score the digits, and show all on one page
# make test   lint, type check, build the docs and test, here and in the course's environment
# make docs   the documentation as a site
PYTHON ?= python3
VENV := .venv
COURSE := .venv-course
BIN := $(VENV)/bin
OUT ?= demo
# Tests run in this many processes of one thread each: small networks gain next to nothing from a second thread.
WORKERS ?= 2
PYTEST := -m pytest --numprocesses $(WORKERS) --dist loadfile

# The first Python 3.8 that really runs: a pyenv shim may be on the path and name a version that is not installed.
PYTHON38 ?= $(shell for p in python3.8 $$HOME/.pyenv/versions/3.8.*/bin/python3.8; do \
	"$$p" -c 'import venv' 2>/dev/null && echo "$$p" && break; done)

.PHONY: demo docs test test-here test-studio test-course test-slow lint clean

demo: $(VENV)/ready
	$(call sfumato,digits generate $(OUT)/digits)
	@$(BIN)/sfumato digits evaluate $(OUT)/digits
	$(call sfumato,digits figures $(OUT)/figures)
	$(call sfumato,faces eta --out $(OUT)/faces)
	$(call sfumato,faces interpolate --film --out $(OUT)/faces)
	$(call sfumato,concepts generate $(OUT)/concepts --count 4 --prompt "a chalk seven" "a colourful two next to a street eight" "a <new1> in the style of <new2>")
	$(call sfumato,report $(OUT)/report --run $(OUT))
	@echo "open $(OUT)/report/report.html"

# A command of ours: what is typed, its bar, and nothing of what it says where it is typed alone.
define sfumato
@echo 'sfumato $(1)'
@$(BIN)/sfumato $(1) > /dev/null
endef

test: lint docs test-here test-studio test-course

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Not --quiet: mkdocs would count no warning then, and pass what is broken.
docs: $(VENV)/ready
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build
	$(BIN)/python docs/site/check.py build/site
	@echo "docs: open build/site/index.html"

test-here: $(VENV)/ready
	OMP_NUM_THREADS=1 $(BIN)/python $(PYTEST) -m "not slow" --ignore-glob "tests/studio/test_page_*.py"

# The studio's page in a real browser, by itself: skipped, and said so, where there is no Chromium.
test-studio: $(VENV)/ready
	OMP_NUM_THREADS=1 $(BIN)/python $(PYTEST) -rs tests/studio/test_page_painting.py tests/studio/test_page_learning.py

test-slow: $(VENV)/ready
	$(BIN)/python -m pytest -m slow

test-course:
ifeq ($(PYTHON38),)
	@echo "SKIPPED: no Python 3.8 was found, so the course's environment was not tested (set PYTHON38=/path/to/python3.8)"
else
	@$(MAKE) --no-print-directory $(COURSE)/ready
	OMP_NUM_THREADS=1 $(COURSE)/bin/python $(PYTEST) -m "not slow"
endif

$(VENV)/ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[all,dev,docs]"
	@touch $@

$(COURSE)/ready: tests/course-requirements.txt
	$(PYTHON38) -m venv $(COURSE)
	$(COURSE)/bin/python -m pip install --quiet --requirement tests/course-requirements.txt
	@touch $@

clean:
	rm -rf $(VENV) $(COURSE) $(OUT)
