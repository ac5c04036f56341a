"""Common parts of metrics for generated texts: one text per row, one or more references."""

from collections.abc import Sequence
from typing import NamedTuple

from kerasft.errors import bad_argument


class TextScores(NamedTuple):
    """Metrics of generated texts, with the exact configuration of each metric, for reports.

    Example:

    >>> TextScores({"bleu": 31.5}, {"bleu": "nrefs:1|case:mixed"}).metrics["bleu"]
    31.5
    """

    metrics: dict[str, float]
    signatures: dict[str, str]


def check_texts(generated: Sequence[str], references: Sequence[Sequence[str]]) -> None:
    """Check that there are texts, each with one or more references.

    Raises:
        KerasftError: If there are none, or the lengths differ.

    Example:

    >>> check_texts(["a"], [])
    Traceback (most recent call last):
    ...
    kerasft.errors.KerasftError: `references` must be as many as the generated texts (1); received: 0. ...
    """
    if isinstance(generated, str) or not len(generated) or not all(isinstance(text, str) for text in generated):
        raise bad_argument("generated", "a non-empty list of texts", generated, "Use one text per row.")
    if len(references) != len(generated):
        raise bad_argument(
            "references",
            f"as many as the generated texts ({len(generated)})",
            len(references),
            "Use a list of references per row.",
        )
    for texts in references:
        if isinstance(texts, str) or not len(texts) or not all(isinstance(text, str) for text in texts):
            raise bad_argument("references", "a non-empty list of texts per row", texts, 'Write [["Bonjour."], ...].')
