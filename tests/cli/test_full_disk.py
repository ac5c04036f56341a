"""Every writer when a file cannot be written to its end: a sentence, the old file whole, nothing beside it.

The operating system refuses for real: a limit of the size of files, at several sizes, so that some files fail at once and
others in their middle.
"""

import contextlib
import os
import pathlib
import subprocess
import sys

import pytest

import kerasft
from kerasft import export
from kerasft.cli.main import main
from kerasft.cli.storage import storage_sentence
from kerasft.errors import KerasftError
from kerasft.pipelines import Search
from kerasft.pipelines.graph_files import FIELDS
from tests import tiny
from tests.callbacks import tiny_training

resource = pytest.importorskip("resource", reason="no limits of file sizes on this system")

TEXTS = ["a good film", "a bad film", "we love the movie", "please pay me my money"]
ROWS = {"text": TEXTS, "label": ["negative", "positive"] * 2}


@contextlib.contextmanager
def files_of_at_most(size):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(scope="module")
def bundle():
    return kerasft.make_bundle(tiny.classifier(), tiny.tokenizer(), max_length=16)


@pytest.fixture(scope="module")
def saved(bundle, tmp_path_factory):
    return kerasft.save_bundle(tmp_path_factory.mktemp("saved") / "b", bundle.model, bundle.tokenizer, max_length=16)


def _save_bundle(bundle, saved, place):
    kerasft.save_bundle(place / "b", bundle.model, bundle.tokenizer, overwrite=True)


def _predict(bundle, saved, place):
    code = main(["predict", str(saved), *TEXTS, "--output", str(place / "answers.jsonl")])
    if code:
        raise KerasftError(f"exit code {code}")


def _search(bundle, saved, place):
    embedder = kerasft.heads.sentence_embedding(tiny.backbone())
    pipeline = kerasft.pipelines.load(kerasft.make_bundle(embedder, bundle.tokenizer, max_length=16))
    Search(pipeline, {"text": TEXTS}).save(place / "index")


def _graph(suffix):
    triple = dict.fromkeys(FIELDS, 0) | {"head": "A", "relation": "r", "tail": "B"}
    return lambda bundle, saved, place: kerasft.pipelines.write_triples(place / f"graph.{suffix}", [triple] * 50)


def _report(head, rows, **options):
    """A report with spans in its texts, and with the training of its model."""

    def write(bundle, saved, place):
        pipeline = kerasft.pipelines.load(kerasft.make_bundle(head(tiny.backbone()), bundle.tokenizer, **options))
        provenance = {"history": {"loss": [1.0, 0.5]}, "options": {"epochs": 2}}
        kerasft.reports.with_training(pipeline.evaluate(rows), {"provenance": provenance}).write(place / "report")

    return write


def _mobile_pages(bundle, saved, place):
    folder = place / "phone"
    folder.mkdir(exist_ok=True)
    report = {"task": "text-classification", "quantize": "int8", "size_bytes": 2_000_000, "agreement": 1.0}
    report |= {"num_texts": 8, "max_difference": 0.1, "latency_ms": {"threads_1": {"median": 1.0, "p90": 2.0}}}
    signature = {"signatures": {"serving_default": {"inputs": {}, "outputs": {}}}, "lengths": [], "max_length": 16}
    export.mobile_pages.write_pages(folder, report | {"operators": []}, signature)


def _adapters(bundle, saved, place):
    kerasft.adapters.save_adapters(kerasft.adapters.enable_lora(tiny.classifier(), rank=2), place / "a.safetensors")


def _best(name):
    def fit(bundle, saved, place):
        best = kerasft.callbacks.best_checkpoint(place / name, "loss")
        tiny_training.model().fit(tiny_training.dataset(), epochs=1, verbose=0, shuffle=False, callbacks=[best])

    return fit


def _resume(bundle, saved, place):
    backup = kerasft.callbacks.resume(place / "r", delete_at_end=False)
    epochs = 1 + len(list((place / "r").glob("epoch-*")))  # one more each time
    tiny_training.model().fit(tiny_training.dataset(), epochs=epochs, verbose=0, shuffle=False, callbacks=[backup])


def _token_files(bundle, saved, place):
    # Other texts each time: what is there already is not written again.
    texts = {"text": [*TEXTS, str(len(os.listdir(place)))]}
    kerasft.data.text_classification(texts, bundle.tokenizer, labels=None, max_length=8, store=place)


