"""What the examples in docstrings may use without making it: a tiny model, its tokenizer, a checkpoint, a small file."""

import csv
import os

import pytest

os.environ.setdefault("KERASFT_CONVERT_IN_PROCESS", "1")  # else each export would start TensorFlow once more

# The first is whole only as a copy in a mobile bundle; the others warn on import, see tests/test_deprecated.py.
collect_ignore = ["kerasft/mobile", "kerasft/postprocessing.py", "kerasft/quantization.py"]


@pytest.fixture(autouse=True)
def _doctest_objects(request, doctest_namespace):
    # Only examples of the package get these; making them costs a start of TensorFlow.
    if not isinstance(request.node, pytest.DoctestItem):
        return
    source = request.node.dtest.docstring or ""
    names = ("model", "tokenizer", "checkpoint", "reviews_csv", "scratch", "folder", "backbone")
    if any(name in source for name in names):
        doctest_namespace.update(request.getfixturevalue("doctest_objects"))
        monkeypatch = request.getfixturevalue("monkeypatch")
        monkeypatch.chdir(doctest_namespace["scratch"])
        if "main(Options" in source:  # a slow machine would print a line more
            monkeypatch.setattr("kerasft.callbacks.ProgressLines.on_train_batch_end", lambda *args, **named: None)


@pytest.fixture(scope="session")
def doctest_objects(tmp_path_factory):
    """`model` (a classifier of negative and positive), `tokenizer`, `backbone`, `checkpoint`, `reviews_csv`, `scratch`."""
    from tests import tiny  # only here: it starts TensorFlow

    scratch = tmp_path_factory.mktemp("doctest")
    reviews = scratch / "reviews.csv"
    with reviews.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label"))
        writer.writerows([("a good film", "positive"), ("a bad film", "negative")] * 20)
    return {
        "model": tiny.classifier(),
        "tokenizer": tiny.tokenizer(),
        "backbone": tiny.backbone(),
        "checkpoint": str(tiny.bert_folder(scratch / "checkpoint")),
        "reviews_csv": str(reviews),
        "scratch": scratch,
    }
