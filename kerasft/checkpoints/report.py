"""Load report: the status of every tensor of a checkpoint."""

import dataclasses
from collections.abc import Iterable


@dataclasses.dataclass(frozen=True)
class LoadReport:
    """Which weights were loaded from a checkpoint; `model.checkpoint_report` of a loaded model.

    Attributes:
        source: The folder or preset.
        loaded: Names of the loaded weights.
        missing: Weights that are not in the file; they are initialized randomly.
        unexpected: Tensors that are not in the model and were ignored, such as those of a task head.
        reshaped: Loaded weights that were stored with additional or fewer axes of size 1.

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
    """Join names for a message, at most `limit` of them.

    Example:

    >>> listed("abcd", limit=2)
    'a, b and 2 more'
    """
    names = list(names)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
