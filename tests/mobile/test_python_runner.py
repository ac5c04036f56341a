"""The runner that is copied into mobile bundles: ids as Hugging Face's, answers as kerasft's, without TensorFlow."""

import importlib
import json
import pathlib
import random
import subprocess
import sys
import warnings

import pytest

import kerasft
from kerasft import heads
from kerasft.answers.windows import trimmed_offsets
from kerasft.export import litert
from kerasft.export.mobile import copy_samples
from kerasft.features import multi_label, regression
from kerasft.tasks.samples import SAMPLE_TEXTS
from tests import tiny
from tests.export.conftest import TEXTS, make_bundle, trained
from tests.pipelines import test_relation_extraction
from tests.tokenizers import tiny_files

sys.path.insert(0, str(pathlib.Path(kerasft.__file__).parent / "mobile" / "python"))
from kerasft_tokenizer import Tokenizer

ROOT = pathlib.Path(kerasft.__file__).parent

ALPHABET = [
    *"abcdefghijklmnop ABC ,.!?'-0123 \t\n\u00e9\u00fc\u4e2d\u6587\u00df\u0130\u03a3\u200b\ufffd\U0001f600",
    "[SEP]",
    "##s",
    "'s",
    "don't",
]


def random_texts(count):
    rng = random.Random(0)
    return ["".join(rng.choices(ALPHABET, k=rng.randrange(40))) for _ in range(count)]


