"""The verifier measures what it says, on every kind of problem."""

import sys

import numpy as np
import pytest

from kerasft import ExportError, Labels, export, multi_label, regression
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
    encoded = VERIFY.encode(bundle.tokenizer, TEXTS, max_length=24)
    logits = VERIFY.predict_logits(VERIFY.keras_runner(bundle.model), bundle.tokenizer, encoded)
    right = logits.argmax(-1).tolist()
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
        return VERIFY.Runner(lambda features: runner.run(features) + [[0.25, 0.0]], runner.inputs)

    monkeypatch.setattr(VERIFY, "litert_runner", dishonest)
    assert verify_function(bundle, phone, TEXTS)["max_difference"] == pytest.approx(0.25, abs=1e-4)


def test_agreement():
    first = np.array([[2.0, -1.0], [-1.0, 2.0], [1.0, 0.5], [3.0, 1.0]])
    second = np.array([[1.0, -1.0], [-1.0, 1.0], [0.5, 1.0], [3.0, -1.0]])
    assert VERIFY._agreement(first, second, CLASSES) == 0.75
    assert VERIFY._agreement(first, second, multi_label(["a", "b"])) == 7 / 8
    correlation = min(np.corrcoef(first[:, i], second[:, i])[0, 1] for i in (0, 1))
    assert VERIFY._agreement(first, second, regression("a", "b")) == pytest.approx(correlation)
    constant = np.ones((4, 1))
    assert VERIFY._agreement(constant, constant, regression("a")) == 1.0
    assert VERIFY._agreement(constant, first[:, :1], regression("a")) == 0.0


def test_gold_in_every_form():
    assert VERIFY._as_logits(["yes", 0], CLASSES).tolist() == [[-1, 1], [1, -1]]
    assert VERIFY._as_logits([["a", "b"], [], ["b"]], multi_label(["a", "b"])).tolist() == [[1, 1], [-1, -1], [-1, 1]]
    assert VERIFY._as_logits([1.5, 2], regression("x")).tolist() == [[1.5], [2.0]]


def test_nan_is_never_accepted():
    report = VERIFY._compare(np.zeros((2, 2)), np.array([[0.0, np.nan], [0.0, 0.0]]), CLASSES) | {"num_texts": 2}
    with pytest.raises(ExportError, match="NaN or infinity on some of 2 texts"):
        export.check_report(report, tolerance=None, min_agreement=0.0)
