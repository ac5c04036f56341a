"""Each notebook is what `notebooks/make.py` makes of its recipe, and runs from top to bottom on small data."""

import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import zlib

import nbclient
import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

ROOT = pathlib.Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))

SMALL = """\
# The same with a new tiny checkpoint and few texts.
files = kerasft.demo.customer_service_tasks.write("data", "{task}", rows=400)
train_file, dev_file, test_file = (str(files[split]) for split in ("train", "dev", "test"))
texts = [example["text"] for example in kerasft.demo.customer_service.generate(rows=400)]
model_name = str(kerasft.checkpoints.{new_model}("new_model", texts))
epochs = 1
"""
NEW_MODELS = {"causal_lm": "new_gpt2", "sequence_to_sequence": "new_t5"}


@pytest.fixture(scope="module")
def make():
    specification = importlib.util.spec_from_file_location("notebooks_make", FOLDER / "make.py")
    module = importlib.util.module_from_spec(specification)
    sys.modules["notebooks_make"] = module  # where a dataclass looks for its annotations
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def notebook(request):
    return nbformat.read(FOLDER / f"{request.param}.ipynb", as_version=4)


def test_they_are_up_to_date(make, monkeypatch):
    assert sorted(notebook.module for notebook in make.NOTEBOOKS) == NAMES
    monkeypatch.setattr(sys, "argv", ["make.py", "--check"])
    assert make.main() == 0, "run: python notebooks/make.py"


def test_every_recipe_has_one():
    files = (ROOT / "kerasft" / "recipes").glob("*.py")
    recipes = {path.stem for path in files if "\ndef main(" in path.read_text("utf-8")}
    assert recipes == set(NAMES)


def test_check_says_when_they_are_not(make, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["make.py", "--check"])
    monkeypatch.setattr(make, "FOLDER", tmp_path)
    assert make.main() == 1
    monkeypatch.setattr(sys, "argv", ["make.py"])
    assert make.main() == 0
    for name in NAMES:
        assert (tmp_path / f"{name}.ipynb").read_text("utf-8") == (FOLDER / f"{name}.ipynb").read_text("utf-8")


@pytest.mark.parametrize("notebook", NAMES, indirect=True)
def test_it_is_valid_holds_no_outputs_and_no_local_paths(notebook):
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert not any(word in cell.source for cell in notebook.cells for word in ("/work", "/opt", "/home", "/tmp"))
    assert "%pip install" in code[0].source
    for cell in code:
        compile(TransformerManager().transform_cell(cell.source), cell.id, "exec")


@pytest.fixture(scope="module")
def kernel():
    """One process for all of them, which imports TensorFlow once."""
    client = nbclient.NotebookClient(nbformat.v4.new_notebook(), timeout=300)
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    with client.setup_kernel(env={**os.environ, "PYTHONPATH": path}):
        yield client


def executed(notebook, name, folder, kernel):
    """Run the notebook on small data, in `folder` and without what others left."""
    (settings,) = (cell for cell in notebook.cells if cell.cell_type == "code" and "model_name =" in cell.source)
    settings.source = SMALL.format(task=name.replace("_", "-"), new_model=NEW_MODELS.get(name, "new_bert"))
    for cell in notebook.cells:
        cell.source = re.sub("^%tensorboard .*", "", cell.source, flags=re.MULTILINE)  # its server would outlive the test
    notebook.cells.insert(0, nbformat.v4.new_code_cell(f"%reset -f\n%cd -q {folder}"))
    kernel.nb = notebook
    return kernel.execute(cleanup_kc=False)


# nbclient starts its kernel by way of jupyter_client, whose sockets are closed by the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("notebook", "name"),
    [pytest.param(name, name, marks=[] if name == "text_classification" else pytest.mark.slow) for name in NAMES],
    indirect=["notebook"],
)
def test_it_runs_and_shows_figures(notebook, name, tmp_path, kernel):
    done = executed(notebook, name, tmp_path, kernel)
    outputs = [output for cell in done.cells for output in cell.get("outputs", ())]
    assert not [output for output in outputs if output.output_type == "error"]
    shown = [output["data"] for output in outputs if "data" in output]
    pictures = [data["image/png"] for data in shown if "image/png" in data]
    assert len(pictures) == (2 if name == "text_classification" else 1)
    assert len({zlib.crc32(picture.encode()) for picture in pictures}) == len(pictures)
    assert (tmp_path / "saved_models" / "phone" / "kerasft.json").is_file()


def run_cell(source, folder, environment):
    """What a notebook's cell prints, in a kernel of its own."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    client = nbclient.NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(folder)}})
    done = client.execute(env=environment)
    return "".join(output.get("text", "") for cell in done.cells for output in cell.outputs)


def installed():
    done = subprocess.run([sys.executable, "-m", "pip", "freeze"], capture_output=True, text=True, check=True)
    return {line for line in done.stdout.splitlines() if not re.search("kerasft", line, re.IGNORECASE)}


@pytest.mark.environment
@pytest.mark.skipif(
    os.environ.get("KERASFT_ENVIRONMENT", "pins") == "pins",
    reason="kerasft is installed in this environment; in those of `make environments` it is not",
)
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_first_cell_installs_from_a_clone_and_changes_nothing_else(tmp_path, make):
    notebook = nbformat.read(FOLDER / "text_classification.ipynb", as_version=4)
    (source,) = (cell.source for cell in notebook.cells if "%pip" in cell.source)
    assert make.REPOSITORY in source
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    before = installed()
    try:
        printed = run_cell(source.replace(make.REPOSITORY, f"git+file://{ROOT}"), tmp_path, environment)
        assert installed() == before
    finally:
        subprocess.run([sys.executable, "-m", "pip", "uninstall", "--yes", "--quiet", "kerasft"], check=True)
    assert "1 replica(s)" in printed
    assert "ERROR" not in printed.upper()
