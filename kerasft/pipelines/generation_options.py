"""Common parts of text generation pipelines: options, and the warning about texts that reach the limit."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from kerasft.encoding.token_store import logger
from kerasft.errors import bad_argument
from kerasft.generation import Generated, GenerationOptions

OPTION_NAMES = tuple(field.name for field in dataclasses.fields(GenerationOptions))
"""Keyword arguments of a generation pipeline's call; see `kerasft.generation.GenerationOptions`."""

_OF_METHOD = {
    "greedy": (),
    "beam": ("num_beams", "length_penalty", "early_stopping"),
    "sample": ("temperature", "top_k", "top_p"),
}


def merged_options(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> GenerationOptions:
    """Merge the options of a call with the defaults of a bundle.

    `num_beams` implies the method: above 1, it is beam search. If another method than the bundle's is chosen, the bundle's
    method-specific options are dropped.

    Args:
        defaults: Options of the bundle.
        given: Options of the call.

    Raises:
        KerasftError: If an option is unknown or out of range.

    Example:

    >>> merged_options({"max_new_tokens": 64, "method": "beam", "num_beams": 4}, {"method": "greedy"}).num_beams
    1
    >>> merged_options({}, {"num_beams": 4}).method
    'beam'
    """
    for name in given:
        if name not in OPTION_NAMES:
            raise bad_argument(
                "options", f"one of {', '.join(OPTION_NAMES)}", name, "See kerasft.generation.GenerationOptions."
            )
    given = dict(given)
    if "num_beams" in given and "method" not in given:
        given["method"] = "beam" if given["num_beams"] != 1 else "greedy"
    method = given.get("method", defaults.get("method", "greedy"))
    foreign = {name for owner, names in _OF_METHOD.items() if owner != method for name in names}
    kept = {name: value for name, value in defaults.items() if name not in foreign}
    return GenerationOptions(**{**kept, **given})


def answers_of(texts: Sequence[Generated]) -> list[dict[str, Any]]:
    """Convert generated texts to the result of a call.

    Example:

    >>> answers_of([Generated([5], finished=True, text="good")])
    [{'generated': 'good', 'finished': True}]
    """
    answers = [{"generated": text.text, "finished": text.finished, "score": text.score} for text in texts]
    return [{name: value for name, value in answer.items() if value is not None} for answer in answers]


def unfinished(texts: Sequence[Generated]) -> int:
    """Number of texts truncated at `max_new_tokens`.

    Example:

    >>> unfinished([Generated([5], finished=False), Generated([6], finished=True)])
    1
    """
    return sum(not text.finished for text in texts)


def warn_of_limit(texts: Sequence[Generated], options: GenerationOptions) -> None:
    """Log a warning with the number of texts truncated at the limit: metrics underestimate the model for them.

    Example:

    >>> warn_of_limit([Generated([6], finished=True)], GenerationOptions())
    """
    if number := unfinished(texts):
        logger.warning(
            "%d of %d generated texts were truncated at max_new_tokens=%d and are scored as truncated. Increase max_new_tokens "
            "to get complete texts.",
            number,
            len(texts),
            options.max_new_tokens,
        )
