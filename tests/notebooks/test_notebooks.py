"""Each notebook has the cells of its source and saved outputs, and runs from top to bottom on small generated data."""

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

import kerasft
from tests.notebooks import data

ROOT = pathlib.Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
NAMES = sorted(path.stem for path in (FOLDER / "source").glob("*.py"))
MOST_BYTES = 400_000
QUICK = ("text_classification", "token_classification")
"""The notebooks that run in `make test` and `make environments`; the others are slow tests."""
PENDING = tuple(
    name
    for name in NAMES
    if name
    not in (
        "mobile",
        "sentence_embedding",
        "text_classification",
        "token_classification",
    )
)
"""Notebooks that were not executed on the public data since their source changed."""


@pytest.fixture(scope="module")
def make():
    specification = importlib.util.spec_from_file_location("notebooks_make", FOLDER / "make.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_they_are_those_of_their_sources(make, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["make.py", "--check"])
    assert make.main() == 0, capsys.readouterr().out


def test_there_are_no_others():
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == NAMES


def test_every_recipe_has_one():
    files = (ROOT / "kerasft" / "recipes").glob("*.py")
    recipes = {path.stem for path in files if "\ndef main(" in path.read_text("utf-8")}
    assert recipes | {"mobile", "serving"} == set(NAMES)


def test_check_says_when_a_notebook_is_missing_or_differs(make, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, "argv", ["make.py", "--check"])
    monkeypatch.setattr(make, "FOLDER", tmp_path)
    monkeypatch.setattr(make, "NAMES", ["mobile"])
    file = tmp_path / "mobile.ipynb"
    assert make.main() == 1
    file.write_text((FOLDER / "mobile.ipynb").read_text("utf-8"), "utf-8")
    assert make.main() == 0
    changed = nbformat.read(file, as_version=4)
    changed.cells[0].source += "!"
    nbformat.write(changed, file)
    assert make.main() == 1
    assert "make.py mobile" in capsys.readouterr().out


def test_new_prose_keeps_the_outputs_and_new_code_is_refused(make, monkeypatch, tmp_path):
    for part in ("source", "saved"):
        (tmp_path / part).mkdir()
    monkeypatch.setattr(make, "SOURCES", tmp_path / "source")
    monkeypatch.setattr(make, "FOLDER", tmp_path / "saved")
    source, saved = tmp_path / "source" / "one.py", tmp_path / "saved" / "one.ipynb"
    source.write_text("# %% [markdown]\n# # Title\n# %%\n1 + 1\n", "utf-8")
    notebook = make.build("one")
    notebook.cells[-1].outputs = [nbformat.v4.new_output("stream", text="2")]
    nbformat.write(notebook, saved)
    source.write_text("# %% [markdown]\n# # Title\n# %% [markdown]\n# More.\n# %%\n1 + 1\n", "utf-8")
    monkeypatch.setattr(sys, "argv", ["make.py", "one", "--prose"])
    assert make.main() == 0
    cells = nbformat.read(saved, as_version=4).cells
    assert [cell.source for cell in cells if cell.cell_type == "markdown"] == ["# Title", "More."]
    assert cells[-1].outputs[0].text == "2"
    source.write_text("# %% [markdown]\n# # Title\n# %%\n1 + 2\n", "utf-8")
    with pytest.raises(ValueError, match="has changed"):
        make.main()


def test_what_is_about_this_machine_is_not_saved(make):
    bar = "\x1b[1m9/9\x1b[0m \x1b[32m━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m836s\x1b[0m 4s/step - loss: 0.5\n"
    texts = [bar, "I0000 00:00:17 cudart_stub.cc:31] no CUDA\none\r\ntwo\n", "I0000 00:00:17 no CUDA\n"]
    cleaned = make.cleaned([nbformat.v4.new_output("stream", text=text) for text in texts])
    expected = "\x1b[1m9/9\x1b[0m \x1b[32m━━━\x1b[0m\x1b[37m\x1b[0m loss: 0.5\n"
    assert [output.text for output in cleaned] == [expected, "one\ntwo\n"]


def test_it_needs_data_and_a_model_to_execute(make, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["make.py", "mobile"])
    with pytest.raises(SystemExit):
        make.main()
    assert "--data" in capsys.readouterr().err


def test_a_source_becomes_prose_code_and_magics(make, monkeypatch, tmp_path):
    source = "# %% [markdown]\n# # Title\n#\n# Text.\n\n# %%\n# A comment.\n# %load_ext tensorboard\n# !ls\nx = 5 % 3\n"
    (tmp_path / "one.py").write_text(source, "utf-8")
    monkeypatch.setattr(make, "SOURCES", tmp_path)
    (kind, title), (_, install), (_, code) = make.cells("one")
    assert (kind, title) == ("markdown", "# Title\n\nText.")
    assert "%pip install" in install
    assert code == "# A comment.\n%load_ext tensorboard\n!ls\nx = 5 % 3"


@pytest.mark.parametrize("name", NAMES)
def test_it_is_valid_small_and_plain(name):
    file = FOLDER / f"{name}.ipynb"
    assert file.stat().st_size < MOST_BYTES
    notebook = nbformat.read(file, as_version=4)
    nbformat.validate(notebook)
    text = file.read_text("utf-8")
    for local in ("/work/", "/opt/", "/home/", "/tmp/", "/root/"):
        assert local not in text
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert "%pip install" in code[0].source
    for cell in code:
        compile(TransformerManager().transform_cell(cell.source), cell.id, "exec")
        assert not re.search(r"\b_[a-z]|recipes|Options", cell.source.replace("load_ext", "")), cell.source


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.xfail(name in PENDING, reason="not executed yet")) for name in NAMES]
)
def test_its_outputs_are_saved(name):
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    outputs = [output for cell in code for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert any("image/png" in output.get("data", {}) for output in outputs)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with data and checkpoint where the notebooks look for them."""
    folder = tmp_path_factory.mktemp("notebooks")
    data.write(folder / "data")
    texts = [example["text"] for example in kerasft.demo.customer_service.generate(rows=data.ROWS)]
    sizes = {"vocabulary_size": 1000, "num_layers": 1, "hidden_dim": 64, "max_sequence_length": 192}
    kerasft.checkpoints.new_bert(folder / "sentence-transformers" / "all-MiniLM-L6-v2", texts, **sizes)
    return folder


# nbclient starts its kernel by way of jupyter_client, whose sockets are closed by the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in NAMES]
)
def test_it_runs_on_small_data(name, make, home, tmp_path):
    for part in ("data", "sentence-transformers"):
        (tmp_path / part).symlink_to(home / part)
    notebook = make.build(name)
    make.execute(notebook, tmp_path)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    shown = [output["data"] for output in outputs if "data" in output]
    pictures = [data["image/png"] for data in shown if "image/png" in data]
    assert pictures
    assert len({zlib.crc32(picture.encode()) for picture in pictures}) == len(pictures)
    assert list((tmp_path / "saved_models").glob("*/kerasft.json"))


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
