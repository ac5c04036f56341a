"""The out-of-scope threshold of a text classifier: tuned, stored, answered by, measured; over exported files too."""

import pytest

import kerasft
from kerasft import DataError, KerasftError, export
from kerasft.data import separate_label
from tests import tiny
from tests.export.conftest import trained

INSIDE = [
    ("a good film", "positive"),
    ("the bad movie was not what we love", "negative"),
    ("please pay me", "positive"),
]
OUTSIDE = [("where is the card", "oos"), ("i lost my money", "oos")]


def bundle_of(setting=None, labels=("negative", "positive")):
    model = trained(tiny.classifier(labels))
    settings = {"out_of_scope": setting} if setting else None
    return kerasft.make_bundle(model, tiny.tokenizer(), max_length=24, settings=settings)


@pytest.mark.slow
def test_a_threshold_is_tuned_and_stored_and_answered_by(tmp_path):
    bundle = bundle_of()
    setting = kerasft.pipelines.load(bundle).tune_out_of_scope(INSIDE + OUTSIDE)
    assert setting["label"] == "oos"
    scores = {text: kerasft.pipelines.load(bundle)(text)["score"] for text, _ in INSIDE + OUTSIDE}
    folder = kerasft.save_bundle(
        tmp_path / "intents", bundle.model, bundle.tokenizer, max_length=24, settings={"out_of_scope": setting}
    )
    export.litert(folder, tmp_path / "phone", texts=[text for text, _ in INSIDE])
    for place in (folder, tmp_path / "phone"):
        for score, answer in zip(scores.values(), kerasft.pipelines.load(place)(list(scores))):
            rejected = score < setting["threshold"]
            assert (answer["label"] == "oos") == rejected
            assert answer["score"] == pytest.approx(1 - score if rejected else score, abs=1e-4)


def test_evaluation_counts_both_kinds_of_rows():
    scores = [kerasft.pipelines.load(bundle_of())(text)["score"] for text, _ in OUTSIDE]
    everything = kerasft.pipelines.load(bundle_of({"threshold": 1.0, "label": "oos"}))
    metrics = everything.evaluate(INSIDE + OUTSIDE).metrics
    assert list(metrics)[:3] == ["in_scope_accuracy", "out_of_scope_recall", "out_of_scope_precision"]
    assert (metrics["in_scope_accuracy"], metrics["out_of_scope_recall"]) == (0.0, 1.0)
    assert metrics["out_of_scope_precision"] == pytest.approx(2 / 5)
    plain = kerasft.pipelines.load(bundle_of()).evaluate(INSIDE).metrics
    assert {
        name: metrics[name] for name in plain
    } == plain  # the others are of the in-scope rows, without the threshold
    between = kerasft.pipelines.load(bundle_of({"threshold": sum(scores) / 2, "label": "oos"}))
    assert between.evaluate(INSIDE + OUTSIDE).metrics["out_of_scope_recall"] == 0.5
    assert "out_of_scope_recall" not in between.evaluate(INSIDE).metrics


def test_columns_by_number_are_read_too():
    classify = kerasft.pipelines.load(bundle_of({"threshold": 0.0, "label": "oos"}))
    rows = [(label, "x", text) for text, label in INSIDE]
    report = classify.evaluate(rows, columns={"text": 2, "label": 0})
    assert (report.rows, report.about["out of scope"]) == (3, "0 additional rows of oos; threshold 0.0000")


def test_rows_of_one_label_are_parted_from_the_others():
    inside, outside = separate_label([*INSIDE, *OUTSIDE], "oos")
    assert (len(inside), len(outside)) == (3, 2)
    assert outside.place(0) == ("Python rows", 4)
    assert [len(part) for part in separate_label(INSIDE, "oos")] == [3, 0]
    with pytest.raises(DataError, match="no column detected as the label"):
        separate_label([{"text": "a"}], "oos")


def test_wrong_data_and_models():
    classify = kerasft.pipelines.load(bundle_of())
    with pytest.raises(DataError, match="Python rows: 0 rows are labeled 'oos', 3 are not"):
        classify.tune_out_of_scope(INSIDE)
    with pytest.raises(
        KerasftError, match=r"`out_of_scope` must be with a \"label\" that is not one of the classes; received: "
    ):
        classify.tune_out_of_scope(INSIDE, "positive")
    several = kerasft.pipelines.load(bundle_of(labels=kerasft.multi_label(["negative", "positive"])))
    with pytest.raises(KerasftError, match="`model` must be a single-label classifier; received: 'multi_label'"):
        several.tune_out_of_scope(INSIDE + OUTSIDE)
    with pytest.raises(DataError, match="all rows are out of scope"):
        kerasft.pipelines.load(bundle_of({"threshold": 0.5, "label": "oos"})).evaluate(OUTSIDE)
    with pytest.raises(KerasftError, match=r'with a "threshold" from 0 to 1; received: '):
        kerasft.pipelines.load(bundle_of({"threshold": -1, "label": "oos"}))
