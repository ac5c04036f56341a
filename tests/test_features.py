import pickle

import pytest

from kerasft.errors import KerasftError
from kerasft.features import PROBLEMS, Labels, model_inputs, multi_label, regression


def test_labels_are_a_sequence_of_names():
    labels = Labels(name for name in ("b", "a"))
    assert list(labels) == ["b", "a"]
    assert (labels[1], labels[-1], len(labels), labels.index("a")) == ("a", "a", 2, 1)
    assert "b" in labels
    assert "c" not in labels
    assert labels.problem == "single_label"


def test_numbers_become_names():
    assert list(Labels([0, 1])) == ["0", "1"]


def test_equality_asks_for_names_and_problem():
    assert Labels(["a", "b"]) == Labels(["a", "b"])
    assert hash(Labels(["a", "b"])) == hash(Labels(["a", "b"]))
    assert Labels(["a", "b"]) != multi_label(["a", "b"])
    assert Labels(["a", "b"]) != Labels(["b", "a"])
    assert Labels(["a", "b"]) == ["a", "b"]
    assert Labels(["a", "b"]) == ("a", "b")
    assert Labels(["a", "b"]) != "ab"
    assert Labels(["a", "b"]) != 3


def test_they_cannot_be_changed():
    labels = Labels(["a", "b"])
    with pytest.raises(TypeError):
        labels[0] = "c"
    with pytest.raises(AttributeError):
        labels.problem = "regression"


def test_they_survive_pickling_and_repr():
    labels = multi_label(["a", "b"])
    assert pickle.loads(pickle.dumps(labels)) == labels
    assert eval(repr(labels)) == labels


def test_of_keeps_labels_as_they_are():
    labels = regression("x", "y")
    assert Labels.of(labels) is labels
    assert Labels.of(["a", "b"]) == Labels(["a", "b"])


def test_one_name_is_enough_but_for_classes():
    assert list(regression()) == ["score"]
    assert list(multi_label(["toxic"])) == ["toxic"]


@pytest.mark.parametrize(
    ("names", "problem", "message"),
    [
        ("positive", "single_label", r"`labels` must be a list of names; received: 'positive'"),
        (["a", "b"], "ranking", r"`problem` must be one of .* received: 'ranking'"),
        ([], "multi_label", r"`labels` must be one or more non-empty names; received: \[\]"),
        (["a", ""], "single_label", r"non-empty names; received: \['a', ''\]"),
        (["a", "b", "a"], "multi_label", r"unique names; received: \['a'\]"),
        (["a"], "single_label", r"two or more classes; received: \['a'\]"),
    ],
)
def test_wrong_labels_are_refused(names, problem, message):
    with pytest.raises(KerasftError, match=message):
        Labels(names, problem)


def test_there_are_three_problems():
    assert PROBLEMS == ("single_label", "multi_label", "regression")


def test_segment_ids_only_where_the_tokenizer_has_them():
    class Tokenizer:
        model_input_names = ("input_ids", "token_type_ids", "attention_mask")

    assert model_inputs(Tokenizer) == ("token_ids", "padding_mask", "segment_ids")
    Tokenizer.model_input_names = ("input_ids", "attention_mask")
    assert model_inputs(Tokenizer) == ("token_ids", "padding_mask")
