"""The relation recipe with tiny models: it learns who does what to whom, direction included."""

import json
import random

import pytest

import kerasft
from kerasft.errors import KerasftError
from kerasft.recipes.relation_extraction import Options, main
from tests import tiny


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipe") / "checkpoint"
    kerasft.checkpoints.save_huggingface(folder, tiny.backbone(), tiny.tokenizer())  # weights that can learn in seconds
    return str(folder)


def write_rows(path, number=192, seed=0, more=()):
    """ "good" pays "bad": (e1,e2) where the one stands first, (e2,e1) where the other does; two of a kind: Other."""
    rng, rows = random.Random(seed), []
    for _ in range(number):
        first, second = rng.choice("ab"), rng.choice("ab")
        words = {"a": "good", "b": "bad"}
        label = {"ab": "Pays(e1,e2)", "ba": "Pays(e2,e1)"}.get(first + second, "Other")
        rows.append(
            {"text": f"<e1>{words[first]}</e1> {rng.choice(['the', 'my'])} <e2>{words[second]}</e2>", "label": label}
        )
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, *more]), "utf-8")
    return str(path)


@pytest.mark.slow
def test_relations_and_their_direction_are_learnt(checkpoint, tmp_path):
    unseen = [{"text": "<e1>good</e1> the <e2>bad</e2>", "label": "Owns(e1,e2)"}]  # an error, and no abort
    options = Options(
        model=checkpoint, train=write_rows(tmp_path / "train.jsonl"), dev=write_rows(tmp_path / "dev.jsonl", 20, 2, unseen),
        test=write_rows(tmp_path / "test.jsonl", 60, 1, unseen),
        output=str(tmp_path / "bundle"), max_length=16, epochs=12, batch_size=8, learning_rate=5e-3, keep="last",
    )  # fmt: skip
    result = main(options)
    assert result["split"] == "test"
    assert next(iter(result["metrics"])) == "relation_f1_macro"
    assert 0.4 < result["metrics"]["relation_f1_macro"] <= 0.5  # of two relations, one of which the model cannot answer
    assert result["metrics"]["accuracy"] > 0.9
    bundle = kerasft.load_bundle(result["bundle"])
    assert bundle.settings["negative_label"] == "Other"
    assert bundle.settings["baseline"]["rows"] > 0  # of the training rows
    assert "training rows" in result["baseline_answer"]
    assert result["warnings"] == []
    relate = kerasft.pipelines.load(result["bundle"])
    assert relate.evaluate(options.test).metrics == result["metrics"]
    assert relate("<e1>bad</e1> my <e2>good</e2>")["label"] == "Pays(e2,e1)"


def test_an_unknown_negative_label_is_refused_before_the_model_is_loaded(tmp_path):
    options = Options(
        model="no/such/model",
        train=write_rows(tmp_path / "train.jsonl"),
        output=str(tmp_path / "b"),
        negative_label="none",
    )
    with pytest.raises(
        KerasftError, match=r"`negative_label` must be one of the labels \(Other, Pays.*received: 'none'"
    ):
        main(options)
