"""A share of the hostile files of hostile.py; `make slow` and benchmarks/hostile.py open all."""

import collections

import pytest

import kerasft
from tests import tiny
from tests.security.hostile import Corpus, run

ALLOWED = {"refused", "loaded"}


@pytest.fixture(scope="module")
def whole_files(tmp_path_factory):
    return write_whole_files(tmp_path_factory.mktemp("whole"))


def write_whole_files(folder, *, exports=True):
    """What the hostile files are made of: a bundle, a checkpoint and, with `exports`, a SavedModel and a LiteRT folder."""
    bundle = kerasft.save_bundle(folder / "bundle", tiny.classifier(), tiny.tokenizer(), max_length=12)
    tiny.bert_folder(folder / "checkpoint")
    if exports:
        kerasft.export.saved_model(bundle, folder / "saved_model")
        kerasft.export.litert(bundle, folder / "litert", sequence_length=12)
    return {path.name: path for path in folder.iterdir()}


@pytest.mark.parametrize("scale", [0.03, pytest.param(1.0, marks=pytest.mark.slow)])
def test_no_file_does_harm(whole_files, tmp_path, scale):
    outcomes = collections.defaultdict(list)
    run(Corpus(whole_files, tmp_path, scale=scale), lambda case, outcome: outcomes[outcome].append(case))
    assert outcomes["refused"]
    assert not {outcome: cases for outcome, cases in outcomes.items() if outcome not in ALLOWED}
