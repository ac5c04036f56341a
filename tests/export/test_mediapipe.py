"""Files for MediaPipe Tasks: what is packed into them, what is refused, and that MediaPipe itself answers as the model does."""

import copy
import dataclasses
import json
import subprocess
import sys
import unicodedata
import zipfile

import numpy as np
import pytest
from tokenizers.normalizers import BertNormalizer

import kerasft
from kerasft import export
from kerasft.encoding.encoded import encode
from kerasft.errors import ExportError, KerasftError
from kerasft.inference.runners import litert_runner, predict
from kerasft.tasks.samples import SAMPLE_TEXTS
from tests import tiny
from tests.export.conftest import make_bundle, trained
from tests.tokenizers.tiny_files import tokenizer as byte_level

LENGTH = 24
PLAIN = (
    "A Good film",
    "the bad movie was not what we love",
    "please pay me my money",
    "Na\u00efve CAF\u00c9!",
    "a, b. (c)",
)
PROGRAM = """
import json, sys
from mediapipe.tasks.python import text
from mediapipe.tasks.python.core.base_options import BaseOptions

kind, path = sys.argv[1:]
base = BaseOptions(model_asset_path=path)
texts = json.load(sys.stdin)
if kind == "classifier":
    with text.TextClassifier.create_from_options(text.TextClassifierOptions(base_options=base)) as task:
        found = [task.classify(each).classifications[0].categories for each in texts]
    answers = [{category.category_name: category.score for category in categories} for categories in found]
else:
    with text.TextEmbedder.create_from_options(text.TextEmbedderOptions(base_options=base)) as task:
        answers = [task.embed(each).embeddings[0].embedding.tolist() for each in texts]
json.dump(answers, sys.stdout)
"""


def prepared(text: str) -> str:
    """What docs/mediapipe.md asks of an app."""
    dropped = {c for c in text if c == "\ufffd" or (unicodedata.category(c)[0] == "C" and c not in "\t\n\r")}
    kept = "".join(" " if c.isspace() else c for c in text if c not in dropped)
    return "".join(c for c in unicodedata.normalize("NFD", kept.lower()) if unicodedata.category(c) != "Mn")


def texts_for_mediapipe(tokenizer) -> list[str]:
    """Texts that fit: MediaPipe cuts without [SEP] at the end. The special tokens' names are words to MediaPipe."""
    texts = [*SAMPLE_TEXTS, *PLAIN]
    ids = encode(tokenizer, texts, max_length=10_000).token_ids
    return [text for text, row in zip(texts, ids, strict=True) if len(row) <= LENGTH and "[CLS]" not in text]


