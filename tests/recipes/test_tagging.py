"""The recipes of token classification, and of intents with slots, with tiny models."""

import json
import logging
import random
import re

import pytest

import kerasft
from kerasft.errors import KerasftError
from kerasft.recipes import intent_and_slots, token_classification
from tests import tiny

NAMES, OTHERS = ("card", "money", "film"), ("my", "the", "pay", "lost")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipe") / "checkpoint"
    kerasft.checkpoints.save_huggingface(folder, tiny.backbone(), tiny.tokenizer())  # weights that can learn in seconds
    return str(folder)


def sentences(number=60, seed=0):
    rng = random.Random(seed)
    for _ in range(number):
        words = rng.choices(NAMES + OTHERS, k=4)
        yield words, ["I-thing" if word in NAMES else "O" for word in words]


def write_conll(path, number=60, seed=0, more=""):
    path.write_text(
        "\n".join("".join(f"{w}\t{t}\n" for w, t in zip(*s, strict=True)) for s in sentences(number, seed)) + more,
        "utf-8",
    )
    return str(path)


@pytest.mark.slow
def test_entities_are_learnt_from_conll_columns_in_another_scheme(checkpoint, tmp_path, caplog):
    unseen = "\nAnn\tI-person\n"  # as in ATIS: dev and test have tags that train lacks
    options = token_classification.Options(
        model=checkpoint, train=write_conll(tmp_path / "train.conll", 90), dev=write_conll(tmp_path / "dev.conll", 20, 1, unseen),
        test=write_conll(tmp_path / "test.conll", 20, 2, unseen), output=str(tmp_path / "bundle"), scheme="IOB1",
        trained_scheme="IOBES", constrained=True, label_subwords="all", max_length=16, stride=4, epochs=8, batch_size=8,
        learning_rate=1e-2, class_weights="balanced", focal_gamma=1.0, max_train_rows=80, keep="best",
        monitor="val_entity_recall",
    )  # fmt: skip
    with caplog.at_level(logging.WARNING, "kerasft"):
        result = token_classification.main(options)
    for name in ("dev.conll", "test.conll"):
        assert (
            len(
                re.findall(
                    rf"1 of 21 rows of .*{name} has tags that do not occur in the training rows: S-person \(1\);",
                    caplog.text,
                )
            )
            == 1
        )
    assert result["split"] == "test"
    assert result["metrics"]["entity_recall"] < 1.0  # the unseen one counts as missed
    assert result["best_epoch_chosen_on"] == "dev"
    assert result["metrics"]["entity_f1"] > 0.8
    bundle = kerasft.load_bundle(result["bundle"])
    assert list(bundle.labels) == ["O", "B-thing", "I-thing", "E-thing", "S-thing"]  # no tag of "person"
    settings = {name: value for name, value in bundle.settings.items() if name != "columns"}
    assert settings == {"stride": 4, "constrained": True, "scheme": "IOB1", "invalid": "error"}
    history = bundle.metadata["provenance"]["history"]
    assert len(history["val_entity_f1"]) == len(history["val_loss"]) == 8
    find = kerasft.pipelines.load(result["bundle"])
    assert find.evaluate(options.test).metrics == result["metrics"]
    report = json.loads((tmp_path / "bundle.run" / "report" / "report.json").read_text("utf-8"))
    assert report["metrics"] == result["metrics"]


@pytest.mark.slow
def test_intents_and_slots_are_learnt_from_json_lines(checkpoint, tmp_path):
    path = tmp_path / "train.jsonl"
    with path.open("w") as file:
        for words, _ in sentences():
            text = " ".join(words)
            places = [(text.index(word), word) for word in set(words) & set(NAMES)]
            spans = [{"start": i, "end": i + len(word), "label": "thing"} for i, word in places]
            intent = "report" if "lost" in words else "ask"
            file.write(json.dumps({"text": text, "spans": spans, "intent": intent}) + "\n")
        rare = [{"start": 0, "end": 3, "label": "person"}]
        file.write(json.dumps({"text": "Ann called", "spans": rare, "intent": "rare"}) + "\n")
    options = intent_and_slots.Options(
        model=checkpoint, train=str(path), output=str(tmp_path / "bundle"), max_length=16, epochs=8, batch_size=8,
        learning_rate=1e-2, class_weights="balanced", slot_weight=2.0, dropout=0.0, keep="last",
    )  # fmt: skip
    result = intent_and_slots.main(options)
    assert result["split"] == "dev"
    assert result["baseline_answer"].endswith("the most frequent intent of the training rows, and no slot")
    assert result["best_epoch_chosen_on"] is None
    assert result["metrics"]["slot_f1"] > 0.8
    bundle = kerasft.load_bundle(result["bundle"])
    assert list(bundle.labels) == ["O", "B-person", "B-thing"]  # the rare ones stayed in train, and no I- was seen
    assert list(bundle.settings["intents"]) == ["ask", "rare", "report"]
    history = bundle.metadata["provenance"]["history"]
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    answer = kerasft.pipelines.load(result["bundle"])("I lost my card")
    assert answer["intent"]["label"] in ("ask", "report")


def test_a_monitor_that_is_not_there(checkpoint, tmp_path):
    train = write_conll(tmp_path / "train.conll")
    options = token_classification.Options(
        model=checkpoint, train=train, output=str(tmp_path / "b"), scheme="IOB1", monitor="val_f1", max_length=16
    )
    with pytest.raises(KerasftError, match=r"`monitor` must be one of .*val_entity_f1.*; received: 'val_f1'"):
        token_classification.main(options)
