"""The verifier measures what it says, on every kind of problem."""

import sys

import pytest

from kerasft import ExportError, Labels, export
from kerasft.encoding.encoded import encode
from kerasft.export import verify as verify_function
from tests.export.conftest import TEXTS

VERIFY = sys.modules["kerasft.export.verify"]
CLASSES = Labels(["no", "yes"])


@pytest.fixture(scope="module")
def phone(bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("phone") / "litert"
    export.litert(bundle, folder, texts=TEXTS)
    return folder


def test_accuracy_of_model_and_file(bundle, phone):
    encoded = encode(bundle.tokenizer, TEXTS, max_length=24)
    rows = VERIFY.predict(VERIFY.keras_runner(bundle.model), encoded, bundle.tokenizer.pad_token_id)["logits"]
    right = [int(row.argmax()) for row in rows]
    assert verify_function(bundle, phone, TEXTS, gold=right)["score"] == {"keras": 1.0, "artifact": 1.0}
    wrong = [bundle.labels[1 - right[0]], *(bundle.labels[index] for index in right[1:])]
    report = verify_function(bundle, phone, TEXTS, gold=wrong, num_timed=3)
    assert report["score"] == {"keras": pytest.approx(0.8), "artifact": pytest.approx(0.8)}
    for times in report["latency_ms"].values():
        assert 0 < times["min"] <= times["median"] <= times["p90"]
    assert report["size_bytes"] == (phone / "model.tflite").stat().st_size


def test_measured_difference(bundle, phone, monkeypatch):
    honest = VERIFY.litert_runner

    def dishonest(*arguments, **keywords):
        runner = honest(*arguments, **keywords)
        run = lambda features: {name: value + [[0.25, 0.0]] for name, value in runner.run(features).items()}  # noqa: E731
        return VERIFY.Runner(run, runner.inputs)

    monkeypatch.setattr(VERIFY, "litert_runner", dishonest)
    assert verify_function(bundle, phone, TEXTS)["max_difference"] == pytest.approx(0.25, abs=1e-4)


def test_nan_is_never_accepted():
    report = {"finite": False, "max_difference": None, "agreement": 0.0, "num_texts": 2}
    with pytest.raises(ExportError, match="NaN or infinity on some of 2 texts"):
        export.check_report(report, tolerance=None, min_agreement=0.0)


def test_a_file_that_writes_texts_goes_through_the_same_gate_and_table():
    report = {"equal_texts": 0.5, "agreement": 0.9, "num_prompts": 8, "num_tokens": 192}
    export.check_report(report, tolerance=None, min_agreement=0.8)
    with pytest.raises(ExportError, match=r"writes other tokens than the model on 50\.0 % of 8 prompts"):
        export.check_report(report, tolerance=0.0, min_agreement=0.0)
    with pytest.raises(ExportError, match=r"0\.900 of 192 tokens; .* Give prompts= of your own kind"):
        export.check_report(report, tolerance=None, min_agreement=0.95)
    rows = dict(export.report_rows(report | {"size_bytes": 1_500_000, "tokens_per_second": 12.3}))
    assert rows["tokens equal to the model's, one by one"] == "90.00 % of 192"
    assert list(rows) == ["size", "tokens equal to the model's, one by one", "texts equal to the model's", "speed"]


def test_a_file_for_mediapipe_goes_through_the_same_gate_and_table():
    report = {
        "finite": True,
        "max_difference": 0.5,
        "agreement": 1.0,
        "num_texts": 8,
        "size_bytes": 1_500_000,
        "same_ids": 0.5,
    }
    with pytest.raises(ExportError, match=r"differs from the model by 0\.5 in an output \(8 texts\)"):
        export.check_report(report, tolerance=0.1, min_agreement=0.0)
    assert export.report_rows(report)[-1] == ("texts with the same ids as they are", "50.00 %")
