"""The metrics of a problem, in `fit` and `evaluate`."""

import keras
import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from kerasft import Labels, losses, metrics, multi_label, regression

NAMES = {
    "single_label": ["accuracy", "f1_macro", "matthews"],
    "multi_label": ["f1_micro", "f1_macro", "accuracy"],
    "regression": ["mse", "pearson", "spearman"],
}


def expected_of(problem, y, p):
    if problem == "single_label":
        chosen = p.argmax(axis=-1)
        return accuracy_score(y, chosen), f1_score(y, chosen, average="macro"), matthews_corrcoef(y, chosen)
    if problem == "multi_label":
        return f1_score(y, p > 0, average="micro"), f1_score(y, p > 0, average="macro"), np.mean((p > 0) == y)
    columns = range(y.shape[1])
    return (
        np.mean((y - p) ** 2),
        np.mean([stats.pearsonr(y[:, k], p[:, k])[0] for k in columns]),
        np.mean([stats.spearmanr(y[:, k], p[:, k])[0] for k in columns]),
    )


@pytest.mark.parametrize("labels", [Labels(["a", "b", "c"]), multi_label(["a", "b"]), regression("s", "t")])
def test_fit_and_evaluate_report_the_value_of_the_whole_split(labels, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(22, 3)).astype("float32")
    y = {
        "single_label": rng.integers(0, 3, 22),
        "multi_label": rng.integers(0, 2, (22, 2)).astype("float32"),
        "regression": rng.integers(0, 5, (22, 2)).astype("float32"),
    }[labels.problem]
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(len(labels))(inputs))
    model.compile(keras.optimizers.SGD(0.0), losses.for_labels(labels), metrics=metrics.for_labels(labels))
    names = NAMES[labels.problem]
    expected = dict(zip(names, expected_of(labels.problem, y, np.asarray(model(x)))))
    history = model.fit(x, y, batch_size=8, epochs=2, verbose=0).history
    for name in names:
        assert history[name] == pytest.approx([expected[name]] * 2, rel=1e-5)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras").evaluate(x, y, batch_size=7, verbose=0, return_dict=True)
    assert {name: again[name] for name in names} == pytest.approx(expected, rel=1e-5)
