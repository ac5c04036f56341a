"""Build the notebooks from `source/*.py`, execute them and save them with their outputs.

    python notebooks/make.py text_classification --data FOLDER --model FOLDER
    python notebooks/make.py text_classification --prose
    python notebooks/make.py --check

A source is a Python file in percent format: `# %% [markdown]` begins a cell of prose, `# %%` a cell of code, and a line such as
`# %load_ext tensorboard` is a magic. Every notebook gets the same first code cell, which installs kerasft. A notebook is executed
in a folder where `data/` holds the public data sets and `sentence-transformers/all-MiniLM-L6-v2` the checkpoint, so the saved
code is exactly the code that ran. With --prose nothing is executed: new prose is put around the saved code and outputs.
With --check nothing is written: the exit code says whether the cells are those of the source.
"""

import argparse
import os
import pathlib
import re
import sys
import tempfile

import nbclient
import nbformat

ROOT = pathlib.Path(__file__).resolve().parents[1]
FOLDER = ROOT / "notebooks"
SOURCES = FOLDER / "source"
NAMES = sorted(path.stem for path in SOURCES.glob("*.py"))
MODEL = "sentence-transformers/all-MiniLM-L6-v2"

REPOSITORY = "git+https://github.com/kerasft/kerasft"
"""Where the notebooks install kerasft from; "kerasft" as soon as it is on PyPI."""

INSTALL = f"""\
# Installs kerasft if it is missing (Colab, Kaggle). It keeps the installed TensorFlow and Keras, so no restart is needed.
import importlib.util
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # hides TensorFlow's start-up messages
REPOSITORY = "{REPOSITORY}"
if importlib.util.find_spec("kerasft") is None:
    %pip install -q {{REPOSITORY}}
%matplotlib inline

import keras
import tensorflow as tf

import kerasft

strategy = kerasft.get_strategy("auto")  # a TPU, several GPUs, one GPU, or the CPU
print(strategy.num_replicas_in_sync, "replica(s) on", tf.config.list_logical_devices()[-1].device_type)"""

START_UP = re.compile(
    r"^(WARNING: All log messages before|[IWE]\d{4} |INFO:|(WARNING|ERROR): \[|To enable the following).*\n?",
    re.MULTILINE,
)
"""Lines that TensorFlow's C++ code and its converter log: about this machine and its folders, not about the run."""

TIMES = re.compile(r"\x1b\[1m[\d:]+s\x1b\[0m \d+(s|ms|us)/step( - )?")
"""The durations in Keras' progress bars: the machine that executes the notebooks also does other work."""


