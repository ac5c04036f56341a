"""GPT-2 in LiteRT-LM's own runtime: the same texts as by our loop."""

import builtins
import pathlib

import pytest

from kerasft import KerasftError
from kerasft.errors import CheckpointError, ExportError
from kerasft.export import litert_lm
from kerasft.export.generation_check import device_loop
from tests.export.generating import SENTENCE, TEXT, bundle, exported

PROMPTS = ["the", "the quick brown", " ".join(TEXT[:9]), SENTENCE]


def test_the_runtime_of_litert_lm_writes_the_same_texts(tmp_path):
    pytest.importorskip("litert_lm_builder", reason="litert-lm-builder is not installed")
    runtime = pytest.importorskip("litert_lm", reason="litert-lm-api, LiteRT-LM's runtime, is not installed")
    folder, tokenizer = exported("gpt2")["folder"], bundle("gpt2").tokenizer
    path = litert_lm(folder, tmp_path / "gpt2.litertlm")
    write = device_loop().Generator(folder)
    engine = runtime.Engine(str(path), backend=runtime.Backend.CPU())
    for prompt in PROMPTS:
        ids = tokenizer(prompt)["input_ids"]
        assert engine.tokenize(prompt) == ids
        greedy = runtime.SamplerConfig(top_k=1, top_p=1.0, temperature=1.0)
        with engine.create_session(apply_prompt_template=False, max_output_tokens=12, sampler_config=greedy) as session:
            session.run_prefill([prompt])
            (text,) = session.run_decode().texts
        written = write(ids, max_new_tokens=12, method="greedy")["token_ids"]
        assert text == tokenizer.decode(written, clean_up_tokenization_spaces=False)


def test_a_missing_builder_is_named(monkeypatch, tmp_path):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("litert_lm_builder"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(
        ExportError, match=r"requires the package litert-lm-builder, .* Run: pip install litert-lm-builder"
    ):
        litert_lm(exported("gpt2")["folder"], tmp_path / "gpt2.litertlm")
    assert list(tmp_path.iterdir()) == []


def test_other_folders_are_refused(tmp_path):
    with pytest.raises(KerasftError, match=r"must be an export of a causal .* received: 'sequence_to_sequence'"):
        litert_lm(exported("t5")["folder"])
    with pytest.raises(
        CheckpointError, match=r"was not written by .* model.tflite, tokenizer.json, signature.json missing"
    ):
        litert_lm(pathlib.Path(tmp_path))
