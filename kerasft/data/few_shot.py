"""Few-shot sampling: a few examples per class, and pairs of them."""

from collections.abc import Mapping, Sequence

import numpy as np

from kerasft.data.label_cells import label_cells
from kerasft.data.readers.columns import find_columns, settle
from kerasft.data.readers.label_names import label_key
from kerasft.data.readers.rows import Rows
from kerasft.data.readers.sources import read_rows
from kerasft.errors import whole_number


def draw_examples(
    source: object, *, per_class: int, columns: Mapping[str, object] | None = None, seed: int = 0
) -> tuple[Rows, Rows]:
    """Sample some rows of each class at random.

    Args:
        source: See `kerasft.data.text_classification`; one label per row.
        per_class: Rows per class, >= 1; all rows of classes with fewer.
        columns: See `kerasft.data.text_classification`.
        seed: Random seed.

    Returns:
        The sampled rows and the other rows, each in the source's order.

    Raises:
        DataError: If the source cannot be read.
        KerasftError: If `per_class` is out of range.

    Example:

    >>> few, rest = draw_examples([(f"text {i}", i % 2) for i in range(20)], per_class=3)
    >>> len(few), sum(few.columns["label"]), len(rest)
    (6, 3, 14)
    """
    whole_number("per_class", per_class, "8 is usual.")
    rows = read_rows(source, columns)
    rows = settle(rows, columns, need_label=True)
    roles = find_columns(rows)
    keys = [label_key(texts[0]) for texts in label_cells(rows, roles)]
    _, classes = np.unique(keys, return_inverse=True)  # (rows,)
    random = np.random.default_rng(seed)
    shuffled = random.permutation(len(rows))
    # Sort the shuffled rows by class, and take the first rows of each class.
    order = shuffled[np.argsort(classes[shuffled], kind="stable")]
    rank = np.arange(len(rows)) - np.searchsorted(classes[order], classes[order])
    sampled = np.sort(order[rank < per_class])
    return rows.take(sampled), rows.take(np.setdiff1d(np.arange(len(rows)), sampled))


def class_pairs(
    texts: Sequence[str], classes: Sequence[int], *, per_text: int = 4, with_negatives: bool = False, seed: int = 0
) -> tuple[list[tuple[str, str]], np.ndarray]:
    """Make positive pairs of texts of the same class, and negative pairs of texts of different classes (Tunstall et al. 2022,
    arXiv:2209.11055, section 3.1).

    Args:
        texts: N texts.
        classes: Their classes, N integers.
        per_text: Positive pairs per text: the partners are all other texts of its class in random order, repeatedly if there
            are too few. The only text of a class is paired with itself.
        with_negatives: Whether to add, for each positive pair, a negative pair of the same text and a random text of another
            class.
        seed: Random seed.

    Returns:
        The pairs in random order, and a target per pair: without negatives the class, int32, as group for
        `kerasft.losses.MultipleNegativesRanking`; with negatives 1 for positive and 0 for negative pairs, float32, for
        `kerasft.losses.CosineSimilarityLoss`.

    Raises:
        KerasftError: If `per_text` is out of range.

    Example:

    >>> pairs, similarity = class_pairs(["a", "b", "x", "y"], [0, 0, 1, 1], per_text=1, with_negatives=True)
    >>> len(pairs), sorted(similarity.tolist())
    (8, [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0])
    """
    whole_number("per_text", per_text, "4 is usual.")
    random = np.random.default_rng(seed)
    classes = np.asarray(classes)
    pairs, targets = [], []
    for row, (text, own) in enumerate(zip(texts, classes)):
        others = np.flatnonzero(classes != own)
        for partner in _partners(np.flatnonzero(classes == own), row, per_text, random):
            pairs.append((text, texts[partner]))
            targets.append(1.0 if with_negatives else own)
            if with_negatives and len(others):
                pairs.append((text, texts[random.choice(others)]))
                targets.append(0.0)
    order = random.permutation(len(pairs))
    dtype = np.float32 if with_negatives else np.int32
    return [pairs[row] for row in order], np.array(targets, dtype)[order]


def _partners(members: np.ndarray, row: int, count: int, random: np.random.Generator) -> np.ndarray:
    others = members[members != row]
    if not len(others):
        return np.full(count, row)
    rounds = [random.permutation(others) for _ in range(-(-count // len(others)))]
    return np.concatenate(rounds)[:count]
