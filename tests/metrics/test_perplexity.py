"""Perplexity over the whole split, by the weights of the tokens."""

import numpy as np
import pytest

from kerasft import KerasftError
from kerasft.metrics import Perplexity
from tests.checks import check_metric


def batch(rows, seed):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(rows, 5, 7)).astype("float32")
    return rng.integers(0, 7, (rows, 5)), logits, rng.integers(0, 2, (rows, 5)).astype("float32")


def test_is_exp_of_the_mean_over_all_tokens_that_count():
    batches = [batch(3, 0), batch(1, 1)]
    value = check_metric(Perplexity(), batches)
    y, logits, weights = (np.concatenate(parts) for parts in zip(*batches))
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    losses = -np.take_along_axis(log_p, y[..., None], -1)[..., 0]
    assert float(value) == pytest.approx(np.exp((losses * weights).sum() / weights.sum()), rel=1e-5)


def test_what_does_not_count_may_be_anything():
    metric = Perplexity()
    metric.update_state([[0, 99]], [[[0.0, 0.0], [np.nan, 1.0]]], sample_weight=[[1.0, 0.0]])
    assert float(metric.result()) == pytest.approx(2.0)


def test_shapes_must_fit():
    with pytest.raises(KerasftError, match="`y_true` must be class indices of shape"):
        Perplexity().update_state(np.zeros((2, 3), int), np.zeros((2, 4, 5)))
