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

REPOSITORY = "git+https://github.com/kerasft/kerasft"
"""Where the notebooks install kerasft from; "kerasft" as soon as it is on PyPI."""

INSTALL = f"""\
# Installs kerasft where it is missing (Colab, Kaggle) beside the TensorFlow and Keras that are there: no restart is needed.
import importlib.util
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's start-up lines are not about your run
REPOSITORY = "{REPOSITORY}"
if importlib.util.find_spec("kerasft") is None:
    %pip install -q {{REPOSITORY}}
%matplotlib inline

import kerasft

strategy = kerasft.get_strategy("auto")  # finds the device: a TPU, several GPUs, one, or the CPU
print(type(strategy).__name__, strategy.num_replicas_in_sync, "replica(s)")"""

SETTINGS = """\
# Your files here. Without any, a small generated set of customer-service texts is used; look at it for the form.
model_name = "{model}"  # a Hugging Face hub id or folder, or a KerasHub preset
files = kerasft.demo.customer_service_tasks.write("data", "{task}")
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
    overwrite=True,  # running the notebook again replaces the bundle
)
options"""

TENSORBOARD = """\
# Curves, hyperparameters and predictions of the run.
%load_ext tensorboard
%tensorboard --logdir {work}/logs"""

PLOTS = """\
# Loss and metrics by epoch.
kerasft.reports.plots.training_curves({model}.history)"""

METRICS = """\
# What was measured; the page with the details is report.html.
result["metrics"]"""

CONFUSION = """\
# Which classes are taken for which.
import json

report = json.loads((work / "report" / "report.json").read_text("utf-8"))
kerasft.reports.plots.confusion_matrix(report["confusion_matrix"], model.labels)"""

BATCH = """\
# What the model sees: named int32 tensors (here the first two rows of a batch), then the targets and, where not every place
# counts, the weights.
import keras

features, *targets = next(iter(train))
for name, tensor in [*features.items(), *(("target", tensor) for tensor in keras.tree.flatten(targets))]:
    print(name, tuple(tensor.shape), tensor[:2].numpy().tolist())"""

ASK = """\
ask = kerasft.pipelines.load(result["bundle"])
ask({question})"""

EXPORT = """\
# For a phone: int8 weights, a quarter of the size. The file is loaded again and compared with the model.
kerasft.export.litert(result["bundle"], "saved_models/phone", quantize="int8"{verified})"""

EXPORT_FLOAT = """\
# For a phone. The file is loaded again and compared with the model.
kerasft.export.litert(result["bundle"], "saved_models/phone"{verified})"""


@dataclasses.dataclass(frozen=True)
class Notebook:
    """What a notebook has beside its recipe's code.

    Args:
        module: Name of the recipe and of the notebook.
        title: Heading.
        text: What it does, in a sentence or two.
        question: The example that the pipeline is asked, as Python.
        verified: More arguments of the export, such as the texts to verify on, as Python.
        model: Default checkpoint.
        options: More arguments of `Options`, as Python.
        epochs: Default number of epochs.
        figure: A cell with the task's own figure after the numbers.
        export: The cell that writes the file for phones.
    """

    module: str
    title: str
    text: str
    question: str
    verified: str = ""
    model: str = "bert-base-uncased"
    options: str = "learning_rate=5e-5"
    epochs: int = 3
    figure: str = METRICS
    export: str = EXPORT

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
            if trained := re.search(r"(\w+)\.fit\(\s*train", code):
                cells += [("code", PLOTS.format(model=trained.group(1))), ("code", TENSORBOARD)]
        cells += [("code", self.figure), ("markdown", "## Ask it"), ("code", ASK.format(question=self.question))]
        return [*cells, ("markdown", "## Ship it"), ("code", self.export.format(verified=self.verified))]


