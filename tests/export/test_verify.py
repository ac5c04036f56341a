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
    with pytest.raises(ExportError, match="NaN or infinity for some of 2 texts"):
        export.check_report(report, tolerance=None, min_agreement=0.0)
