"""`kerasft export` of a model that writes texts."""

import json

import kerasft
from tests.export import generating


def test_a_language_model_becomes_a_file_that_generates(run, fails, tmp_path):
    made = generating.bundle("gpt2")
    bundle = kerasft.save_bundle(tmp_path / "poet", made.model, made.tokenizer, max_length=16)
    words = ["--sequence-length", "8", "--output", tmp_path / "phone"]
    code, out, err = run("export", bundle, *words)
    assert (code, err) == (0, "")
    assert "100.00 % of" in out
    signatures = json.loads((tmp_path / "phone" / "signature.json").read_text())["signatures"]
    assert set(signatures) == {"prefill_8", "decode"}
    assert "run it by python/kerasft_writer.py" in fails("predict", tmp_path / "phone", "a good")
    assert "`--calibrate` must be left out for causal-lm" in fails("export", bundle, "--calibrate", "train.csv")
