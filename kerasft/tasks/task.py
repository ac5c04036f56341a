"""What a task is: one record that training, pipelines, exports and devices read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import keras
import numpy as np
from transformers import PreTrainedTokenizerFast

from kerasft.encoding.encoded import Batchable
from kerasft.features import SINGLE_LABEL, Labels
from kerasft.heads.own_model import OwnHead


class TrainedModel(Protocol):
    """What a task reads of a `kerasft.bundles.Bundle`."""

    model: keras.Model
    tokenizer: PreTrainedTokenizerFast
    metadata: Mapping[str, Any]

    @property
    def labels(self) -> Labels | None:
        """What the outputs stand for."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """How outputs become answers."""


class Settled(NamedTuple):
    """A source whose columns are assigned.

    Example:

    >>> from kerasft.tasks import settled
    >>> settled([{"review": "a good film", "label": 1}]).columns
    {'text': 'review', 'label': 'label'}
    """

    source: object
    """Rows with `roles`, or the unchanged source if it has no columns."""
    named: Mapping[str, object] | None
    """What must be passed as `columns` together with it."""
    columns: dict[str, object] | None
    """Columns stored in the bundle; None without columns."""
    note: str
    """Message about detected columns; empty if all were named."""


class Reading(NamedTuple):
    """How a source is read, beside its columns."""

    trained: Mapping[str, object] | None = None
    """Columns of the training data, the default for other files."""
    need_label: bool = False
    """Whether sentence pairs must have scores; labels of texts and relations are always required."""
    classes: bool = False
    """Whether labels are class names, to be counted in the note."""
    problem: str = SINGLE_LABEL
    """Problem type of a text classifier, which decides which labels are invalid."""


class Exports(NamedTuple):
    """Which exports a task has, beside SavedModel and LiteRT with token ids as inputs."""

    strings: bool
    """Supports a SavedModel signature for strings: predictions need no offsets in the text."""
    mediapipe: bool
    """Supports a file for MediaPipe Tasks."""
    generation: bool
    """Supports a LiteRT file that generates text."""


Rowwise = Sequence[np.ndarray]
"""Rows of one output for N texts, as returned by `kerasft.inference.runners.predict`."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One task. Every field must be given, so that a forgotten one is an error at import.

    Attributes:
        name: As the command line and `kerasft.json` have it, such as `"relation-extraction"`.
        model_name: The name of the model that its head builds.
        defaults: Settings that apply where a bundle has none, for pipelines, exports and devices.
        settle: Reads a source for training or evaluation and assigns its columns: `(source, columns, reading)`.
        items: Reads labelled data and returns the N texts, or tuples of two, of it: `(source, columns, bundle)`.
        draw: Draws some rows of labelled data: `(source, columns, *, count, seed, metadata)` -> what `evaluate` reads, and
            the number of all rows.
        sample: N texts to try an export on, given ones or the built-in sample: `(bundle, texts)`.
        encode: Texts as the model reads them: `(bundle, texts, max_length)`.
        agree: How much two forms' rows of one output are the same answer, from 0 to 1: `(first, second, bundle)`.
        resolve: The settings by which outputs become answers, with all defaults written out: `(bundle, max_length)`.
        exports: The exports that it has.
        own_head: What a head that a user wrote for it must look like; None where only kerasft's heads answer.
        has_score: Whether its quality is a number from 0 to 1, where larger is better.

    Example:

    >>> from kerasft.tasks import TASKS
    >>> TASKS["relation-extraction"].model_name
    'relation_classifier'
    """

    name: str
    model_name: str
    defaults: Mapping[str, Any]
    settle: Callable[[object, Mapping[str, object] | None, Reading], Settled]
    items: Callable[[object, Mapping[str, object] | None, TrainedModel], list]
    draw: Callable[..., tuple[object, int]]
    sample: Callable[[TrainedModel, Sequence | None], list]
    encode: Callable[[TrainedModel, Sequence, int], Batchable]
    agree: Callable[[Rowwise, Rowwise, TrainedModel], float]
    resolve: Callable[[TrainedModel, int], dict[str, Any]]
    exports: Exports
    own_head: OwnHead | None
    has_score: bool


def trained_columns(metadata: Mapping[str, Any]) -> Mapping[str, object] | None:
    """The columns of the training data, as the content of `kerasft.json` has them; None where it does not know.

    Example:

    >>> trained_columns({"settings": {"columns": {"text": "review", "label": "stars"}}})
    {'text': 'review', 'label': 'stars'}
    """
    columns = (metadata.get("settings") or {}).get("columns")
    return columns if isinstance(columns, Mapping) and columns else None
