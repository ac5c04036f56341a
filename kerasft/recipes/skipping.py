"""`--skip-invalid`: skip invalid rows, count them and list them next to the bundle."""

import functools
import sys
from collections.abc import Callable

import kerasft
from kerasft.recipes.options import TrainingOptions
from kerasft.recipes.output import work_folder


def skips_invalid(read: Callable) -> Callable:
    """Decorator for functions that read a recipe's files: apply `options.skip_invalid`.

    Args:
        read: A function with the recipe's options as first argument.

    Example:

    >>> import pathlib
    >>> @skips_invalid
    ... def read(options):
    ...     return kerasft.tasks.settled(options.train).source
    >>> _ = pathlib.Path("gaps.csv").write_text("text,label\\nfine,a\\n,b\\n")
    >>> options = TrainingOptions(model="bert-base-uncased", train="gaps.csv")
    >>> len(read(options))
    2
    """

    @functools.wraps(read)
    def reading(options: TrainingOptions, *args, **named):
        if not options.skip_invalid:
            return read(options, *args, **named)
        with kerasft.data.skip_invalid() as skipped:
            result = read(options, *args, **named)
        if summary := skipped.report(work_folder(options)):
            print(summary, file=sys.stderr)
        return result

    return reading
