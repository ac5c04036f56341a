"""`kerasft export` of a model that writes texts."""

import json

import pytest

import kerasft
from tests.export import generating


@pytest.mark.slow
def test_a_language_model_becomes_a_file_that_generates(run, fails, tmp_path):
    made = generating.bundle("gpt2")
    bundle = kerasft.save_bundle(tmp_path / "poet", made.model, made.tokenizer, max_length=16)
    words = ["--sequence-length", "8", "--output", tmp_path / "phone"]
    code, out, err = run("export", bundle, *words)
    assert (code, err) == (0, "")
    assert "100.00 % of" in out
    signatures = json.loads((tmp_path / "phone" / "signature.json").read_text())["signatures"]
    assert set(signatures) == {"prefill_8", "decode"}
    assert "run it with python/kerasft_writer.py" in fails("predict", tmp_path / "phone", "a good")
    assert "`--calibrate` must be omitted for causal-lm" in fails("export", bundle, "--calibrate", "train.csv")
    assert "`--max-drop` must be omitted" in fails("export", bundle, "--max-drop", "1")


@pytest.mark.slow
def test_it_is_verified_on_what_evaluate_reads(run, tmp_path):
    (tmp_path / "poems.txt").write_text("a good film\nwe lost my card\n")
    (tmp_path / "pairs.jsonl").write_text(
        '{"source": "a good film", "target": "bad"}\n{"source": "we", "target": "lost"}\n'
    )
    for task, data in (("gpt2", "poems.txt"), ("t5", "pairs.jsonl")):
        made = generating.bundle(task)
        bundle = kerasft.save_bundle(tmp_path / task, made.model, made.tokenizer, max_length=16, settings=made.settings)
        words = ["--sequence-length", "8", "--verify", tmp_path / data, "--output", tmp_path / f"phone_{task}"]
        code, out, err = run("export", bundle, *words)
        assert code == 0, err
        assert all(line.startswith("columns of ") for line in err.splitlines())
        assert "100.00 % of 2" in out
