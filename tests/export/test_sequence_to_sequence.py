"""The teacher-forced forward pass in every form: encoder_* and decoder_* in, scores of the next tokens out."""

import json

import pytest

import kerasft
from kerasft import KerasftError
from kerasft.errors import CheckpointError
from kerasft.tasks import task_of
from tests import tiny_t5

TEXTS = [("good film", "good"), ("bad movie film card money", "bad movie"), ("money", "money card film")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("saved_model", {}),
        ("saved_model", {"sequence_length": 16}),
        ("litert", {}),
        ("litert", {"sequence_length": 16}),
        ("litert", {"quantize": "int8", "min_agreement": 0.0}),
    ],
)
def test_it_answers_as_the_model(form, options, tmp_path):
    report = getattr(kerasft.export, form)(tiny_t5.bundle(), tmp_path / "out", texts=TEXTS, **options)
    assert report["finite"]
    if "quantize" not in options:
        assert report["max_difference"] < 1e-4
        assert report["agreement"] == 1.0
    if form == "litert":
        signature = json.loads((tmp_path / "out" / "signature.json").read_text("utf-8"))
        assert set(signature["signatures"]["serving_default"]["inputs"]) == {
            "encoder_token_ids", "encoder_padding_mask", "decoder_token_ids", "decoder_padding_mask",
        }  # fmt: skip
        assert signature["settings"]["start_token_id"] == 0
    with pytest.raises(CheckpointError, match="gives the scores of the next token and writes no texts"):
        kerasft.pipelines.load(tmp_path / "out")


def test_the_built_in_texts_are_pairs():
    bundle = tiny_t5.bundle()
    texts = task_of(bundle.metadata).sample(bundle, None)
    assert {len(pair) for pair in texts} == {2}


def test_single_texts_are_refused(tmp_path):
    with pytest.raises(KerasftError, match="texts, line 1: not a tuple of source and target; received: 'ab'"):
        kerasft.export.saved_model(tiny_t5.bundle(), tmp_path / "out", texts=["ab"])
    assert not (tmp_path / "out").exists()
