import numpy as np
import tensorflow as tf

from kerasft.optimizers.gradients import clip_factor, global_norm, merge_rows


def test_norm_of_merged_rows_is_that_of_the_dense_gradient():
    rng = np.random.default_rng(0)
    slices = tf.IndexedSlices(
        tf.constant(rng.normal(size=(20, 3)), tf.float32), tf.constant(rng.integers(0, 6, 20)), tf.constant([9, 3])
    )
    other = tf.constant(rng.normal(size=(4, 2)), tf.float32)
    dense = tf.math.unsorted_segment_sum(slices.values, slices.indices, 9)
    expected = np.sqrt(np.sum(dense.numpy() ** 2) + np.sum(other.numpy() ** 2))
    np.testing.assert_allclose(global_norm([merge_rows(slices), merge_rows(other)]), expected, rtol=1e-6)
    assert merge_rows(other) is other


def test_no_rows_at_all():
    slices = tf.IndexedSlices(tf.zeros((0, 3)), tf.zeros((0,), tf.int32), tf.constant([9, 3]))
    assert float(global_norm([merge_rows(slices)])) == 0.0


def test_clip_factor_brings_the_norm_down():
    for norm in (0.0, 0.5, 1.0, 7.0):
        factor = float(clip_factor(tf.constant(norm), 1.0))
        np.testing.assert_allclose(norm * factor, min(norm, 1.0), rtol=2e-6)
    assert float(clip_factor(tf.constant(7.0), None)) == 1.0
