"""Opens files that it is told of on standard input, and says what became of each: see hostile.py."""

import json
import pathlib
import socket
import sys
import tempfile
import warnings

import kerasft
import kerasft.pipelines
from kerasft import data, tasks
from kerasft.errors import KerasftError
from tests import tiny

ACTIONS = {
    "bundle": lambda path: kerasft.pipelines.load(path)(["a good film"]),
    "checkpoint": kerasft.load_pretrained,
    "text-classification": lambda path: classified(path, "single_label"),
    "multi-label": lambda path: classified(path, "multi_label"),
    "token-classification": lambda path: tagged(path),
    "question-answering": lambda path: first(data.question_answering(path, tiny.tokenizer(), max_length=24)),
    "sentence-embedding": lambda path: first(data.sentence_pairs(path, tiny.tokenizer())),
    "relation-extraction": lambda path: data.entity_pairs(path),
    "sequence-to-sequence": lambda path: data.sources_and_references(path),
    "masked-lm": lambda path: first(data.masked_lm(path, tiny.tokenizer(), max_length=24)),
}
"""What a user does with a file; a data file gets as far as the first batch."""


def first(dataset: object) -> object:
    """The first batch."""
    return next(iter(dataset))


def classified(path: pathlib.Path, problem: str) -> object:
    """What a training reads of texts with labels."""
    rows = tasks.settled(str(path)).source
    labels = data.collect_labels(rows, problem=problem)
    return first(data.text_classification(rows, tiny.tokenizer(), labels=labels, max_length=24, shuffle=True))


def tagged(path: pathlib.Path) -> object:
    """What a training reads of tagged words."""
    rows = data.read_tags(str(path), invalid="repair")
    return first(data.token_classification(rows, tiny.tokenizer(), labels=data.collect_tags(rows), max_length=24))


seen: list[str] = []


def watch(event: str, arguments: tuple) -> None:
    """Note files opened for writing outside of the temporary folder, programs started, and connections."""
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        path = str(arguments[0])
        if not path.startswith((tempfile.gettempdir(), "/dev/null")) and "__pycache__" not in path:
            seen.append("wrote")
    elif event == "socket.connect" and arguments[0].family in (socket.AF_INET, socket.AF_INET6):
        seen.append("connected")
    elif event in ("os.system", "subprocess.Popen", "os.exec"):
        seen.append("started a program")


def outcome(action: str, path: str) -> str:
    """Open one file."""
    seen.clear()
    try:
        ACTIONS[action](pathlib.Path(path))
        result = "loaded"
    except (KerasftError, MemoryError):
        result = "refused"
    except Exception as error:  # a traceback for the user
        result = f"traceback {type(error).__name__}"
    return seen[0] if seen else result


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    answers = sys.stdout
    sys.stdout = sys.stderr
    sys.addaudithook(watch)
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        print(outcome(*json.loads(line)), file=answers, flush=True)
