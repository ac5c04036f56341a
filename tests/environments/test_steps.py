"""What must work with every set of versions that kerasft is tested on: build, train, save, load in a new process, predict,
export, exchange with Hugging Face. `make environments` runs it in each environment; docs/versions.md has the table.

Slow for a unit test (minutes in all), hence not part of `make test`.
"""

import functools
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys

import keras
import numpy as np
import pytest

import kerasft
from kerasft.cli import main as cli
from tests import tiny, tiny_t5

pytestmark = [pytest.mark.environment, pytest.mark.filterwarnings("default")]

ROOT = pathlib.Path(__file__).parents[2]
PINS = pathlib.Path(__file__).parent
NAME = os.environ.get("KERASFT_ENVIRONMENT")
"""The environment that the tests run in, such as `colab`: `tests/environments/colab.txt` holds its pins."""

ITEMS = {
    "text-classification": "where is my parcel?",
    "few-shot": "where is my parcel?",
    "token-classification": "my order #12345 has not come to Paris",
    "intent-and-slots": "my order #12345 has not come to Paris",
    "question-answering": ("Which city is named?", "I still wait for my parcel. Send it to Paris, please."),
    "relation-extraction": "The <e1>blender</e1> has to go to <e2>Porto</e2>.",
    "masked-lm": "where is my [MASK]?",
    "causal-lm": "hello, where is",
    "sequence-to-sequence": "my order #12345 has not come to Paris",
    "sentence-embedding": "where is my parcel?",
}
"""One item for each task's pipeline."""

OPTIONS = {
    "causal-lm": {"block_size": 32},
    "few-shot": {"examples_per_class": 2, "max_length": 64},
    "question-answering": {"max_length": 64, "stride": 16},
    "sequence-to-sequence": {"max_source_length": 32, "max_target_length": 8},
}
HALVES = {"first": list(ITEMS)[::2], "second": list(ITEMS)[1::2]}
"""The tasks of each of two test processes, which need not train those of the other."""


def halved(tasks):
    """Parameters of a test: each task, in the process of its half."""
    return [
        pytest.param(task, marks=pytest.mark.xdist_group(half))
        for half, members in HALVES.items()
        for task in members
        if task in tasks
    ]


WRITERS = ("causal-lm", "sequence-to-sequence")
NEW_MODELS = {"causal-lm": "new_gpt2", "sequence-to-sequence": "new_t5"}
ENCODER_HEADS = {
    "text_classifier": lambda backbone: kerasft.heads.text_classifier(backbone, ["no", "yes"]),
    "token_classifier": lambda backbone: kerasft.heads.token_classifier(backbone, ["O", "B-X"]),
    "question_answering": kerasft.heads.question_answering,
    "relation_classifier": lambda backbone: kerasft.heads.relation_classifier(
        backbone, ["no", "yes"], markers=[1, 2, 3, 4]
    ),
    "intent_and_slots": lambda backbone: kerasft.heads.intent_and_slots(backbone, ["no", "yes"], ["O", "B-X"]),
    "sentence_embedding": kerasft.heads.sentence_embedding,
    "masked_lm": kerasft.heads.masked_lm,
}
HAS_QUANTIZER = importlib.util.find_spec("litert_quantizer") is not None


@pytest.mark.skipif(not NAME, reason="KERASFT_ENVIRONMENT names no environment; `make environments` does")
def test_the_versions_are_those_of_the_pins():
    file = ROOT / "constraints.txt" if NAME == "pins" else PINS / f"{NAME}.txt"
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)", file.read_text("utf-8"), re.MULTILINE))
    differing = {}
    for package in ("tensorflow", "tensorflow-text", "keras", "keras-hub", "transformers", "numpy", "ai-edge-litert"):
        installed = importlib.metadata.version(package)
        if installed != pins[package]:
            differing[package] = (installed, pins[package])
    assert not differing


@pytest.mark.parametrize("head", ENCODER_HEADS)
@pytest.mark.parametrize("family", tiny.ENCODERS)
def test_build_an_encoder_with_a_head(family, head, tmp_path):
    model = ENCODER_HEADS[head](tiny.encoder(family))
    check_saved_file(model, tiny.batch_of(model), tmp_path)


def test_build_gpt2(tmp_path):
    config = kerasft.backbones.GPT2Config(
        vocabulary_size=50, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16, max_sequence_length=16
    )
    for head in (kerasft.heads.causal_lm, ENCODER_HEADS["text_classifier"]):
        model = head(kerasft.backbones.gpt2(config))
        check_saved_file(model, tiny.batch_of(model), tmp_path)


def test_build_t5(tmp_path):
    model = tiny_t5.model()
    features = {name: np.ones((2, 5), "int32") for name in model.input}
    check_saved_file(model, features, tmp_path)


