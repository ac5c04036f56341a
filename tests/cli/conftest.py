"""One bundle that the command line trained on a tiny file, and its exports: made once, used by all commands' tests."""

import csv
import json

import pytest

from kerasft.cli.main import main
from tests import tiny

ROWS = [
    ("a good film", "positive"),
    ("a bad movie", "negative"),
    ("great", "positive"),
    ("poor , lost", "negative"),
] * 15


_SAID_BEFORE = ("columns of ", "rows of ", "Defaults for ", "Trainable parameters: ", "Warning: ")


def write_csv(path, rows, header=("text", "label")):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return str(path)


@pytest.fixture(scope="session")
def work(tmp_path_factory):
    """Folder with `checkpoint`, `train.csv` (60 rows) and `unknown.csv` (a label that train.csv lacks)."""
    folder = tmp_path_factory.mktemp("cli")
    tiny.bert_folder(folder / "checkpoint")
    write_csv(folder / "train.csv", ROWS)
    write_csv(folder / "unknown.csv", [("good", "positive"), ("so so", "neutral")])
    return folder


@pytest.fixture(scope="session")
def train_words(work):
    """The command line that trains a tiny model within a second or two; flags added to it go before."""
    return [
        *("train", "text-classification", "--model", str(work / "checkpoint"), "--train", str(work / "train.csv")),
        *("--max-length", "12", "--epochs", "1", "--output", str(work / "bundle")),
    ]


@pytest.fixture(scope="session")
def bundle(work, train_words):
    assert main(train_words) == 0
    return str(work / "bundle")


@pytest.fixture(scope="session")
def exports(work, bundle):
    """The bundle as a LiteRT and as a SavedModel folder."""
    folders = {"litert": str(work / "litert"), "saved_model": str(work / "saved_model")}
    assert main(["export", bundle, "--output", folders["litert"], "--verify", str(work / "train.csv")]) == 0
    assert main(["export", bundle, "--format", "saved_model", "--output", folders["saved_model"]]) == 0
    return folders


@pytest.fixture
def run(capsys):
    """Run a command; return its exit code, standard output and standard error."""

    def run_command(*words):
        capsys.readouterr()
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run_command


@pytest.fixture
def fails(run):
    """Run a command that must fail with exit code 1 and one line; return the line."""

    def failing(*words):
        code, _, err = run(*words)
        assert code == 1, err
        # What was guessed or chosen is said before what is wrong.
        lines = [line for line in err.splitlines() if not line.startswith(_SAID_BEFORE)]
        assert lines[0].startswith("kerasft: error: ")
        assert len(lines) == 1
        return lines[0]

    return failing


def json_lines(text):
    return [json.loads(line) for line in text.splitlines()]
