"""The recipe on a tiny T5: scores of generated texts choose the epoch, and the bundle writes as it was measured."""

import json

import pytest

import kerasft
from kerasft.recipes.reading import read_source_target
from kerasft.recipes.sequence_to_sequence import Options, main
from tests import tiny_t5

ROWS = [{"source": text, "target": [text.split()[0], text]} for text in tiny_t5.TEXTS]


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipe")
    file = folder / "train.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS), "utf-8")
    kerasft.checkpoints.save_huggingface(folder / "t5", tiny_t5.model(), tiny_t5.tokenizer())
    sizes = {"max_source_length": 12, "max_target_length": 6, "batch_size": 8, "learning_rate": 1e-2}
    return {"model": str(folder / "t5"), "train": str(file), "output": str(folder / "bundle"), **sizes}


@pytest.mark.slow
def test_train_evaluate_save_and_answer(given):
    options = Options(
        **given, epochs=2, prefix="film ", metrics="all", generate_rows=3, num_beams=2, label_smoothing=0.1
    )
    result = main(options)
    assert result["split"] == result["best_epoch_chosen_on"] == "dev"
    assert {"bleu", "chrf", "rouge1", "rouge2", "rougeL", "rougeLsum", "loss", "share_at_limit"} <= set(
        result["metrics"]
    )
    bundle = kerasft.load_bundle(result["bundle"])
    assert bundle.task == "sequence-to-sequence"
    assert {name: value for name, value in bundle.settings.items() if name != "columns"} == {
        "prefix": "film ",
        "metrics": "all",
        "max_target_length": 6,
        "generation": {"max_new_tokens": 6, "method": "beam", "num_beams": 2, "length_penalty": 1.0},
        "start_token_id": 0,
        "generation_config": {"decoder_start_token_id": 0},
    }
    history = bundle.metadata["provenance"]["history"]
    assert len(history["val_bleu"]) == len(history["val_share_at_limit"]) == 2
    assert history["loss"][1] < history["loss"][0]
    assert set(kerasft.pipelines.load(result["bundle"])("good film")) == {"generated", "finished", "score"}


def test_rows(given):
    rows = read_source_target(Options(**given, dev_fraction=0.2))
    assert (len(rows.train), len(rows.dev), rows.split) == (24, 6, "dev")
    assert (rows.reported is rows.dev, rows.columns) == (True, {"text": "source", "label": "target"})
    rows = read_source_target(Options(**given, dev_fraction=0.2, references="all", max_train_rows=10))
    assert (len(rows.train), len(rows.dev)) == (20, 6)
    rows = read_source_target(
        Options(**given, dev=given["train"], test=given["train"], source="source", target="target")
    )
    assert (len(rows.train), rows.split, len(rows.reported)) == (30, "test", 30)
