# make demo   paint 1,000 digits with the shipped weights, score them, draw the figures; paint faces and prompts
# make test   lint, type check, build the docs and test, here and in the course's environment
# make docs   the documentation as a site
PYTHON ?= python3
VENV := .venv
COURSE := .venv-course
BIN := $(VENV)/bin
OUT ?= demo

# The first Python 3.8 that really runs: a pyenv shim may be on the path and name a version that is not installed.
PYTHON38 ?= $(shell for p in python3.8 $$HOME/.pyenv/versions/3.8.*/bin/python3.8; do \
	"$$p" -c 'import venv' 2>/dev/null && echo "$$p" && break; done)

.PHONY: demo docs test test-here test-course test-slow lint clean

demo: $(VENV)/ready
	$(BIN)/sfumato digits generate $(OUT)/digits
	$(BIN)/sfumato digits evaluate $(OUT)/digits
	$(BIN)/sfumato digits figures $(OUT)/figures
	$(BIN)/sfumato faces eta --out $(OUT)/faces
	$(BIN)/sfumato faces interpolate --film --out $(OUT)/faces
	$(BIN)/sfumato concepts generate $(OUT)/concepts --count 4 --prompt "a chalk seven" "a colourful two next to a street eight" "a <new1> in the style of <new2>"
	@echo "1,000 digits: $(OUT)/digits   scores: $(OUT)/digits/scores.json   figures: $(OUT)/figures   faces: $(OUT)/faces   prompts: $(OUT)/concepts"

test: lint docs test-here test-course

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/ready
	$(BIN)/mkdocs build --quiet
	@echo "docs: build/site/index.html"

test-here: $(VENV)/ready
	$(BIN)/python -m pytest -m "not slow"

test-slow: $(VENV)/ready
	$(BIN)/python -m pytest -m slow

test-course:
ifeq ($(PYTHON38),)
	@echo "SKIPPED: no Python 3.8 was found, so the course's environment was not tested (set PYTHON38=/path/to/python3.8)"
else
	@$(MAKE) --no-print-directory $(COURSE)/ready
	$(COURSE)/bin/python -m pytest -m "not slow"
endif

$(VENV)/ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[data,dev,docs]"
	@touch $@

$(COURSE)/ready: tests/course-requirements.txt
	$(PYTHON38) -m venv $(COURSE)
	$(COURSE)/bin/python -m pip install --quiet --requirement tests/course-requirements.txt
	@touch $@

clean:
	rm -rf $(VENV) $(COURSE) $(OUT)
