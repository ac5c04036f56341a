"""The warning about truncated texts, logged by the logger "kerasft" with the same wording everywhere."""

import contextlib
import contextvars
import logging
from collections.abc import Iterator

logger = logging.getLogger("kerasft")
QUESTION_ADVICE = "To avoid truncation, train with a larger max_length (--max-length), or use shorter questions."
"""Advice for questions, which are truncated to half of `max_length`."""
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

    It is a log message, as in Hugging Face's libraries, not a Python warning: it goes to standard error by default, can be
    redirected, and does not become an error where warnings do.

    Args:
        truncated: Number of truncated texts.
        total: Total number of texts.
        limit: Maximum number of tokens.
        kind: What the texts are, for the message.
        argument: Name of the limit.
        where: Where texts were truncated, if not at the end.
        advice: How to avoid it; None: train with a larger limit.

    Example:

    >>> with one_warning():  # of both, which have 1 of 2 and 2 of 2
    ...     warn_truncated(1, 2, limit=16)
    ...     warn_truncated(2, 2, limit=16)
    """
    if advice is None:
        flag = "--" + argument.replace("_", "-")
        advice = f"To avoid truncation, train with a larger {argument} ({flag}), or split them."
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
    """Sum up truncation within this block and log it once at its end, for work that is done in parts.

    Example:

    >>> with one_warning():
    ...     warn_truncated(0, 8, limit=16)
    """
    if _sums.get() is not None:  # nested: the outer block logs
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
    """Do not log truncation within this block, for work that is repeated, for example after each epoch.

    Example:

    >>> with no_warning():
    ...     warn_truncated(1, 1, limit=16)
    """
    token = _sums.set({})
    try:
        yield
    finally:
        _sums.reset(token)
