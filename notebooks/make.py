"""Make the notebooks out of the recipes, so that both are the same code: python notebooks/make.py [--check].

The body of a recipe's `main` becomes cells, cut at its numbered comments; `options.NAME` stays, since the notebook makes the
same `Options`. With --check nothing is written, and the exit code says whether the files are up to date.
"""

import argparse
import ast
import dataclasses
import importlib
import inspect
import pathlib
import re
import sys
import textwrap

import nbformat

FOLDER = pathlib.Path(__file__).parent

INTRODUCTION = """\
# {title} with kerasft

{text} The code below is `kerasft/recipes/{module}.py`, cut into cells; `kerasft train {task}` runs the same on the command line.

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
# Your files here. Without any, a small generated set of customer-service texts is used; look at it for the form.
model_name = "{model}"  # a Hugging Face hub id or folder, or a KerasHub preset
files = kerasft.data.customer_service_tasks.write("data", "{task}")
train_file, dev_file, test_file = (str(files[split]) for split in ("train", "dev", "test"))
epochs = {epochs}"""

OPTIONS = """\
options = Options(
    model=model_name,
    train=train_file,
    dev=dev_file,
    test=test_file,
    epochs=epochs,
    {options},
)
options"""

PLOTS = """\
# Loss and metrics by epoch.
kerasft.reports.plots.training_curves(model.history)"""

METRICS = """\
# What was measured; the page with the details is report.html.
report.metrics"""

CONFUSION = """\
# Which classes are taken for which.
kerasft.reports.plots.confusion_matrix(report.confusion_matrix, model.labels)"""

BATCH = """\
# What the model sees: named int32 tensors (here the first two rows of a batch), then the targets and, where not every place
# counts, the weights.
features, *targets = next(iter(train))
for name, tensor in [*features.items(), *(("target", tensor) for tensor in keras.tree.flatten(targets))]:
    print(name, tuple(tensor.shape), tensor[:2].numpy().tolist())"""

ASK = """\
ask = kerasft.pipelines.load(bundle)
ask({question})"""

EXPORT = """\
# For a phone: int8 weights, a quarter of the size. The file is loaded again and compared with the model.
kerasft.export.litert(bundle, "saved_models/phone", quantize="int8", texts={texts})"""


@dataclasses.dataclass(frozen=True)
class Notebook:
    """What a notebook has beside its recipe's code.

    Args:
        module: Name of the recipe and of the notebook.
        title: Heading.
        text: What it does, in a sentence or two.
        question: The example that the pipeline is asked, as Python.
        texts: What the exported file is verified on, as Python.
        model: Default checkpoint.
        options: More arguments of `Options`, as Python.
        epochs: Default number of epochs.
        figure: A cell with the task's own figure after the numbers.
    """

    module: str
    title: str
    text: str
    question: str
    texts: str
    model: str = "bert-base-uncased"
    options: str = "learning_rate=5e-5"
    epochs: int = 3
    figure: str = METRICS

    @property
    def task(self) -> str:
        """The task's name on the command line."""
        return self.module.replace("_", "-")

    def cells(self) -> list[tuple[str, str]]:
        """All cells as (kind, source)."""
        recipe = importlib.import_module(f"kerasft.recipes.{self.module}")
        sections = body_sections(recipe)
        options = f"{recipe_imports(recipe)}\n\n{OPTIONS.format(options=self.options)}"
        cells = [
            ("markdown", INTRODUCTION.format(title=self.title, text=self.text, module=self.module, task=self.task)),
            ("code", INSTALL),
            ("code", SETTINGS.format(model=self.model, task=self.task, epochs=self.epochs)),
            ("code", options),
            ("code", sections.pop("")),
        ]
        shown = False
        for heading, code in sections.items():
            cells += [("markdown", f"## {heading}"), ("code", code)]
            if not shown and re.search(r"^\s*train = ", code, re.MULTILINE):
                cells.append(("code", BATCH))
                shown = True
            if "model.fit(" in code:
                cells.append(("code", PLOTS))
        cells += [("code", self.figure), ("markdown", "## Ask it"), ("code", ASK.format(question=self.question))]
        return [*cells, ("markdown", "## Ship it"), ("code", EXPORT.format(texts=self.texts))]


QUESTION = '"hello, where is my parcel? I ordered it on Monday"'
TEXTS = "kerasft.data.texts_and_labels(test_file)[0][:200]"
NOTEBOOKS = (
    Notebook(
        "text_classification",
        "Fine-tune a text classifier",
        "From a pretrained checkpoint and a file of texts to a model, its report, and a verified file for phones.",
        f"{QUESTION}, top_k=3",
        TEXTS,
        options="learning_rate=5e-5,\n    max_length=64",
        figure=CONFUSION,
    ),
)


def body_sections(recipe) -> dict[str, str]:
    """A recipe's `main` as {heading: code}, in order; "" is what stands before the first numbered comment."""
    source = textwrap.dedent(inspect.getsource(recipe.main))
    function = ast.parse(source).body[0]
    lines = source.splitlines()
    first, last = function.body[1].lineno - 1, function.body[-1].lineno - 1  # after the docstring, before the return
    body = textwrap.dedent("\n".join(lines[first:last]))
    sections, heading = {"": ""}, ""
    for line in body.splitlines():
        if line.startswith("import "):
            line = line.split("  #")[0]  # why it stands inside of a function is no news here
        if match := re.match(r"# \d\. ([^.:]+)", line):
            heading = match.group(1)
            sections[heading] = ""
        sections[heading] += line + "\n"
    return {heading: code.strip() for heading, code in sections.items()}


def recipe_imports(recipe) -> str:
    """The import statements by which a notebook has all names that the recipe's `main` takes from its module."""
    tree = ast.parse(inspect.getsource(recipe))
    main = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main")
    used = {node.id for part in main.body[:-1] for node in ast.walk(part) if isinstance(node, ast.Name)}
    plain, found = [], []
    for node in tree.body:
        if isinstance(node, ast.Import):
            plain += [f"import {alias.name}" for alias in node.names if alias.name in used and alias.name != "kerasft"]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.module, [alias.name for alias in node.names if alias.name in used]))
    own = [target.id for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    own += [node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    found.append((recipe.__name__, [name for name in own if name in used or name == "Options"]))
    lines = [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(found) if names]
    return "\n".join([*sorted(plain), "", *lines]).strip()


def make(notebook: Notebook) -> nbformat.NotebookNode:
    """The notebook as an object, without outputs."""
    made = nbformat.v4.new_notebook()
    made.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    for index, (kind, source) in enumerate(notebook.cells()):
        new_cell = nbformat.v4.new_markdown_cell if kind == "markdown" else nbformat.v4.new_code_cell
        made.cells.append(new_cell(source, id=f"cell-{index}"))
    return made


def main() -> int:
    """Write the notebooks, or with --check compare them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a notebook is out of date")
    args = parser.parse_args()
    outdated = False
    for notebook in NOTEBOOKS:
        path = FOLDER / f"{notebook.module}.ipynb"
        content = nbformat.writes(make(notebook)) + "\n"
        if args.check:
            outdated |= not path.exists() or path.read_text("utf-8") != content
        else:
            path.write_text(content, "utf-8")
    return int(outdated)


if __name__ == "__main__":
    sys.exit(main())
