"""Losses for sentence embeddings: the two texts of a pair are adjacent rows of a batch, so that Keras' `fit` can be used."""

import keras
import tensorflow as tf

from kerasft.errors import bad_argument
from kerasft.losses.base import GlobalMeanLoss, of_all_replicas


@keras.saving.register_keras_serializable(package="kerasft")
class MultipleNegativesRanking(GlobalMeanLoss):
    """Multiple-negatives ranking loss: cross-entropy with in-batch negatives.

        loss_i = -log( exp(s c_ii) / sum_j exp(s c_ij) ),    c_ij = cos(a_i, b_j)

    Henderson et al. 2017 (arXiv:1705.00652, section 4.4), with scaled cosine similarities as in InfoNCE (van den Oord et al.
    2018, arXiv:1807.03748). A pair j of the same group as i, j != i, is not a negative and is excluded from the sum.
    Negatives come from the global batch, for any number of devices.

    Args:
        scale: Factor s > 0 of the cosine similarity (1 / temperature).
        symmetric: Whether to also rank the first texts for each second text; the loss is then the mean of both directions.
        name: Name of the loss.

    Call arguments:
        y_true: Group of each row, any integers, (2 B,) or (2 B, 1); rows with the same integer are of the same group.
        y_pred: Vectors (2 B, H), not necessarily normalized: a_0, b_0, a_1, b_1, ...
        sample_weight: (2 B,).

    Raises:
        KerasftError: If `scale` is not positive, or the number of rows is odd.

    Example:

    >>> loss = MultipleNegativesRanking(scale=1.0)
    >>> round(float(loss([0, 0, 1, 1], [[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, 3.0]])), 4)  # log(1 + e) - 1
    0.3133
    """

    def __init__(self, scale: float = 20.0, *, symmetric: bool = False, name: str | None = None):
        super().__init__(name=name)
        if not 0 < scale < float("inf"):
            raise bad_argument("scale", "a number > 0", scale, "20 is usual.")
        self.scale = float(scale)
        self.symmetric = bool(symmetric)

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Return the loss of every row, (2 B,): both rows of a pair have its loss, or with `symmetric` one per direction."""
        (y_true, y_pred), own = of_all_replicas(tf.reshape(y_true, [-1]), y_pred)
        first, second = _pairs(tf.math.l2_normalize(y_pred, axis=-1))  # (B, H) each
        group, _ = _pairs(y_true)  # (B,)
        logits = self.scale * tf.matmul(first, second, transpose_b=True)  # (B, B)
        related = tf.equal(group[:, None], group) & ~tf.eye(tf.shape(group)[0], dtype=tf.bool)
        # Finite, because with -inf a row without negatives would have NaN gradients.
        logits = tf.where(related, -1e9, logits)
        positives = tf.range(tf.shape(group)[0])
        forward = tf.nn.sparse_softmax_cross_entropy_with_logits(positives, logits)  # (B,)
        backward = forward
        if self.symmetric:
            backward = tf.nn.sparse_softmax_cross_entropy_with_logits(positives, tf.transpose(logits))
        return tf.gather(tf.reshape(tf.stack([forward, backward], axis=1), [-1]), own)  # (2 B,)

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        return super().get_config() | {"scale": self.scale, "symmetric": self.symmetric}


@keras.saving.register_keras_serializable(package="kerasft")
class CosineSimilarityLoss(GlobalMeanLoss):
    """Squared difference of the cosine similarity of a pair and its score, (cos(a, b) - y)^2 (Reimers and Gurevych 2019,
    arXiv:1908.10084, section 3, regression objective).

    Args:
        name: Name of the loss.

    Call arguments:
        y_true: Similarity score of each pair, for both of its rows, in [-1, 1] (usually [0, 1]), (2 B,) or (2 B, 1).
        y_pred: Vectors (2 B, H), not necessarily normalized: a_0, b_0, a_1, b_1, ...
        sample_weight: (2 B,).

    Raises:
        KerasftError: If the number of rows is odd.

    Example:

    >>> float(CosineSimilarityLoss()([0.5, 0.5], [[1.0, 0.0], [3.0, 0.0]]))
    0.25
    """

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Return the loss of every row, (2 B,): both rows of a pair have its loss."""
        # The two texts of a pair may be on different devices.
        (y_true, y_pred), own = of_all_replicas(tf.reshape(y_true, [-1]), y_pred)
        first, second = _pairs(tf.math.l2_normalize(y_pred, axis=-1))  # (B, H) each
        target, _ = _pairs(y_true)  # (B,)
        cosine = tf.reduce_sum(first * second, axis=-1)  # (B,)
        return tf.gather(tf.repeat(tf.square(cosine - tf.cast(target, cosine.dtype)), 2), own)  # (2 B,)


def _pairs(rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return rows 0, 2, 4, ... and rows 1, 3, 5, ..."""
    count = rows.shape[0]
    if count is not None and count % 2:
        fix = "Rows are a_0, b_0, a_1, b_1, ..., as in kerasft.data.sentence_pairs."
        raise bad_argument("y_pred", "an even number of rows, two per pair", count, fix)
    with tf.control_dependencies(
        [tf.debugging.assert_equal(tf.shape(rows)[0] % 2, 0, "the last pair has no second row")]
    ):
        pairs = tf.reshape(rows, tf.concat([[-1, 2], tf.shape(rows)[1:]], 0))
    pairs = tf.ensure_shape(pairs, [None, 2, *rows.shape[1:]])
    return pairs[:, 0], pairs[:, 1]
