"""Agreement in every task's own terms."""

import numpy as np
import pytest

from kerasft import Labels, multi_label, regression
from kerasft.bundles import Bundle
from kerasft.export.agreement import agreement, as_logits, largest_difference

CLASSES = Labels(["no", "yes"])


def of(labels=None, task="text-classification"):
    names, problem = (None, None) if labels is None else (list(labels), labels.problem)
    return Bundle(None, None, {"task": task, "labels": names, "problem": problem})


def test_of_texts():
    first = {"logits": np.array([[2.0, -1.0], [-1.0, 2.0], [1.0, 0.5], [3.0, 1.0]])}
    second = {"logits": np.array([[1.0, -1.0], [-1.0, 1.0], [0.5, 1.0], [3.0, -1.0]])}
    assert agreement(first, second, of(CLASSES)) == 0.75
    assert agreement(first, second, of(multi_label(["a", "b"]))) == 7 / 8
    correlation = min(np.corrcoef(first["logits"][:, i], second["logits"][:, i])[0, 1] for i in (0, 1))
    assert agreement(first, second, of(regression("a", "b"))) == pytest.approx(correlation)
    constant = {"logits": np.ones((4, 1))}
    assert agreement(constant, constant, of(regression("a"))) == 1.0
    assert agreement(constant, {"logits": first["logits"][:, :1]}, of(regression("a"))) == 0.0


def test_of_tokens_counts_tokens_and_not_texts():
    long, short = np.array([[1.0, 0.0]] * 3), np.array([[1.0, 0.0]])
    assert agreement({"logits": [long, short]}, {"logits": [long, -short]}, of(CLASSES, "token-classification")) == 0.75


def test_of_answers_compares_start_and_end():
    scores = np.array([[3.0, 0.0], [0.0, 3.0], [1.0, 1.0]])  # starts at token 0, ends at token 1
    other = np.array([[3.0, 4.0], [0.0, 3.0], [1.0, 1.0]])  # ends at token 0
    assert agreement({"logits": [scores]}, {"logits": [other]}, of(task="question-answering")) == 0.5


def test_of_embeddings_is_the_cosine():
    rows = {"embedding": [np.array([1.0, 0.0]), np.array([0.0, 2.0])]}
    turned = {"embedding": [np.array([0.0, 1.0]), np.array([0.0, 1.0])]}
    assert agreement(rows, turned, of(task="sentence-embedding")) == 0.5


def test_of_two_outputs_is_their_mean():
    first = {"intent_logits": [np.array([1.0, 0.0])], "slot_logits": [np.array([[1.0, 0.0]])]}
    second = {"intent_logits": [np.array([0.0, 1.0])], "slot_logits": [np.array([[1.0, 0.0]])], "more": []}
    assert agreement(first, second, of(CLASSES, "intent-and-slots")) == 0.5
    assert largest_difference(first, second) == 1.0


def test_several_labels_hold_from_the_bundles_thresholds():
    bundle = of(multi_label(["a", "b"]))
    bundle.metadata["settings"] = {"temperature": 2.0, "thresholds": [0.8, 0.2]}  # at logits of 2.77 and -2.77
    first, second = {"logits": np.array([[3.0, -2.0]])}, {"logits": np.array([[1.0, 2.0]])}
    assert agreement(first, second, bundle) == 0.5
    assert agreement(first, {"logits": as_logits([["a", "b"]], bundle.labels)}, bundle) == 1.0
    assert agreement(second, {"logits": as_logits([["b"]], bundle.labels)}, bundle) == 1.0


def test_gold_in_every_form():
    assert as_logits(["yes", 0], CLASSES).tolist() == [[-np.inf, np.inf], [np.inf, -np.inf]]
    several = as_logits([["a", "b"], [], ["b"]], multi_label(["a", "b"]))
    many_hot = as_logits(np.array([[1.0, 1.0], [0.0, 0.0], [0.0, 1.0]]), multi_label(["a", "b"]))  # as data has them
    assert np.sign(several).tolist() == np.sign(many_hot).tolist() == [[1, 1], [-1, -1], [-1, 1]]
    assert as_logits([1.5, 2], regression("x")).tolist() == [[1.5], [2.0]]