WRITERS = {
    "bundle": _save_bundle,
    "huggingface": lambda bundle, saved, place: kerasft.checkpoints.save_huggingface(
        place / "hf", bundle.model, bundle.tokenizer
    ),
    "convert": lambda bundle, saved, place: main(["convert", str(saved), str(place / "hf")]),
    "saved_model": lambda bundle, saved, place: export.saved_model(bundle, place / "served", texts=TEXTS),
    "litert": lambda bundle, saved, place: export.litert(bundle, place / "phone", texts=TEXTS),
    "report": lambda bundle, saved, place: kerasft.pipelines.load(bundle).evaluate(ROWS).write(place / "report"),
    "report of entities": _report(
        lambda backbone: kerasft.heads.token_classifier(backbone, ["O", "B-X", "I-X"]),
        [(["a", "good", "film"], ["O", "B-X", "I-X"])],
        max_length=16,
    ),
    "report of answers": _report(
        kerasft.heads.question_answering,
        [{"id": "1", "question": "what?", "context": "a good film", "answers": [{"text": "film", "answer_start": 7}]}],
        max_length=16,
        pair=True,
    ),
    "mobile pages": _mobile_pages,
    "predict": _predict,
    "search": _search,
    "graph.jsonl": _graph("jsonl"),
    "graph.csv": _graph("csv"),
    "graph.graphml": _graph("graphml"),
    "adapters": _adapters,
    "best.keras": _best("best.keras"),
    "best.weights.h5": _best("best.weights.h5"),
    "resume": _resume,
    "token files": _token_files,
    "demo texts": lambda bundle, saved, place: kerasft.demo.customer_service.write(place, rows=400),
}
SLOW = {"saved_model", "litert"}


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in WRITERS])
def test_a_writer_that_is_refused(bundle, saved, tmp_path, name, capsys, caplog):
    write = WRITERS[name]
    write(bundle, saved, tmp_path)
    before = content(tmp_path)
    assert before
    for size in (0, 3000):
        if size > max(map(len, before.values())):  # all of it is smaller
            continue
        with files_of_at_most(size):
            if name == "convert":
                assert write(bundle, saved, tmp_path) == 1
                assert "kerasft: error: " in capsys.readouterr().err
            elif name == "resume" and size:  # training continues without the checkpoint
                write(bundle, saved, tmp_path)
                assert "No checkpoint could be written" in caplog.text
            else:
                with pytest.raises(Exception) as caught:  # noqa: PT011  whatever the library raises
                    write(bundle, saved, tmp_path)
                assert isinstance(caught.value, KerasftError) or storage_sentence(caught.value), repr(caught.value)
        assert content(tmp_path) == before, size


@pytest.mark.parametrize("name", [name for name in WRITERS if name not in SLOW])
def test_a_place_that_is_no_folder(bundle, saved, tmp_path, name, capsys):
    (tmp_path / "file").write_text("")
    if name == "convert":
        assert WRITERS[name](bundle, saved, tmp_path / "file") == 1
        assert "kerasft: error: " in capsys.readouterr().err
        return
    with pytest.raises(Exception) as caught:  # noqa: PT011  whatever the library raises
        WRITERS[name](bundle, saved, tmp_path / "file")
    assert isinstance(caught.value, KerasftError) or storage_sentence(caught.value), repr(caught.value)
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("size", [0, 100])
def test_logs(tmp_path, size):
    logs = kerasft.callbacks.TensorBoard(tmp_path, update_freq=1)
    model, data = tiny_training.model(), tiny_training.dataset()
    with files_of_at_most(size), pytest.raises(Exception) as caught:  # noqa: PT011  whatever TensorFlow raises
        model.fit(data, epochs=2, verbose=0, shuffle=False, callbacks=[logs])
    assert "a file would exceed the size limit" in storage_sentence(caught.value)


def run_limited(words, size, folder):
    """Run the command line in a process of its own whose files may have `size` bytes at most."""
    program = f"import resource, sys\nresource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))\n"
    program += "from kerasft.cli.main import main\nsys.exit(main())"
    words = [sys.executable, "-c", program, *map(str, words)]
    return subprocess.run(words, capture_output=True, text=True, cwd=folder, check=False)


def check_failure(done):
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("kerasft: ")]
    return line


def train(work, folder, *more):
    return [
        *("train", "text-classification", "--model", work / "checkpoint", "--train", work / "train.csv"),
        *("--max-length", 12, "--epochs", 1, "--output", folder / "bundle", *more),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("size", [0, 200, 3000, 20_000, 60_000, 150_000])
def test_a_training_whose_files_grow_too_large(work, tmp_path, size):
    done = run_limited(train(work, tmp_path), size, tmp_path)
    message = check_failure(done)
    assert ("a file would exceed the size limit" if size else "no writable folder for temporary files") in message
    assert not (tmp_path / "bundle").exists()
    assert not list(tmp_path.rglob("*writing-*"))


@pytest.mark.skipif(not pathlib.Path("/dev/full").exists(), reason="no /dev/full")
def test_standard_output_that_is_full(saved):
    with open("/dev/full", "w") as full:
        words = [sys.executable, "-m", "kerasft", "predict", str(saved), "a good film"]
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert "the disk is full" in check_failure(done)
