"""Metrics of relation extraction: macro and micro F1 without the negative class, with directions as in SemEval-2010."""

import re
from collections import Counter
from collections.abc import Sequence

from kerasft.errors import bad_argument

_DIRECTION = re.compile(r"\((e1,e2|e2,e1)\)$")


def relation_scores(gold: Sequence[str], predicted: Sequence[str], *, negative_label: str | None = None) -> dict:
    """Compute the metrics of predicted relations.

    `f1_macro` is the official score of SemEval-2010 task 8 ("(9+1)-way evaluation taking directionality into account"): the
    mean F1 over relations that occur in the gold labels, without the negative label. The two directions of a relation, such as
    "Cause-Effect(e1,e2)" and "Cause-Effect(e2,e1)", are counted together, and predictions with the wrong direction are errors:

        P = correct / predicted in any direction, R = correct / gold in any direction, F1 = 2 P R / (P + R), 0 where undefined.

    `f1_micro` is that of TACRED: P over all pairs not predicted as negative, R over all pairs not labeled as negative.

    Args:
        gold: The gold labels of N >= 1 pairs.
        predicted: The predicted labels.
        negative_label: The label of pairs without a relation, such as "Other" or "no_relation"; None if there is none.

    Returns:
        `f1_macro`, `precision_macro`, `recall_macro`, `f1_micro`, `precision_micro`, `recall_micro`, `accuracy`, from 0 to 1,
        and `relations`: for each relation `label`, `precision`, `recall`, `f1`, `support` (number of gold labels), by name.

    Raises:
        KerasftError: If there are no pairs, or the lengths differ.

    References:
        - [Hendrickx et al., 2010](https://aclanthology.org/S10-1006), section 4, and its scorer, version 1.2
        - [Zhang et al., 2017](https://aclanthology.org/D17-1004), section 5 (TACRED)

    Example:

    >>> gold = ["Cause-Effect(e1,e2)", "Cause-Effect(e2,e1)", "Other"]
    >>> relation_scores(gold, ["Cause-Effect(e1,e2)"] * 2 + ["Other"], negative_label="Other")["f1_macro"]
    0.5
    """
    if len(gold) != len(predicted) or not len(gold):
        received = f"{len(gold)} and {len(predicted)} labels"
        raise bad_argument(
            "gold", "as long as `predicted`, and not empty", received, "Use one gold and one predicted label per pair."
        )
    num_gold = Counter(undirected(label) for label in gold)
    num_predicted = Counter(undirected(label) for label in predicted)
    num_correct = Counter(undirected(label) for label, prediction in zip(gold, predicted) if label == prediction)
    names = sorted(name for name in num_gold.keys() | num_predicted.keys() if name != negative_label)
    relations = [
        _scores(num_correct[name], num_predicted[name], num_gold[name]) | {"support": num_gold[name]} for name in names
    ]
    averaged = [row for row in relations if row["support"]]  # the official scorer averages over gold relations only
    micro = _scores(*(sum(counts[name] for name in names) for counts in (num_correct, num_predicted, num_gold)))
    parts = ("f1", "precision", "recall")
    return {
        **{f"{part}_macro": sum(row[part] for row in averaged) / max(len(averaged), 1) for part in parts},
        **{f"{part}_micro": micro[part] for part in parts},
        "accuracy": sum(label == prediction for label, prediction in zip(gold, predicted)) / len(gold),
        "relations": [{"label": name} | row for name, row in zip(names, relations)],
    }


def undirected(label: str) -> str:
    """Return the name of a relation without its direction suffix.

    Example:

    >>> undirected("Cause-Effect(e2,e1)"), undirected("works_for")
    ('Cause-Effect', 'works_for')
    """
    return _DIRECTION.sub("", label)


def direction(label: str) -> str | None:
    """Return `"e1,e2"` or `"e2,e1"` if the name of a relation ends with a direction, otherwise None.

    Example:

    >>> direction("Cause-Effect(e2,e1)"), direction("works_for")
    ('e2,e1', None)
    """
    match = _DIRECTION.search(label)
    return match and match.group(1)


def _scores(correct: int, predicted: int, gold: int) -> dict[str, float]:
    precision = correct / predicted if predicted else 0.0
    recall = correct / gold if gold else 0.0
    f1 = 2 * precision * recall / (precision + recall) if correct else 0.0
    return {"precision": precision, "recall": recall, "f1": f1}
