"""The heads' initializer: the deviation of transformers' heads, another draw for every head."""

import numpy as np

from kerasft.heads.initializer import head_initializer
from tests import tiny


def test_the_deviation_is_that_of_a_normal_distribution_that_is_not_truncated():
    values = np.array(head_initializer()((200, 200)))
    assert abs(values.std() - 0.02) < 5e-4
    assert abs(values).max() > 0.05


def test_two_heads_differ():
    first, second = (tiny.classifier().get_layer("logits").get_weights()[0] for _ in range(2))
    assert not np.array_equal(first, second)
