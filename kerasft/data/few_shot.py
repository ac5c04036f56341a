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
    """Draw some rows of each class at random.

    Args:
        source: As for `kerasft.data.text_classification`, with one label a row.
        per_class: Rows of each class, >= 1; of a rarer class all.
        columns: As there.
        seed: The same seed draws the same rows.

    Returns:
        The rows drawn, and the others, each in the source's order.

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
    # Of the rows in random order, sorted by class, the first ones of each class.
    order = shuffled[np.argsort(classes[shuffled], kind="stable")]
    place = np.arange(len(rows)) - np.searchsorted(classes[order], classes[order])
    drawn = np.sort(order[place < per_class])
    return rows.take(drawn), rows.take(np.setdiff1d(np.arange(len(rows)), drawn))


def class_pairs(
    texts: Sequence[str], classes: Sequence[int], *, per_text: int = 4, with_negatives: bool = False, seed: int = 0
) -> tuple[list[tuple[str, str]], np.ndarray]:
    """Pair texts with others of their class, and with texts of other classes (Tunstall et al. 2022, arXiv:2209.11055,
    section 3.1).

    Args:
        texts: N texts.
        classes: Their classes, N integers.
        per_text: Partners of each text, drawn at random: one after the other of its class, in a new random order when all
            have had their turn. A text that is alone in its class is its own partner.
        with_negatives: Whether each such pair comes with one of the same text and a random one of another class.
        seed: The same seed makes the same pairs.

    Returns:
        The pairs in random order, and for each: without negatives the class, int32, as the group for
        `kerasft.losses.MultipleNegativesRanking`; with them 1 for a pair of one class and 0 for others, float32, for
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
