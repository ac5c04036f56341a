"""What a checkpoint says of generation becomes the bundle's default, is warned of by name, and outlives conversions."""

import json

import pytest

import kerasft
from kerasft import heads
from kerasft.backbones import GPT2Config, gpt2
from kerasft.checkpoints import save_huggingface
from kerasft.errors import CheckpointError
from tests import tiny, tiny_t5


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Folders of a GPT-2 and a T5 without any generation settings."""
    folder = tmp_path_factory.mktemp("plain")
    sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 12, "max_sequence_length": 32}
    model = heads.causal_lm(gpt2(GPT2Config(vocabulary_size=len(tiny.tokenizer()), **sizes)))
    save_huggingface(folder / "causal_lm", model, tiny.tokenizer())
    save_huggingface(folder / "sequence_to_sequence", tiny_t5.model(), tiny_t5.tokenizer())
    return folder


@pytest.fixture
def load(plain, tmp_path):
    """Write settings into a copy, load it as a bundle in memory."""

    def made(task: str, *, file="generation_config.json", **fields):
        folder = tmp_path / task
        folder.mkdir(exist_ok=True)
        for path in (plain / task).iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        if file == "config.json":
            (folder / "generation_config.json").unlink()
            fields = json.loads((folder / file).read_text()) | fields
        (folder / file).write_text(json.dumps(fields))
        model, tokenizer = kerasft.load_task_model(folder)
        return kerasft.make_bundle(model, tokenizer, max_length=16)

    return made


CASES = {
    "beam": (
        {"num_beams": 3, "length_penalty": 2.0, "early_stopping": True, "max_new_tokens": 7},
        {"method": "beam", "num_beams": 3, "length_penalty": 2.0, "early_stopping": True, "max_new_tokens": 7},
    ),
    "sample": (
        {"do_sample": True, "temperature": 0.7, "top_p": 0.9, "top_k": 0},
        {"method": "sample", "temperature": 0.7, "top_p": 0.9, "top_k": None},
    ),
    "sample's own top_k": (
        {"do_sample": True},
        {"method": "sample", "temperature": 1.0, "top_p": None, "top_k": 50},
    ),
    "rules": (
        {"repetition_penalty": 1.2, "no_repeat_ngram_size": 3, "stop_strings": "\n"},
        {"repetition_penalty": 1.2, "no_repeat_ngram_size": 3, "stop": ["\n"]},
    ),
    "neutral": ({"temperature": 0.5, "num_beam_groups": 1, "suppress_tokens": None, "bad_words_ids": []}, {}),
}


@pytest.mark.parametrize("file", ["generation_config.json", "config.json"])
@pytest.mark.parametrize("name", CASES)
def test_the_settings_are_the_bundles_defaults(name, file, load):
    fields, expected = CASES[name]
    assert load("causal_lm", file=file, **fields).settings.get("generation", {}) == expected


def test_lengths_count_what_transformers_counts(load):
    found = load("sequence_to_sequence", max_length=9, min_length=3).settings["generation"]
    assert found == {"max_new_tokens": 8, "min_new_tokens": 2}  # without the start token
    with pytest.warns(UserWarning, match=r"ignored by kerasft: max_length=9 \(it counts the prompt"):
        assert load("causal_lm", max_length=9).settings["generation"] == {}


def test_a_pipeline_follows_them(load):
    write = kerasft.pipelines.load(load("sequence_to_sequence", max_new_tokens=3, num_beams=2))
    assert "score" in write("good film")
    assert "score" not in write("good film", num_beams=1)


@pytest.mark.parametrize(
    "fields",
    [
        {"suppress_tokens": [5]},
        {"bad_words_ids": [[5]]},
        {"forced_bos_token_id": 5},
        {"forced_eos_token_id": 1},
        {"num_return_sequences": 2},
        {"typical_p": 0.3},
        {"encoder_no_repeat_ngram_size": 2},
        {"exponential_decay_length_penalty": [3, 1.1]},
        {"penalty_alpha": 0.6},
    ],
)
def test_what_we_do_not_do_is_named_and_kept_by_conversions(fields, load, tmp_path):
    ((name, value),) = fields.items()
    with pytest.warns(UserWarning, match=f"ignored by kerasft: {name}="):
        bundle = load("sequence_to_sequence", **fields)
    folder = kerasft.save_bundle(tmp_path / "bundle", bundle.model, bundle.tokenizer, max_length=16)
    loaded = kerasft.load_bundle(folder)
    written = save_huggingface(tmp_path / "written", loaded.model, loaded.tokenizer)
    assert json.loads((written / "generation_config.json").read_text())[name] == value


def test_conversions_keep_the_options(load, tmp_path):
    fields = {
        "num_beams": 3,
        "length_penalty": 2.0,
        "early_stopping": True,
        "max_new_tokens": 7,
        "repetition_penalty": 1.5,
    }
    bundle = load("sequence_to_sequence", **fields)
    written = save_huggingface(tmp_path / "written", bundle.model, bundle.tokenizer)
    found = json.loads((written / "generation_config.json").read_text())
    assert found | fields == found
    assert (found["decoder_start_token_id"], found["pad_token_id"]) == (0, 0)
    model, tokenizer = kerasft.load_task_model(written)
    assert kerasft.make_bundle(model, tokenizer, max_length=16).settings["generation"] == bundle.settings["generation"]
    sampling = load("causal_lm", do_sample=True, temperature=0.5)
    written = save_huggingface(tmp_path / "sampling", sampling.model, sampling.tokenizer)
    found = json.loads((written / "generation_config.json").read_text())
    assert (found["do_sample"], found["temperature"], found["top_k"]) == (True, 0.5, 50)


def test_the_end_token_is_the_configs(load):
    assert load("causal_lm", eos_token_id=7).tokenizer.eos_token_id == 7
    assert load("causal_lm", eos_token_id=[7]).tokenizer.eos_token_id == 7
    assert (
        load("causal_lm", eos_token_id=[7, 10**6]).tokenizer.eos_token_id == 7
    )  # beyond the vocabulary: never written
    with pytest.warns(UserWarning, match=r"kerasft uses '.*' as the only end token; ignored: \['.*'\]"):
        assert load("causal_lm", eos_token_id=[7, 8]).tokenizer.eos_token_id == 7


@pytest.mark.parametrize(
    ("task", "fields", "message"),
    [
        ("sequence_to_sequence", {"decoder_start_token_id": 5}, "'decoder_start_token_id' must be 0.* received: 5"),
        ("causal_lm", {"eos_token_id": -1}, "'eos_token_id' must be .* received: -1"),
        ("causal_lm", {"eos_token_id": "</s>"}, "'eos_token_id' must be .* received: '</s>'"),
        ("causal_lm", {"do_sample": True, "temperature": 0.0}, "generation settings cannot be used: `temperature`"),
        ("causal_lm", {"num_beams": "many"}, "generation settings cannot be used: `num_beams`"),
    ],
)
def test_what_cannot_be_honoured_is_refused(task, fields, message, load):
    with pytest.raises(CheckpointError, match=message):
        load(task, **fields)


def test_a_start_token_in_the_config_is_refused_too(load):
    for field in ("decoder_start_token_id", "pad_token_id"):
        with pytest.raises(CheckpointError, match=f"'{field}' must be 0 or None; received: 5"):
            load("sequence_to_sequence", file="config.json", **{field: 5})
