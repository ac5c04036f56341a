"""The errors that kerasft raises on purpose, in one message format.

Every message answers four questions: what is wrong, what was expected, what was received, how to fix it. The command
line prints a `KerasftError` as one sentence; any other exception is a bug in kerasft and is reported as such.
"""

import math
import numbers

SKIP_HINT = "To skip invalid rows: --skip-invalid (kerasft.data.skip_invalid)."
"""Last sentence of the error for an invalid row."""


class KerasftError(ValueError):
    """Base class of all errors that a user can cause and fix.

    Example:

    >>> try:
    ...     raise bad_argument("batch_size", "a whole number >= 1", 0, "Give batch_size=32, for example.")
    ... except KerasftError as error:
    ...     print(error)
    `batch_size` must be a whole number >= 1; received: 0. Give batch_size=32, for example.
    """


class DataError(KerasftError):
    """A data file, row or value that cannot be used. The message names file, line and value."""

    place: tuple[str, int | None] | None = None
    """Source and 1-based line of the invalid row, if any."""
    problem: str = ""
    """What is wrong, with the value; without location and fix."""
    can_skip: bool = False
    """Whether skipping the row avoids the error."""

    def with_hint(self) -> "DataError":
        """Return the same error, marked as avoidable by skipping the row, with a hint on how to do so."""
        error = DataError(f"{self} {SKIP_HINT}")
        error.place = self.place
        error.problem = self.problem
        error.can_skip = True
        return error


class CheckpointError(KerasftError):
    """A checkpoint, bundle or exported file that cannot be read or is not supported."""


class ExportError(KerasftError):
    """A model that cannot be exported in the requested format, or an export that failed verification."""


def _shown(value: object, limit: int = 120) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def bad_argument(
    name: str, expected: str, received: object, fix: str, *, kind: type[KerasftError] = KerasftError
) -> KerasftError:
    """Return (not raise) the error for an argument with an invalid value.

    Args:
        name: The argument's name as the user typed it.
        expected: What it must be, to be read after "must be".
        received: The value received; long values are shortened.
        fix: One sentence on how to fix it.
        kind: The class of the error.

    Example:

    >>> str(bad_argument("pooling", "'cls' or 'mean'", "max", "Choose one of the two."))
    "`pooling` must be 'cls' or 'mean'; received: 'max'. Choose one of the two."
    """
    return kind(f"`{name}` must be {expected}; received: {_shown(received)}. {fix}")


def is_number(value: object) -> bool:
    """Whether a value is a finite number, Python's or NumPy's, that a float holds; True and False are none.

    Example:

    >>> is_number(0.5), is_number(True), is_number(float("nan")), is_number(10**400)
    (True, False, False, False)
    """
    try:
        return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # an integer of hundreds of digits
        return False


def is_whole(value: object) -> bool:
    """Whether a value is a whole number by its type, Python's or NumPy's; True and False are none.

    Example:

    >>> is_whole(3), is_whole(3.0), is_whole(True)
    (True, False, False)
    """
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def whole_number(
    name: str, value: object, fix: str, *, least: int = 1, most: int | None = None, expected: str | None = None
) -> int:
    """Return a whole number within limits, as Python's `int`.

    Args:
        name: The argument's name as the user typed it.
        value: The value received.
        fix: One sentence that says how to fix it.
        least: The smallest allowed value.
        most: The largest, if there is one.
        expected: What it must be, where "a whole number >= 1" or "a whole number from 1 to 9" says too little.

    Raises:
        KerasftError: If it is anything else.

    Example:

    >>> whole_number("batch_size", 8, "32 is usual.")
    8
    """
    if not is_whole(value) or value < least or (most is not None and value > most):
        limits = f">= {least}" if most is None else f"from {least} to {most}"
        raise bad_argument(name, expected or f"a whole number {limits}", value, fix)
    return int(value)


def bad_data(source: str, problem: str, fix: str, *, line: int | None = None, value: object = None) -> DataError:
    """Return (not raise) the error for bad input data, naming the source, the line and the value.

    Args:
        source: The file's path, or a description of the source ("Python rows").
        problem: What is wrong, as a clause.
        fix: One sentence on how to fix it.
        line: 1-based line (or row) number, if known.
        value: The invalid value, if known.

    Example:

    >>> str(bad_data("train.csv", "the text is empty", "Fill or delete the row.", line=7, value=""))
    "train.csv, line 7: the text is empty; received: ''. Fill or delete the row."
    """
    location = source if line is None else f"{source}, line {line}"
    received = "" if value is None else f"; received: {_shown(value)}"
    error = DataError(f"{location}: {problem}{received}. {fix}")
    error.place = (source, line)
    error.problem = f"{problem}{received}"
    return error
