"""A text classifier's temperature and thresholds: tuned, stored, answered by, measured; over exported files too."""

import numpy as np
import pytest

import kerasft
from kerasft import KerasftError, export, multi_label
from kerasft.answers import out_of_scope_threshold, probabilities
from tests import tiny
from tests.export.conftest import trained

SEVERAL = multi_label(["negative", "positive"])
ROWS = [
    ("a good film", "positive"),  # the one that the model answers wrongly
    ("the bad movie was not what we love", "positive"),
    ("please pay me", "negative"),
    ("where is the card", "positive"),
    ("i lost my money", "positive"),
    ("we love the film", "positive"),
]
SEVERAL_ROWS = [{"text": text, "label": [label]} for text, label in ROWS]
TEXTS = [text for text, _ in ROWS]


def model_of(labels):
    """A model that is right on most of the rows, and sure of it."""
    model = trained(tiny.classifier(labels))
    logits = model.get_layer("logits")
    logits.set_weights([20 * weight for weight in logits.get_weights()])
    return model


def load(labels=("negative", "positive"), **settings):
    bundle = kerasft.make_bundle(model_of(labels), tiny.tokenizer(), max_length=24, settings=settings)
    return kerasft.pipelines.load(bundle)


@pytest.mark.slow
def test_every_form_answers_at_the_temperature_and_by_the_thresholds(tmp_path):
    plain = load(SEVERAL)
    chances = plain.predict_probabilities(TEXTS)
    thresholds = np.median(chances, axis=0).tolist()
    settings = {"temperature": 2.5, "thresholds": thresholds}
    folder = kerasft.save_bundle(
        tmp_path / "bundle", model_of(SEVERAL), tiny.tokenizer(), max_length=24, settings=settings
    )
    export.litert(folder, tmp_path / "phone", texts=TEXTS)
    export.saved_model(folder, tmp_path / "served", texts=TEXTS)
    scaled = probabilities(plain.predict_logits(TEXTS), SEVERAL, temperature=2.5)
    for place in (folder, tmp_path / "phone", tmp_path / "served"):
        classify = kerasft.pipelines.load(place)
        for answer, row in zip(classify(TEXTS, with_probabilities=True), scaled, strict=True):
            assert list(answer["probabilities"].values()) == pytest.approx(row, abs=1e-4)
            held = {name for name, chance, least in zip(SEVERAL, row, thresholds) if chance >= least}
            assert {item["label"] for item in answer["labels"]} == held
        assert all(len(answer["labels"]) == 2 for answer in classify(TEXTS, threshold=0.0))  # an argument goes before


def test_evaluation_is_of_what_is_answered():
    plain = load().evaluate(ROWS).metrics
    scaled = load(temperature=3.0).evaluate(ROWS)
    assert scaled.metrics["accuracy"] == plain["accuracy"]
    chances = probabilities(load().predict_logits(TEXTS), kerasft.Labels(["negative", "positive"]), temperature=3)
    right = chances[np.arange(len(ROWS)), [int(label == "positive") for _, label in ROWS]]
    assert scaled.metrics["log_loss"] == pytest.approx(-np.log(right).mean(), rel=1e-5)
    assert scaled.metrics["calibration_error"] != plain["calibration_error"]
    assert scaled.about["temperature"] == "3"
    everything = load(SEVERAL, thresholds=[0.0, 0.0]).evaluate(SEVERAL_ROWS)
    assert [row["recall"] for row in everything.per_class] == [1.0, 1.0]
    assert everything.metrics["subset_accuracy"] == 0.0
    assert everything.metrics["f1_micro"] == pytest.approx(2 / 3)
    assert {row["predicted"] for row in everything.errors} == {"negative, positive"}
    assert everything.about["thresholds"] == "negative 0, positive 0"
    assert everything.metrics["log_loss"] == load(SEVERAL).evaluate(SEVERAL_ROWS).metrics["log_loss"]


def test_tuned_settings_are_no_worse_on_their_own_rows():
    classify = load()
    before = classify.evaluate(ROWS).metrics["log_loss"]
    classify.temperature = classify.tune_temperature(ROWS)
    assert classify.evaluate(ROWS).metrics["log_loss"] < before
    several = load(SEVERAL)
    before = several.evaluate(SEVERAL_ROWS).metrics["f1_macro"]
    several.temperature = several.tune_temperature(SEVERAL_ROWS)
    several.thresholds = several.tune_thresholds(SEVERAL_ROWS)
    assert several.evaluate(SEVERAL_ROWS).metrics["f1_macro"] >= before


def test_out_of_scope_rows_are_left_out_and_their_threshold_is_tuned_anew():
    rows = [*ROWS, ("pay me my money", "oos"), ("what is not bad", "oos")]
    expected = load().tune_temperature(ROWS)
    classify = load(out_of_scope={"threshold": 0.7, "label": "oos"})
    with pytest.warns(UserWarning, match=r"out_of_scope = {'threshold': 0.7, .* at temperature 1: tune it again"):
        classify.temperature = classify.tune_temperature(rows)
    assert classify.temperature == pytest.approx(expected)
    scaled = load(temperature=expected)
    inside, outside = (scaled.predict_probabilities(texts).max(-1) for texts in (TEXTS, [text for text, _ in rows[6:]]))
    right = [scaled(text)["label"] == label for text, label in ROWS]
    found = classify.tune_out_of_scope(rows)["threshold"]
    assert found == pytest.approx(out_of_scope_threshold(inside, np.array(right), outside))


@pytest.mark.parametrize(
    ("labels", "settings", "message"),
    [
        (["a", "b"], {"temperature": -1}, "`temperature` must be a number above 0; received: -1"),
        (["a", "b"], {"temperature": None}, "`temperature` must be a number above 0; received: None"),
        (["a", "b"], {"thresholds": [0.5, 0.5]}, "`thresholds` must be omitted, or one number, for single_label; rec"),
        (SEVERAL, {"thresholds": [0.5]}, r"`thresholds` must be 2 probabilities from 0 to 1; received: \[0.5\]"),
        (kerasft.regression("x"), {"temperature": 2}, "`temperature` must be omitted for regression; received: 2"),
    ],
)
def test_wrong_settings_are_refused_by_pipelines_and_exports(tmp_path, labels, settings, message):
    with pytest.raises(KerasftError, match=message):
        load(labels, **settings)
    bundle = kerasft.make_bundle(tiny.classifier(labels), tiny.tokenizer(), max_length=24, settings=settings)
    with pytest.raises(KerasftError, match=message):
        export.saved_model(bundle, tmp_path / "served")
    assert not (tmp_path / "served").exists()


def test_other_problems_have_nothing_to_tune():
    with pytest.raises(KerasftError, match="`model` must be a classifier; received: 'regression'"):
        load(kerasft.regression("x")).tune_temperature([("a", 1.0)])
    with pytest.raises(KerasftError, match="`model` must be a multi-label classifier; received: 'single_label'"):
        load().tune_thresholds(ROWS)