QUESTION = '"hello, where is my parcel? I ordered it on Monday"'
TEXTS = ", texts=kerasft.data.texts_and_labels(test_file)[0][:200]"
TEXTS_OF_PAIRS = ", texts=[first for first, _ in kerasft.data.texts_and_labels(test_file)[0][:200]]"
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
    Notebook(
        "token_classification",
        "Find entities",
        "A label for each word: names, dates, order numbers, with their places in the text.",
        QUESTION,
    ),
    Notebook(
        "intent_and_slots",
        "Find intents and slots at once",
        "What a customer wants, and the details of it, by one model with two outputs.",
        QUESTION,
    ),
    Notebook(
        "question_answering",
        "Answer questions from texts",
        "The part of a text that answers a question, with its place and its probability.",
        '("What is the order\'s number?", "Where is my parcel? I mean order #12345 of Monday.")',
        options="learning_rate=5e-5,\n    max_length=128,\n    stride=32",
    ),
    Notebook(
        "relation_extraction",
        "Find relations between entities",
        "What a text says that one thing has to do with another: the edges of a knowledge graph.",
        '"The <e1>blender</e1> has to go to <e2>Porto</e2>."',
    ),
    Notebook(
        "masked_lm",
        "Adapt an encoder to a domain",
        "Masked language modeling on plain texts; the bundle is a better start for every other task on such texts.",
        'f"hello, where is my {ask.tokenizer.mask_token}?"',
        options="learning_rate=5e-5",
        export=EXPORT_FLOAT,
    ),
    Notebook(
        "causal_lm",
        "Fine-tune a language model",
        "A GPT-2 that continues texts in the style it was trained on, with sampling, beams, stop sequences and streaming.",
        '"hello, where is", max_new_tokens=20',
        model="gpt2",
        export=EXPORT_FLOAT,
    ),
    Notebook(
        "sequence_to_sequence",
        "Write a text for a text",
        "A T5 for translation, summaries or any other text for a text, evaluated by what it writes.",
        f"{QUESTION}, max_new_tokens=20",
        model="t5-small",
        options="learning_rate=1e-3,\n    max_target_length=32",
        export=EXPORT_FLOAT,
    ),
    Notebook(
        "sentence_embedding",
        "Embed sentences, and search",
        "Vectors whose cosine says how alike two texts are: for search, FAQ retrieval and zero-shot classification.",
        QUESTION,
        TEXTS_OF_PAIRS,
    ),
    Notebook(
        "few_shot",
        "Classify with eight examples a class",
        "Contrastive fine-tuning of an embedder, then a small head (the SetFit idea); the result is a text classifier.",
        f"{QUESTION}, top_k=3",
        TEXTS,
        options="learning_rate=5e-5",
        epochs=1,
    ),
)


def body_sections(recipe) -> dict[str, str]:
    """A recipe's `main` as {heading: code}, in order; "" is what stands before the first numbered comment."""
    source = textwrap.dedent(inspect.getsource(recipe.main))
    function = ast.parse(source).body[0]
    lines = source.splitlines()
    if not isinstance(getattr(function.body[-1], "value", None), ast.Name):
        raise ValueError(f"{recipe.__name__}.main must end with `return result`, so that a notebook has all of its steps")
    first, last = function.body[1].lineno - 1, function.body[-1].lineno - 1  # after the docstring, before the return
    body = textwrap.dedent("\n".join(lines[first:last]))
    sections, heading = {"": ""}, ""
    for line in body.splitlines():
        if line.startswith("import "):
            line = line.split("  #")[0]  # why it stands inside of a function is no news here
        if match := re.match(r"# \d\. ([^.:]+)", line):
            heading = match.group(1)
            sections[heading] = ""
        # Who reads a notebook sees a progress bar; a script must find out whether anybody looks.
        sections[heading] += line.replace("verbose=progress()", 'verbose="auto"') + "\n"
    return {heading: code.strip() for heading, code in sections.items()}


def recipe_imports(recipe) -> str:
    """The import statements by which a notebook has all names that the recipe's `main` takes from its module."""
    tree = ast.parse(inspect.getsource(recipe))
    main = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main")
    used = {node.id for part in main.body[:-1] for node in ast.walk(part) if isinstance(node, ast.Name)} - {"progress"}
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