def cells(name: str) -> list[tuple[str, str]]:
    """The cells of a notebook as (kind, text): those of its source, and the first code cell after the title."""
    found = []
    for part in re.split(r"^# %%", (SOURCES / f"{name}.py").read_text("utf-8"), flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        if "[markdown]" in heading:
            found.append(("markdown", re.sub(r"^# ?", "", body.strip(), flags=re.MULTILINE)))
        else:
            found.append(("code", re.sub(r"^# (?=[%!]\w)", "", body.strip(), flags=re.MULTILINE)))
    return [found[0], ("code", INSTALL), *found[1:]]


def build(name: str) -> nbformat.NotebookNode:
    """The notebook without outputs."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    for index, (kind, text) in enumerate(cells(name)):
        new_cell = nbformat.v4.new_markdown_cell if kind == "markdown" else nbformat.v4.new_code_cell
        notebook.cells.append(new_cell(text, id=f"cell-{index}"))
    return notebook


def execute(notebook: nbformat.NotebookNode, folder: pathlib.Path) -> None:
    """Run all cells in a folder. The saved code stays as it is; the run leaves out the magic that starts a server."""
    texts = [cell.source for cell in notebook.cells]
    for cell in notebook.cells:
        cell.source = re.sub("^%tensorboard .*", "", cell.source, flags=re.MULTILINE)  # it would outlive the run
    # One output a stream, in which a progress bar shows its last state, as in a browser.
    looks = {"record_timing": False, "coalesce_streams": True}
    client = nbclient.NotebookClient(notebook, timeout=3600, resources={"metadata": {"path": str(folder)}}, **looks)
    environment = {
        "PATH": os.pathsep.join(
            (str(pathlib.Path(sys.executable).parent), os.environ.get("PATH", ""))
        ),  # for `!python`
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        "PYTHONWARNINGS": "ignore:IProgress not found",  # tqdm's advice to install ipywidgets, with a path of this machine
    }
    client.execute(env={**os.environ, **environment})
    for cell, text in zip(notebook.cells, texts):
        cell.source = text
        if cell.cell_type == "code":
            cell.outputs = cleaned(cell.outputs)
    notebook.metadata.pop("language_info", None)  # the version of the Python that ran it


def cleaned(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """The outputs without what is about this machine, and without those that are empty then."""
    for output in outputs:
        if output.output_type == "stream":
            output.text = TIMES.sub("", START_UP.sub("", output.text.replace("\r\n", "\n")))  # `!` ends lines with both
    return [output for output in outputs if output.get("text", "shown") != ""]


def run(name: str, data: pathlib.Path, model: pathlib.Path) -> None:
    """Execute a notebook in a new folder that holds data and checkpoint where the notebook expects them, and save it."""
    notebook = build(name)
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        (folder / "data").symlink_to(data.resolve())
        (folder / MODEL).parent.mkdir()
        (folder / MODEL).symlink_to(model.resolve())
        execute(notebook, folder)
        content = nbformat.writes(notebook) + "\n"
        (FOLDER / f"{name}.ipynb").write_text(content, "utf-8")
        for path in (scratch, str(data.resolve()), str(model.resolve()), str(ROOT), str(pathlib.Path.home())):
            if path in content:
                around = content[max(0, content.index(path) - 200) :][:400]
                raise ValueError(f"an output of {name} holds a path of this machine: {around}")


def replace_prose(name: str) -> None:
    """Write the notebook with the prose of its source and the outputs that are saved; the code must be the same."""
    path = FOLDER / f"{name}.ipynb"
    saved = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    notebook = build(name)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if [cell.source for cell in code] != [cell.source for cell in saved]:
        raise ValueError(f"the code of {name} has changed since it was executed: execute it with --data and --model")
    for cell, old in zip(code, saved):
        cell.outputs, cell.execution_count = cleaned(old.outputs), old.execution_count
    path.write_text(nbformat.writes(notebook) + "\n", "utf-8")


def differs(name: str) -> bool:
    """Whether the saved notebook has other cells than its source."""
    path = FOLDER / f"{name}.ipynb"
    if not path.exists():
        return True
    saved, expected = nbformat.read(path, as_version=4).cells, build(name).cells
    return [(cell.cell_type, cell.source) for cell in saved] != [(cell.cell_type, cell.source) for cell in expected]


def main() -> int:
    """Execute the named notebooks, or compare all with their sources."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"notebooks to execute: {', '.join(NAMES)}")
    parser.add_argument("--data", type=pathlib.Path, help="folder of the public data sets: banking77/train.csv, ...")
    parser.add_argument("--model", type=pathlib.Path, help=f"folder of the checkpoint {MODEL}")
    parser.add_argument(
        "--prose", action="store_true", help="execute nothing; replace the prose around code and outputs"
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if a notebook differs from its source"
    )
    args = parser.parse_args()
    if args.check:
        outdated = [name for name in NAMES if differs(name)]
        for name in outdated:
            print(
                f"notebooks/{name}.ipynb differs from its source: python notebooks/make.py {name} --data ... --model ..."
            )
        return int(bool(outdated))
    if not args.names or not (args.prose or (args.data and args.model)):
        parser.error("give NAME with --data and --model, NAME with --prose, or --check")
    for name in args.names:
        if args.prose:
            replace_prose(name)
        else:
            run(name, args.data, args.model)
    return 0


if __name__ == "__main__":
    sys.exit(main())