def check_saved_file(model, features, folder):
    """A model's outputs are those of its reloaded file."""
    model.save(folder / "model.keras")
    expected = keras.tree.flatten(model.predict_on_batch(features))
    received = keras.tree.flatten(keras.models.load_model(folder / "model.keras").predict_on_batch(features))
    for one, other in zip(expected, received):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Train each task once, when it is first needed: a function from a task's name to its bundle's folder."""
    folder = tmp_path_factory.mktemp("environment")
    texts = [example["text"] for example in kerasft.demo.customer_service.generate(rows=400)]

    @functools.cache
    def checkpoint(new_model: str) -> str:
        return str(getattr(kerasft.checkpoints, new_model)(folder / new_model, texts))

    @functools.cache
    def bundle(task: str) -> pathlib.Path:
        recipe = importlib.import_module(f"kerasft.recipes.{task.replace('-', '_')}")
        files = kerasft.demo.customer_service_tasks.write(folder / "data" / task, task, rows=400)
        options = recipe.Options(
            model=checkpoint(NEW_MODELS.get(task, "new_bert")),
            train=str(files["train"]),
            dev=str(files["dev"]),
            output=str(folder / "bundles" / task),
            epochs=1,
            batch_size=8,
            learning_rate=1e-3,
            **({} if task == "few-shot" else {"max_train_rows": 48}),
            **OPTIONS.get(task, {"max_length": 64}),
        )
        return pathlib.Path(recipe.main(options)["bundle"])

    return bundle


@pytest.mark.parametrize("task", halved(ITEMS))
def test_train_and_predict(task, trained):
    assert kerasft.pipelines.load(trained(task))(ITEMS[task])


LOAD = """
import json, sys
import keras, kerasft
answers = {}
for task, (folder, item) in json.load(sys.stdin).items():
    assert keras.models.load_model(folder + "/model.keras").layers  # `import keras, kerasft` knows every class of ours
    item = tuple(item) if isinstance(item, list) else item
    answers[task] = repr(kerasft.pipelines.load(folder)(item))
json.dump(answers, sys.stdout)
"""


@pytest.mark.parametrize("half", [pytest.param(half, marks=pytest.mark.xdist_group(half)) for half in HALVES])
def test_load_in_a_new_process(half, trained):
    bundles = {task: (str(trained(task)), ITEMS[task]) for task in HALVES[half]}
    done = subprocess.run(
        [sys.executable, "-c", LOAD], input=json.dumps(bundles), capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answers = json.loads(done.stdout[done.stdout.index("{") :])
    assert answers == {task: repr(kerasft.pipelines.load(trained(task))(ITEMS[task])) for task in HALVES[half]}


@pytest.mark.parametrize("task", halved(ITEMS))
def test_export_saved_model(task, trained, tmp_path):
    report = kerasft.export.saved_model(trained(task), tmp_path / "saved_model")
    assert report["agreement"] == pytest.approx(1.0)


@pytest.mark.parametrize("quantize", [None, "int8"])
@pytest.mark.parametrize("task", halved(ITEMS))
def test_export_litert(task, quantize, trained, tmp_path):
    if task in WRITERS:
        sizes = {"prefill_lengths": [16], "cache_length": 32, "prompts": ["hello, where is my parcel?"]}
        report = kerasft.export.litert_generation(trained(task), tmp_path / "litert", quantize=quantize, **sizes)
    else:
        report = kerasft.export.litert(trained(task), tmp_path / "litert", quantize=quantize, sequence_length=64)
    assert pathlib.Path(report["folder"], "model.tflite").stat().st_size > 1000
    if quantize is None:
        assert report["agreement"] == pytest.approx(1.0)


@pytest.mark.xdist_group("first")
@pytest.mark.skipif(not HAS_QUANTIZER, reason="litert-quantizer is not installed: it pins a newer ai-edge-litert")
@pytest.mark.parametrize("quantize", ["int4", "int8_full"])
def test_export_by_the_quantizer(quantize, trained, tmp_path):
    texts = [example["text"] for example in kerasft.demo.customer_service.generate(rows=400)][:32]
    calibration = texts if quantize == "int8_full" else None
    report = kerasft.export.litert(
        trained("text-classification"),
        tmp_path / "litert",
        quantize=quantize,
        sequence_length=64,
        calibration=calibration,
    )
    assert report["quantize"] == quantize


# Hugging Face has no class for the heads of the other tasks.
@pytest.mark.parametrize("task", halved(set(ITEMS) - {"intent-and-slots", "relation-extraction", "few-shot"}))
def test_huggingface_folder_out_and_in(task, trained, tmp_path):
    bundle = kerasft.load_bundle(trained(task))
    kerasft.checkpoints.save_huggingface(tmp_path / "folder", bundle.model, bundle.tokenizer)
    model, _ = kerasft.load_task_model(tmp_path / "folder")
    features = {name: np.ones((2, 5), "int32") for name in model.input}
    expected = keras.tree.flatten(bundle.model.predict_on_batch(features))
    received = keras.tree.flatten(model.predict_on_batch(features))
    for one, other in zip(expected, received):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.xdist_group("first")
def test_command_line(trained, tmp_path, capsys):
    bundle = str(trained("text-classification"))
    data = str(trained("text-classification").parents[1] / "data" / "text-classification" / "test.csv")
    assert cli.main(["evaluate", bundle, "--data", data, "--report", str(tmp_path / "report")]) == 0
    assert cli.main(["predict", bundle, "where is my parcel?"]) == 0
    assert json.loads(capsys.readouterr().out.strip().splitlines()[-1])["label"]


def test_doctor_try(capsys):
    assert cli.main(["doctor", "--try"]) == 0, capsys.readouterr()
    assert "Nothing is missing" in capsys.readouterr().out
