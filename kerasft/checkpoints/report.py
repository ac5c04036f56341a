"""Load report: the status of every tensor of a checkpoint."""

import dataclasses
from collections.abc import Iterable


@dataclasses.dataclass(frozen=True)
class LoadReport:
    """Which weights a model has from its checkpoint; `model.checkpoint_report` of a model that kerasft loaded.

    Attributes:
        source: The folder or preset.
        loaded: Names of the weights that came from the file.
        missing: Weights that the file lacks; they have new random values.
        unexpected: Tensors that the model has no place for, such as those of a task head that was left out.
        reshaped: Loaded ones that were stored with another number of axes of length one.

    Example:

    >>> print(LoadReport("bert", loaded=("embeddings.word_embeddings.weight",), unexpected=("cls.predictions.bias",)))
    bert: 1 weight loaded, 0 missing, 1 unexpected, 0 reshaped
      unexpected, ignored: cls.predictions.bias
    """

    source: str
    loaded: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    reshaped: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [
            f"{self.source}: {len(self.loaded)} weight{'s' if len(self.loaded) != 1 else ''} loaded, "
            f"{len(self.missing)} missing, {len(self.unexpected)} unexpected, {len(self.reshaped)} reshaped"
        ]
        for what, names in (
            ("missing, initialized randomly", self.missing),
            ("unexpected, ignored", self.unexpected),
            ("reshaped", self.reshaped),
        ):
            if names:
                lines.append(f"  {what}: {listed(names)}")
        return "\n".join(lines)


def listed(names: Iterable[str], limit: int = 8) -> str:
    """Join names for a message, the first ones of many.

    Example:

    >>> listed("abcd", limit=2)
    'a, b and 2 more'
    """
    names = list(names)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
