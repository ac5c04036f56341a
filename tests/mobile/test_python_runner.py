"""The runner that is copied into mobile bundles: ids as Hugging Face's, answers as kerasft's, without TensorFlow."""

import json
import pathlib
import random
import subprocess
import sys

import pytest

import kerasft
from kerasft.export import litert
from kerasft.export.folders import write_json
from kerasft.export.mobile import preprocessing
from kerasft.export.verify import SAMPLE_TEXTS
from tests import tiny
from tests.export import generating
from tests.export.conftest import TEXTS, make_bundle

sys.path.insert(0, str(pathlib.Path(kerasft.__file__).parent / "mobile" / "python"))
from kerasft_tokenizer import Tokenizer

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


@pytest.mark.parametrize("kind", ["wordpiece", "bpe"])
def test_ids_are_those_of_hugging_face(tmp_path, kind):
    reference = tiny.tokenizer() if kind == "wordpiece" else generating.tokenizer("bpe")
    kerasft.tokenizers.save(reference, tmp_path)
    write_json(tmp_path / "signature.json", {"preprocessing": preprocessing(reference), "max_length": 12})
    tokenizer = Tokenizer(tmp_path)
    texts = [*SAMPLE_TEXTS, *random_texts(1000)]
    for text in texts:
        expected = reference(text, truncation=True, max_length=12)["input_ids"]
        assert tokenizer.encode(text)[0] == expected, repr(text)
    for first, second in zip(texts, reversed(texts)):
        expected = kerasft.tokenizers.encoding.encode(reference, [(first, second)], max_length=12)
        assert tokenizer.encode(first, second)[0] == list(expected.token_ids[0]), repr((first, second))


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
    assert ": 0 with other ids, largest difference of an output" in checked
