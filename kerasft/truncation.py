"""The one warning of texts that are longer than a model reads: logged by the logger "kerasft", in the same words everywhere."""

import contextlib
import contextvars
import logging
from collections.abc import Iterator

logger = logging.getLogger("kerasft")
QUESTION_ADVICE = "To keep them whole, train with a larger max_length (--max-length), or ask shorter questions."
"""For questions, of which half of `max_length` is kept."""
_sums: contextvars.ContextVar[dict | None] = contextvars.ContextVar("truncation sums", default=None)


def warn_truncated(
    truncated: int,
    total: int,
    *,
    limit: int,
    kind: str = "texts",
    argument: str = "max_length",
    where: str = "",
    advice: str | None = None,
) -> None:
    """Log how many texts were truncated, if any were.

    It is a log message, as Hugging Face's libraries give it, and no Python warning: Python shows it on standard error, programs
    can redirect it, and it is not an error where warnings are.

    Args:
        truncated: How many were,
        total: of how many.
        limit: The most tokens.
        kind: What the texts are called.
        argument: What the limit is called.
        where: What was left out, if that is not the end.
        advice: What to do; None: train with a larger limit.

    Example:

    >>> with one_warning():  # of both, which have 1 of 2 and 2 of 2
    ...     warn_truncated(1, 2, limit=16)
    ...     warn_truncated(2, 2, limit=16)
    """
    if advice is None:
        flag = "--" + argument.replace("_", "-")
        advice = f"To keep them whole, train with a larger {argument} ({flag}), or split them."
    message = (
        f"%d of %d {kind} (%.1f %%) are longer than {limit} tokens ({argument}) and were truncated{where}. {advice}"
    )
    sums = _sums.get()
    if sums is not None:
        before = sums.get(message, (0, 0))
        sums[message] = (before[0] + truncated, before[1] + total)
    else:
        _log(message, truncated, total)


def _log(message: str, truncated: int, total: int) -> None:
    if truncated:
        logger.warning(message, truncated, total, 100 * truncated / total)


@contextlib.contextmanager
def one_warning() -> Iterator[None]:
    """Within this block what is truncated is summed up, and logged once at its end: for work that is done in parts.

    Example:

    >>> with one_warning():
    ...     warn_truncated(0, 8, limit=16)
    """
    if _sums.get() is not None:  # a part of something larger, which is one call
        yield
        return
    sums: dict[str, tuple[int, int]] = {}
    token = _sums.set(sums)
    try:
        yield
    finally:
        _sums.reset(token)
        for message, (truncated, total) in sums.items():
            _log(message, truncated, total)


@contextlib.contextmanager
def no_warning() -> Iterator[None]:
    """Within this block nothing is logged of truncation: for what is done again, as after each epoch.

    Example:

    >>> with no_warning():
    ...     warn_truncated(1, 1, limit=16)
    """
    token = _sums.set({})
    try:
        yield
    finally:
        _sums.reset(token)
