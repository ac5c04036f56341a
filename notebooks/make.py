"""Make the notebooks out of the recipes, so that both are the same code: python notebooks/make.py [--check].

The body of the recipe's `main` becomes cells, cut at its numbered comments; `options.NAME` stays, since the notebook makes the
same `Options`. With --check nothing is written, and the exit code says whether the files are up to date.
"""

import argparse
import ast
import inspect
import pathlib
import re
import sys
import textwrap

import nbformat

from kerasft.recipes import text_classification

FOLDER = pathlib.Path(__file__).parent

INTRODUCTION = """\
# Fine-tune a text classifier with kerasft

From a pretrained checkpoint and a file of texts to a model, its report, and a verified file for phones. The code below is
`kerasft/recipes/text_classification.py`, cut into cells; `kerasft train text-classification` runs the same on the command line.

Choose a GPU in Colab by *Runtime, Change runtime type*. It also runs on a CPU."""

INSTALL = """\
# Installs kerasft where it is missing (on Colab), and finds the device.
import importlib.util

if importlib.util.find_spec("kerasft") is None:
    %pip install -q kerasft
%matplotlib inline

import kerasft

strategy = kerasft.get_strategy("auto")
print(type(strategy).__name__, strategy.num_replicas_in_sync, "replica(s)")"""

SETTINGS = """\
# Your files here: .csv, .tsv, .jsonl or .parquet with a column of texts and one of labels. Without any, a small generated
# set of customer-service requests is used.
model_name = "bert-base-uncased"  # a Hugging Face hub id or folder, or a KerasHub preset
files = kerasft.data.customer_service.write("data")
train_file, dev_file, test_file = (str(files[split]) for split in ("train", "dev", "test"))
epochs = 3"""

OPTIONS = """\
import dataclasses
import pathlib
import sys

from kerasft.recipes.options import column
from kerasft.recipes.text_classification import MONITOR, Options, read_rows
from kerasft.recipes.training import make_callbacks, make_optimizer

options = Options(
    model=model_name, train=train_file, dev=dev_file, test=test_file, epochs=epochs, learning_rate=5e-5, max_length=64
)
options"""

PLOTS = """\
# Loss and metrics by epoch.
kerasft.reports.plots.training_curves(model.history)"""

CONFUSION = """\
# Which classes are taken for which.
kerasft.reports.plots.confusion_matrix(report.confusion_matrix, model.labels)"""

BATCH = """\
# What the model sees: named int32 tensors (here the first two rows of a batch), and the numbers of the classes.
features, y = next(iter(train))
for name, tensor in features.items():
    print(name, tuple(tensor.shape), tensor[:2].numpy().tolist())
print("y", tuple(y.shape), y[:2].numpy().tolist())
tokenizer.decode(features["token_ids"][0])"""

ASK = """\
ask = kerasft.pipelines.load(bundle)
ask("hello, where is my parcel? I ordered it on Monday", top_k=3)"""

EXPORT = """\
# For a phone: int8 weights, a quarter of the size. The file is loaded again and compared with the model.
texts, gold = kerasft.data.texts_and_labels(rows, labels=model.labels, columns=columns)
kerasft.export.litert(bundle, "saved_models/phone", quantize="int8", texts=texts[:200], gold=gold[:200])"""

HEADINGS = {
    "1": "Rows and labels",
    "2": "Backbone, head, datasets, loss, optimizer",
    "3": "Train",
    "4": "Report and save",
}


def body_cells() -> dict[str, str]:
    """The recipe's `main` as {number of the section: code}; "0" is what stands before the first section."""
    source = textwrap.dedent(inspect.getsource(text_classification.main))
    function = ast.parse(source).body[0]
    lines = source.splitlines()
    first, last = function.body[1].lineno - 1, function.body[-1].lineno - 1  # after the docstring, before the return
    body = textwrap.dedent("\n".join(lines[first:last]))
    cells = {"0": ""}
    number = "0"
    for line in body.splitlines():
        if line.startswith("import "):
            line = line.split("  #")[0]  # why it stands inside of a function is no news here
        if match := re.match(r"# (\d)\. ", line):
            number = match.group(1)
            cells[number] = ""
        cells[number] += line + "\n"
    return {number: code.strip() for number, code in cells.items()}


def text_classification_notebook() -> nbformat.NotebookNode:
    """The notebook as an object, without outputs."""
    body = body_cells()
    cells = [("markdown", INTRODUCTION), ("code", INSTALL), ("code", SETTINGS), ("code", OPTIONS), ("code", body["0"])]
    for number, heading in HEADINGS.items():
        cells += [("markdown", f"## {heading}"), ("code", body[number])]
        if number == "2":
            cells.append(("code", BATCH))
        if number == "3":
            cells.append(("code", PLOTS))
    cells += [("code", CONFUSION), ("markdown", "## Ask it"), ("code", ASK)]
    cells += [("markdown", "## Ship it"), ("code", EXPORT)]
    notebook = nbformat.v4.new_notebook()
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    for index, (kind, source) in enumerate(cells):
        make = nbformat.v4.new_markdown_cell if kind == "markdown" else nbformat.v4.new_code_cell
        notebook.cells.append(make(source, id=f"cell-{index}"))
    return notebook


def main() -> int:
    """Write the notebook, or with --check compare it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a notebook is out of date")
    args = parser.parse_args()
    path = FOLDER / "text_classification.ipynb"
    content = nbformat.writes(text_classification_notebook()) + "\n"
    if args.check:
        return int(not path.exists() or path.read_text("utf-8") != content)
    path.write_text(content, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
