"""Span-level metrics (named entities, slots), equal to seqeval and conlleval.

A span is correct if its type and both boundaries are correct. This is the F1 of the CoNLL shared tasks (Tjong Kim Sang and De
Meulder 2003, cs/0306050) and of papers. Token-level F1 is different, usually higher, and not supported here.

seqeval is not a dependency: it is published as source only, and its build fails with pip 23 and new setuptools (for example
with Python 3.12's default pip and an installed TensorFlow). The tests compare with it to the last digit.
"""

from collections import Counter
from collections.abc import Sequence

from kerasft.answers.tags import Span, spans_of
from kerasft.errors import bad_argument

SCORING = "as seqeval's default mode and conlleval"

Tags = Sequence[Sequence[str]]


def span_scores(truth: Tags, predicted: Tags, *, name: str = "entity") -> dict[str, float]:
    """Compute micro-averaged precision, recall and F1 of spans, and the accuracy of tags.

    With n_g gold spans, n_p predicted spans and n_c correct spans (same boundaries and type):

        precision = n_c / n_p,  recall = n_c / n_g,  f1 = 2 n_c / (n_p + n_g),   0 for division by zero

    Equal to seqeval in its default mode (not `mode="strict"`): invalid sequences are decoded as by conlleval.

    Args:
        truth: The gold tags of each text, in IOB1, IOB2 or IOBES.
        predicted: The predicted tags, of the same lengths.
        name: Name of a span: `"entity"`, `"slot"`.

    Returns:
        `entity_f1`, `entity_precision`, `entity_recall`, and `token_accuracy` (fraction of correct tags, including O:
        high if most words are O). All are 0 without texts.

    Raises:
        KerasftError: If gold and predicted tags differ in length, or are not a list of tags per text.

    Example:

    >>> span_scores([["B-PER", "I-PER", "O"]], [["B-PER", "O", "O"]])["entity_f1"]
    0.0
    >>> round(span_scores([["B-PER", "I-PER", "O"]], [["B-PER", "O", "O"]])["token_accuracy"], 2)
    0.67
    """
    truth, predicted = _checked(truth, predicted)
    gold_spans = _spans(truth)
    predicted_spans = _spans(predicted)
    num_correct = len(gold_spans & predicted_spans)
    precision, recall, f1 = _precision_recall_f1(num_correct, len(predicted_spans), len(gold_spans))
    pairs = [pair for gold_tags, tags in zip(truth, predicted) for pair in zip(gold_tags, tags)]
    correct = sum(gold_tag == tag for gold_tag, tag in pairs)
    return {
        f"{name}_f1": f1,
        f"{name}_precision": precision,
        f"{name}_recall": recall,
        "token_accuracy": correct / len(pairs) if pairs else 0.0,
    }


def span_scores_by_type(truth: Tags, predicted: Tags) -> list[dict]:
    """Compute precision, recall and F1 of the spans of each type.

    Args:
        truth: See `span_scores`.
        predicted: See `span_scores`.

    Returns:
        For each type that occurs in either: `label`, `precision`, `recall`, `f1`, and `support`, the number of gold spans.

    Example:

    >>> span_scores_by_type([["B-PER", "O"]], [["B-PER", "O"]])
    [{'label': 'PER', 'precision': 1.0, 'recall': 1.0, 'f1': 1.0, 'support': 1}]
    """
    truth, predicted = _checked(truth, predicted)
    gold_spans = _spans(truth)
    predicted_spans = _spans(predicted)
    support, num_predicted, correct = (
        Counter(span.label for _, span in spans)
        for spans in (gold_spans, predicted_spans, gold_spans & predicted_spans)
    )
    rows = []
    for label in sorted(support | num_predicted):
        precision, recall, f1 = _precision_recall_f1(correct[label], num_predicted[label], support[label])
        rows.append({"label": label, "precision": precision, "recall": recall, "f1": f1, "support": support[label]})
    return rows


def _spans(texts: Tags) -> set[tuple[int, Span]]:
    """Return all spans, each with the index of its text."""
    return {(number, span) for number, tags in enumerate(texts) for span in spans_of(tags)}


def _precision_recall_f1(correct: int, predicted: int, gold: int) -> tuple[float, float, float]:
    precision = correct / predicted if predicted else 0.0
    recall = correct / gold if gold else 0.0
    # From precision and recall, as in seqeval, to match it to the last digit.
    return precision, recall, 2 * precision * recall / (precision + recall) if correct else 0.0


def _are_tags(tags: object) -> bool:
    return isinstance(tags, Sequence) and not isinstance(tags, str) and all(isinstance(tag, str) for tag in tags)


def _checked(truth: Tags, predicted: Tags) -> tuple[list[list[str]], list[list[str]]]:
    for name, side in (("truth", truth), ("predicted", predicted)):
        if isinstance(side, str) or not all(_are_tags(tags) for tags in side):
            raise bad_argument(name, "a list of tags per text", side, 'For example: [["B-PER", "O"], ...].')
    truth, predicted = [list(tags) for tags in truth], [list(tags) for tags in predicted]
    lengths = [[len(tags) for tags in side] for side in (truth, predicted)]
    if lengths[0] != lengths[1]:
        raise bad_argument(
            "predicted", "one tag for each gold tag", lengths[1], f"The gold lengths are {lengths[0][:8]}."
        )
    return truth, predicted