@pytest.mark.parametrize("family", tiny_files.FAMILIES)
def test_ids_and_offsets_are_those_of_hugging_face(tmp_path, family):
    reference = tiny_files.tokenizer(family)
    kerasft.tokenizers.save(reference, tmp_path)
    tokenizer = Tokenizer(tmp_path)
    for text in [*SAMPLE_TEXTS, *random_texts(1000)]:
        expected = reference(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        tokens = tokenizer.tokens(text)
        assert [token for token, _, _ in tokens] == expected["input_ids"], repr(text)
        if "\u0323" in text:
            continue  # Two marks that Unicode's forms put in another order: it is one word in both, its end is not.
        offsets = [trimmed_offsets(text, each) for each in ([o for _, *o in tokens], expected["offset_mapping"])]
        assert offsets[0] == offsets[1], repr(text)


def bundle_of(task):
    backbone, tokenizer, settings, pair = tiny.backbone(), tiny.tokenizer(), {}, task in ("pairs", "question-answering")
    tags = ["O", "B-card", "I-card"]
    if task == "relation-extraction":
        return test_relation_extraction.make_bundle()
    if task == "roberta":
        tokenizer = tiny_files.tokenizer("roberta")
        backbone = tiny.backbone(vocabulary_size=len(tokenizer))
    make = {
        "classes": lambda: heads.text_classifier(backbone, ["no", "yes"]),
        "pairs": lambda: heads.text_classifier(backbone, ["no", "yes"]),
        "multi-label": lambda: heads.text_classifier(backbone, multi_label(["a", "b", "c"])),
        "regression": lambda: heads.text_classifier(backbone, regression("stars")),
        "sentence-embedding": lambda: heads.sentence_embedding(backbone),
        "token-classification": lambda: heads.token_classifier(backbone, tags),
        "constrained": lambda: heads.token_classifier(backbone, tags),
        "roberta": lambda: heads.token_classifier(backbone, tags),
        "intent-and-slots": lambda: heads.intent_and_slots(backbone, ["pay", "lost"], tags),
        "question-answering": lambda: heads.question_answering(backbone),
    }
    if task == "multi-label":
        settings = {"temperature": 2.0, "thresholds": [0.4, 0.5, 0.6]}
    if task == "constrained":
        settings = {"constrained": True, "stride": 3}
    if task == "classes":
        settings = {"temperature": 0.5, "out_of_scope": {"threshold": 0.6, "label": "oos"}}
    if task == "question-answering":
        settings = {"no_answer_threshold": 0.0, "max_answer_length": 4}
    return kerasft.make_bundle(make[task](), tokenizer, max_length=24, pair=pair, settings=settings)


TASKS = ["classes", "pairs", "multi-label", "regression", "sentence-embedding", "token-classification", "constrained", "roberta",
         "intent-and-slots", "question-answering", "relation-extraction"]  # fmt: skip


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    """The runner, as it is in a bundle."""
    folder = tmp_path_factory.mktemp("runner")
    copy_samples(folder)
    sys.path.insert(0, str(folder / "python"))
    yield importlib.import_module("kerasft_runner")
    sys.path.remove(str(folder / "python"))


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_the_answers_are_those_of_the_pipeline(tmp_path, task, runner):
    bundle = bundle_of(task)
    litert(bundle, tmp_path / "phone", sequence_length=[12, 24])
    model, pipeline = runner.Model(tmp_path / "phone"), kerasft.pipelines.load(tmp_path / "phone")
    texts = [*TEXTS, *SAMPLE_TEXTS[:9], "", "we lost my card, a good film " * 12]
    if bundle.metadata["pair"]:
        texts = list(zip(texts, reversed(texts)))
    elif task == "relation-extraction":
        texts = ["The <e1>author</e1> of a <e2>card</e2>", f"{'good ' * 30}<e1>we</e1> lost <e2>film</e2>{' bad' * 30}",
                 f"<e2>we</e2> {'lost ' * 40}<e1>my card</e1>"]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of texts that are cut
        expected = [pipeline(text) for text in texts]
    if bundle.metadata["pair"]:
        with pytest.warns(DeprecationWarning, match="`second` is now `text_pair`"):
            assert model(texts[0][0], second=texts[0][1]) == model(texts[0][0], text_pair=texts[0][1])
    for text, answer in zip(texts, expected, strict=True):
        received = model(*text) if isinstance(text, tuple) else model(text)
        assert rounded(received) == rounded(answer), text
    rows = [json.loads(line) for line in (tmp_path / "phone" / "golden.jsonl").read_text("utf-8").splitlines()]
    assert len(rows) >= 50
    assert all("answer" in row for row in rows)
    count, different, largest = runner.check_golden(tmp_path / "phone")
    assert (count, different) == (len(rows), [])
    assert largest < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_masks_are_filled_as_the_pipeline_fills_them(tmp_path, family, runner, caplog):
    tokenizer = tiny.tokenizer() if family == "bert" else tiny_files.tokenizer("roberta")
    model = heads.masked_lm(tiny.backbone(vocabulary_size=len(tokenizer)))
    bundle = kerasft.make_bundle(trained(model), tokenizer, max_length=24)
    litert(bundle, tmp_path / "phone", sequence_length=[12, 24])
    device, mask = runner.Model(tmp_path / "phone"), tokenizer.mask_token
    of_bundle, of_file = kerasft.pipelines.load(bundle), kerasft.pipelines.load(tmp_path / "phone")
    for text in (f"a {mask} film", f"{mask} pay {mask} my card", f"we lost {mask}" + " a good film" * 20, mask):
        for top_k in (1, 3, 5, len(tokenizer)):
            expected = rounded(of_bundle(text, top_k=top_k))
            assert rounded(of_file(text, top_k=top_k)) == expected
            assert device(text, top_k=top_k) == expected
    assert device(f"a {mask}") == of_file(f"a {mask}")
    assert caplog.messages[-1].startswith("1 of 1 texts (100.0 %) are longer than 24 tokens (max_length)")
    for words, message in [
        (("a film",), "the text contains no mask token"),
        (("a", "film"), "`text_pair` must be omitted"),
    ]:
        with pytest.raises(ValueError, match=message):
            device(*words)
    with pytest.raises(ValueError, match="`top_k` must be a whole number >= 1; received: 0"):
        device(mask, top_k=0)


def rounded(answer):
    if isinstance(answer, dict):
        return {name: rounded(value) for name, value in answer.items()}
    if isinstance(answer, list):
        return [rounded(value) for value in answer]
    return pytest.approx(answer, abs=1e-5) if isinstance(answer, float) else answer


def test_a_bundle_answers_without_tensorflow(tmp_path):
    folder = make_bundle(tmp_path / "bundle")
    litert(folder, tmp_path / "phone", sequence_length=[8, 24], texts=TEXTS)
    runner = tmp_path / "phone" / "python" / "kerasft_runner.py"
    code = (
        "import runpy, sys; sys.argv = sys.argv[1:]\n"
        "try: runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print({'tensorflow', 'keras', 'transformers', 'tokenizers'} & set(sys.modules))"
    )

    def run(*words):
        command = [sys.executable, "-c", code, str(runner), str(tmp_path / "phone"), *words]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    answer, modules = run("a good film")
    expected = kerasft.pipelines.load(tmp_path / "phone")("a good film")
    assert modules == "set()"
    answer = json.loads(answer)
    assert answer["label"] == expected["label"]
    assert answer["score"] == pytest.approx(expected["score"], abs=1e-6)
    checked, _ = run("--golden")
    assert ": 0 with differences, maximum output difference" in checked
    model = tmp_path / "phone" / "model.tflite"
    model.write_bytes(model.read_bytes()[:-1] + b"x")
    for script in ("kerasft_runner.py", "kerasft_writer.py"):
        command = [sys.executable, str(runner.with_name(script)), str(tmp_path / "phone"), "a good film"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 1
        assert done.stderr.startswith(f"error: {model} is corrupted: its SHA-256 is ")
