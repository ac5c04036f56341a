"""Scores of spans of words (named entities, slots), by seqeval: the field's reference implementation of conlleval.

A span is right if its type and both its ends are. That is the F1 of the CoNLL shared tasks (Tjong Kim Sang and De Meulder
2003, cs/0306050), and what papers report. An F1 over single tokens is another number, usually higher; it is not offered here.
"""

from collections.abc import Sequence

from seqeval.metrics import accuracy_score, classification_report, f1_score, precision_score, recall_score

from kerasft.errors import bad_argument

SCORING = "seqeval, default mode (as conlleval)"

Tags = Sequence[Sequence[str]]


def span_scores(truth: Tags, predicted: Tags, *, name: str = "entity") -> dict[str, float]:
    """Micro-averaged precision, recall and F1 of spans, and the accuracy of single tags.

    With n_g spans in the truth, n_p predicted and n_c of these in both with the same ends and type:

        precision = n_c / n_p,  recall = n_c / n_g,  f1 = 2 n_c / (n_p + n_g),   0 where there is nothing to divide by

    The numbers are seqeval's own, in its default mode (not `mode="strict"`): invalid sequences are read as conlleval does.

    Args:
        truth: The right tags of each text, in IOB1, IOB2 or IOBES.
        predicted: The answered tags, as many for each text.
        name: What a span is called: `"entity"`, `"slot"`.

    Returns:
        `entity_f1`, `entity_precision`, `entity_recall`, and `token_accuracy` (share of single tags that are right, O
        included: high as soon as most words are O). All are 0 where there is no text.

    Raises:
        KerasftError: If truth and prediction differ in length, or are not a list of tags for each text.

    Example:

    >>> span_scores([["B-PER", "I-PER", "O"]], [["B-PER", "O", "O"]])["entity_f1"]
    0.0
    >>> round(span_scores([["B-PER", "I-PER", "O"]], [["B-PER", "O", "O"]])["token_accuracy"], 2)
    0.67
    """
    truth, predicted = _checked(truth, predicted)
    measures = {"f1": f1_score, "precision": precision_score, "recall": recall_score}
    if not any(truth):  # seqeval raises where there is no tag at all
        return dict.fromkeys([*(f"{name}_{key}" for key in measures), "token_accuracy"], 0.0)
    scores = {f"{name}_{key}": measure(truth, predicted, zero_division=0) for key, measure in measures.items()}
    scores["token_accuracy"] = accuracy_score(truth, predicted)
    return {key: float(value) for key, value in scores.items()}


def span_scores_by_type(truth: Tags, predicted: Tags) -> list[dict]:
    """Precision, recall and F1 of the spans of each type, by seqeval.

    Args:
        truth: As for `span_scores`.
        predicted: As for `span_scores`.

    Returns:
        For each type that occurs in either: `label`, `precision`, `recall`, `f1`, and `support`, the spans in the truth.

    Example:

    >>> span_scores_by_type([["B-PER", "O"]], [["B-PER", "O"]])
    [{'label': 'PER', 'precision': 1.0, 'recall': 1.0, 'f1': 1.0, 'support': 1}]
    """
    truth, predicted = _checked(truth, predicted)
    if all(tag == "O" for tags in (*truth, *predicted) for tag in tags):
        return []
    found = classification_report(truth, predicted, output_dict=True, zero_division=0)
    return [
        {
            "label": label,
            "precision": float(row["precision"]),
            "recall": float(row["recall"]),
            "f1": float(row["f1-score"]),
            "support": int(row["support"]),
        }
        for label, row in found.items()
        if not label.endswith(" avg")
    ]


def _are_tags(tags: object) -> bool:
    return isinstance(tags, Sequence) and not isinstance(tags, str) and all(isinstance(tag, str) for tag in tags)


def _checked(truth: Tags, predicted: Tags) -> tuple[list[list[str]], list[list[str]]]:
    for name, side in (("truth", truth), ("predicted", predicted)):
        if isinstance(side, str) or not all(_are_tags(tags) for tags in side):
            raise bad_argument(name, "a list of tags for each text", side, 'Give [["B-PER", "O"], ...].')
    truth, predicted = [list(tags) for tags in truth], [list(tags) for tags in predicted]
    lengths = [[len(tags) for tags in side] for side in (truth, predicted)]
    if lengths[0] != lengths[1]:
        raise bad_argument(
            "predicted", "one tag for each tag of the truth", lengths[1], f"The truth has {lengths[0][:8]}."
        )
    return truth, predicted
