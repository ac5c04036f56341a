"""The whole way from a source to what a model reads."""

import json
import logging
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasft import data
from kerasft.errors import DataError, KerasftError
from kerasft.features import PADDING_MASK, SEGMENT_IDS, TOKEN_IDS, multi_label, regression
from tests import tiny

ROWS = [{"text": "good film " * (1 + i % 5), "label": ("bad", "good")[i % 2]} for i in range(50)]


def dataset(source, **options):
    return data.text_classification(source, tiny.tokenizer(), **options)


def test_from_a_file_to_tensors(tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text('text,label\n"good, very good",positive\nbad,negative\n')
    labels = data.collect_labels(path)
    (features, y), *rest = dataset(path, labels=labels)
    assert not rest
    expected = tiny.batch(["good, very good", "bad"])
    assert {name: value.numpy().tolist() for name, value in features.items()} == {
        name: value.tolist() for name, value in expected.items()
    }
    assert (y.dtype, y.numpy().tolist()) == (tf.int32, [1, 0])


def test_pairs_carry_segments():
    rows = [("good film", "bad", "no"), ("bad", "good film", "yes")]
    (features, _) = next(iter(dataset(rows, labels=["no", "yes"])))
    expected = tiny.batch(["good film", "bad"], ["bad", "good film"])
    assert features[SEGMENT_IDS].numpy().tolist() == expected[SEGMENT_IDS].tolist()
    assert 1 in features[SEGMENT_IDS].numpy()


def test_targets_by_problem():
    rows = [("a", "x|y"), ("b", "")]
    assert dataset(rows, labels=multi_label(["x", "y", "z"])).element_spec[1].shape == (None, 3)
    (_, y) = next(iter(dataset(rows, labels=multi_label(["x", "y", "z"]))))
    assert (y.dtype, y.numpy().tolist()) == (tf.float32, [[1, 1, 0], [0, 0, 0]])
    (_, y) = next(iter(dataset([("a", 2.5), ("b", "3")], labels=regression())))
    assert (y.dtype, y.numpy().tolist()) == (tf.float32, [[2.5], [3.0]])


def test_without_labels_features_only_in_order():
    texts = ["good " * (1 + i % 7) for i in range(20)]
    batches = list(dataset(texts, batch_size=8))
    assert [set(batch) for batch in batches] == [{TOKEN_IDS, PADDING_MASK, SEGMENT_IDS}] * 3
    lengths = np.concatenate([batch[PADDING_MASK].numpy().sum(axis=1) for batch in batches])
    assert lengths.tolist() == [3 + i % 7 for i in range(20)]


def test_store_gives_the_same_batches(tmp_path):
    options = {"labels": ["bad", "good"], "batch_size": 8}
    memory, files = dataset(ROWS, **options), dataset(ROWS, store=tmp_path, **options)
    for (features, y), (same, same_y) in zip(memory, files, strict=True):
        assert (y.numpy() == same_y.numpy()).all()
        assert all((features[name].numpy() == same[name].numpy()).all() for name in features)
    shuffled = dataset(ROWS, store=tmp_path, shuffle=True, **options)
    assert sum(len(y) for _, y in shuffled) == 50
    assert len(list(tmp_path.iterdir())) == 1, "the same tokens serve every batching"


def test_empty_texts_are_an_error_to_train_on_and_reported_to_predict(tmp_path, caplog):
    path = tmp_path / "a.csv"
    path.write_text("text,label\ngood,1\n ,0\n")
    with pytest.raises(DataError, match=r"a\.csv, line 3: the text in column 'text' is empty; received: ' '"):
        dataset(path, labels=["0", "1"])
    with caplog.at_level(logging.WARNING, logger="kerasft"):
        (features,) = dataset(path)
    assert features[TOKEN_IDS].shape[0] == 2, "every row keeps its place"
    assert caplog.messages == [f"1 of 2 texts are empty, the first in {path}, line 3."]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "half \ud800",
            r"line 2: invalid Unicode in the text \(lone surrogate\); received: 'half \\ud800'",
        ),
        (b"caf\xe9", r"line 2: invalid Unicode in the text"),
        (None, r"line 2: expected a string in column 'text'; received|line 2: expected a string in column 'text'\."),
        (3.5, r"line 2: expected a string in column 'text'; received: 3\.5"),
        (float("nan"), r"line 2: expected a string in column 'text'"),  # a missing value, as None is
    ],
)
def test_what_is_no_text(text, message):
    with pytest.raises(DataError, match=message):
        dataset([("good", "x"), (text, "y")], labels=["x", "y"])


def test_strange_texts_pass():
    texts = ["\u202eright to left", "e\u0301\u0301\u0301", "\U0001f600" * 100, "\x07bell", "a\tb\nc", "x" * 10_000]
    assert sum(batch[TOKEN_IDS].shape[0] for batch in dataset(texts)) == len(texts)


def test_unknown_label_in_dev_names_file_line_and_value(tmp_path):
    path = tmp_path / "dev.tsv"
    path.write_text("sentence\tlabel\ngood\tgood\nmeh\tso-so\n")
    with pytest.raises(
        DataError, match=r"dev\.tsv, line 3: unknown label; expected one of: bad, good; received: 'so-so'"
    ):
        dataset(path, labels=["bad", "good"])


def test_label_column_is_needed_only_with_labels(tmp_path):
    path = tmp_path / "test.tsv"
    path.write_text("index\tsentence\n0\tgood\n")
    assert len(dataset(path)) == 1
    with pytest.raises(DataError, match=r"the label; received: \['index', 'sentence'\]"):
        dataset(path, labels=["0", "1"])
    with pytest.raises(KerasftError, match=r"`batch_size` must be .* received: 0"):
        dataset(path, batch_size=0)


def test_fit_shuffles_anew_and_knows_its_steps():
    train = dataset(ROWS, labels=["bad", "good"], batch_size=8, shuffle=True)
    inputs = [keras.Input((None,), dtype="int32", name=name) for name in (TOKEN_IDS, PADDING_MASK, SEGMENT_IDS)]
    x = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(200, 4)(inputs[0]))
    model = keras.Model({tensor.name: tensor for tensor in inputs}, keras.layers.Dense(2)(x))
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    seen = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: steps.append(batch))
    steps = []
    model.fit(train, epochs=2, verbose=0, shuffle=False, callbacks=[seen])
    assert steps == [*range(7), *range(7)]


@pytest.mark.slow
def test_under_a_strategy(tmp_path):
    command = [sys.executable, "-m", "tests.data.strategy_script", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=pathlib.Path(__file__).parents[2], check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    for name, parts in found["parts"].items():
        assert np.sum(parts) == 43, f"{name}: every row goes to one replica"
        assert len(parts) == found["lengths"][name], name
        assert np.shape(parts)[1] == 2, name
    one, two = found["losses"]
    np.testing.assert_allclose(one, two, rtol=1e-5, err_msg="the same batches on one device and on two replicas")