def ask_mediapipe(kind: str, path, texts: list[str]) -> list:
    probe = subprocess.run([sys.executable, "-c", "import mediapipe"], capture_output=True, text=True)
    if probe.returncode:
        pytest.skip(f"mediapipe does not import: {probe.stderr.strip().splitlines()[-1]}")
    words = [sys.executable, "-c", PROGRAM, kind, str(path)]
    done = subprocess.run(words, input=json.dumps(texts), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def cased(tokenizer):
    """The same tokenizer, but upper case and accents stay."""
    changed = copy.deepcopy(tokenizer)
    changed.backend_tokenizer.normalizer = BertNormalizer(lowercase=False, strip_accents=False)
    return changed


@pytest.fixture(scope="module")
def classifier(bundle_folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("mediapipe") / "reviews.tflite"
    return path, export.mediapipe(bundle_folder, path, app_normalizes=True)


def test_vocabulary_and_labels_are_packed_in(classifier, bundle):
    path, report = classifier
    assert report["max_difference"] < 1e-5
    assert report["agreement"] == 1.0
    with zipfile.ZipFile(path) as packed:
        files = {name: packed.read(name).decode().splitlines() for name in packed.namelist()}
    vocabulary = bundle.tokenizer.get_vocab()
    assert ["negative", "positive"] in files.values()
    assert sorted(vocabulary, key=vocabulary.get) in files.values()


@pytest.mark.slow
def test_mediapipe_classifies_as_the_model_does(classifier, bundle):
    texts = texts_for_mediapipe(bundle.tokenizer)
    assert len(texts) >= 10
    found = ask_mediapipe("classifier", classifier[0], [prepared(text) for text in texts])
    expected = kerasft.pipelines.load(bundle)(texts, with_probabilities=True)
    for text, row, answer in zip(texts, found, expected, strict=True):
        assert row == pytest.approx(answer["probabilities"], abs=1e-4), text


@pytest.mark.slow
def test_the_temperature_is_part_of_the_file(bundle, tmp_path):
    scaled = dataclasses.replace(bundle, metadata=bundle.metadata | {"settings": {"temperature": 2.5}})
    path = tmp_path / "reviews.tflite"
    report = export.mediapipe(scaled, path, app_normalizes=True)
    assert report["max_difference"] < 1e-5
    texts = texts_for_mediapipe(bundle.tokenizer)
    encoded = encode(bundle.tokenizer, texts, max_length=LENGTH)
    (found,) = predict(litert_runner(path), encoded, bundle.tokenizer.pad_token_id).values()
    expected = kerasft.pipelines.load(scaled).predict_probabilities(texts)
    np.testing.assert_allclose(np.stack(found), expected, atol=1e-4)
    assert np.abs(kerasft.pipelines.load(bundle).predict_probabilities(texts) - expected).max() > 0.01
    for row, answer in zip(
        ask_mediapipe("classifier", path, [prepared(text) for text in texts]), expected, strict=True
    ):
        assert list(row.values()) == pytest.approx(sorted(answer, reverse=True), abs=1e-4)


@pytest.mark.slow
def test_mediapipe_embeds_as_the_model_does(tmp_path):
    model = trained(kerasft.heads.sentence_embedding(tiny.backbone()))
    bundle = kerasft.make_bundle(model, tiny.tokenizer(), max_length=LENGTH)
    export.mediapipe(bundle, tmp_path / "embedder.tflite", app_normalizes=True)
    texts = texts_for_mediapipe(bundle.tokenizer)
    found = np.array(ask_mediapipe("embedder", tmp_path / "embedder.tflite", [prepared(text) for text in texts]))
    expected = np.array([answer["embedding"] for answer in kerasft.pipelines.load(bundle)(texts)])
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_what_mediapipe_would_serve_wrongly_is_refused(bundle, tmp_path):
    cases = [
        (bundle, "its tokenizer strips accents, but MediaPipe keeps them"),
        (dataclasses.replace(bundle, metadata=bundle.metadata | {"pair": True}), "it takes pairs of texts"),
        (dataclasses.replace(bundle, metadata=bundle.metadata | {"task": "masked-lm"}), "its task is masked-lm"),
        (dataclasses.replace(bundle, tokenizer=byte_level("gpt2")), "its tokenizer is byte_level_bpe"),
        (
            dataclasses.replace(bundle, tokenizer=cased(bundle.tokenizer)),
            "it is cased, but MediaPipe lowercases all texts",
        ),
    ]
    for wrong, reason in cases:
        with pytest.raises(ExportError, match=reason):
            export.mediapipe(wrong, tmp_path / "wrong.tflite")
    with pytest.raises(KerasftError, match="`quantize` must be None, 'float16' or 'int8'"):
        export.mediapipe(bundle, tmp_path / "wrong.tflite", quantize="int4", app_normalizes=True)
    assert not list(tmp_path.iterdir())


def test_several_labels_at_once_are_refused(tmp_path):
    bundle = make_bundle(tmp_path / "bundle", kerasft.multi_label(["negative", "positive"]))
    assert any("multi_label" in reason for reason in export.mediapipe_problems(kerasft.load_bundle(bundle)))
