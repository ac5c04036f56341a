"""A new T5: loads as a checkpoint, with the deviations of `T5PreTrainedModel._init_weights`."""

import numpy as np
import pytest

import kerasft
from kerasft import KerasftError
from kerasft.backbones import config_of
from kerasft.checkpoints import new_t5

TEXTS = ["translate: a good film and a bad film", "un bon film et un mauvais film", "where is my money"]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("t5") / "new"
    return kerasft.load_pretrained(new_t5(folder, TEXTS, vocabulary_size=60, num_layers=1, hidden_dim=128, seed=1))


def test_it_is_a_t5_with_its_own_vocabulary(loaded):
    backbone, tokenizer = loaded
    config = config_of(backbone)
    assert (config.family, config.num_layers, config.num_decoder_layers, config.num_heads) == ("t5", 1, 1, 2)
    assert (config.intermediate_dim, config.head_dim, config.vocabulary_size) == (512, 64, len(tokenizer))
    assert config.tied_output and config.scaled_output and not config.gated  # noqa: PT018
    assert (tokenizer.pad_token_id, tokenizer.eos_token_id) == (0, 1)
    ids = tokenizer("a good film")["input_ids"]
    assert ids[-1] == tokenizer.eos_token_id
    assert tokenizer.decode(ids, skip_special_tokens=True) == "a good film"


def test_it_has_its_head(tmp_path):
    folder = new_t5(tmp_path / "new", TEXTS, vocabulary_size=60, num_layers=1, hidden_dim=64)
    assert kerasft.load_task_model(folder)[0].name == "sequence_to_sequence"


def test_the_deviations_are_the_published_ones(loaded):
    backbone, _ = loaded
    hidden, inner, heads = 128, 512, 2
    block = backbone.get_layer("transformer_decoder_layer_0")
    expected = {
        "query": (block.self_attention.query, (hidden * 64) ** -0.5),
        "key": (block.self_attention.key, hidden**-0.5),
        "value": (block.cross_attention.value, hidden**-0.5),
        "output": (block.self_attention.output_projection, (heads * 64) ** -0.5),
        "intermediate": (block.feedforward.intermediate, hidden**-0.5),
        "down": (block.feedforward.output_projection, inner**-0.5),
    }
    found = {name: float(np.std(layer.kernel)) for name, (layer, _) in expected.items()}
    assert found == pytest.approx({name: value for name, (_, value) in expected.items()}, rel=0.05)
    assert float(np.std(backbone.get_layer("token_embedding").embeddings)) == pytest.approx(1.0, rel=0.05)
    assert float(np.std(backbone.get_layer("encoder_attention_bias").embeddings)) == pytest.approx(
        hidden**-0.5, rel=0.3
    )


def test_the_seed_decides(tmp_path, loaded):
    again, _ = kerasft.load_pretrained(
        new_t5(tmp_path / "again", TEXTS, vocabulary_size=60, num_layers=1, hidden_dim=128, seed=1)
    )
    for first, second in zip(loaded[0].get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden_dim": 100}, "`hidden_dim` must be a multiple of 64; received: 100"),
        ({"dropout": 1.0}, r"`dropout` must be a rate in \[0, 1\); received: 1.0"),
        ({"vocabulary_size": 5}, "`vocabulary_size` must be at least .*received: 5"),
    ],
)
def test_what_is_refused(tmp_path, options, message):
    with pytest.raises(KerasftError, match=message):
        new_t5(tmp_path / "new", TEXTS, **options)
