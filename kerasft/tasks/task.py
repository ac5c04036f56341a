"""Definition of a task: one record for training, pipelines, exports and devices."""

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
    """The part of a `kerasft.bundles.Bundle` that tasks use."""

    model: keras.Model
    tokenizer: PreTrainedTokenizerFast
    metadata: Mapping[str, Any]

    @property
    def labels(self) -> Labels | None:
        """Labels of the outputs."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Postprocessing settings."""


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
    """Value for the `columns` argument of data functions that read the source."""
    columns: dict[str, object] | None
    """Columns stored in the bundle; None without columns."""
    note: str
    """Message about detected columns; empty if the user selected all of them."""


class Reading(NamedTuple):
    """Options for reading a source, in addition to its columns."""

    trained: Mapping[str, object] | None = None
    """Columns of the training data, the default for other files."""
    need_label: bool = False
    """Whether sentence pairs must have scores; labels of texts and relations are always required."""
    classes: bool = False
    """Whether labels are class names; the note then shows their number."""
    problem: str = SINGLE_LABEL
    """Problem type of a text classifier, which decides which labels are invalid."""


class Exports(NamedTuple):
    """Supported exports, in addition to SavedModel and LiteRT with token ids as inputs."""

    strings: bool
    """Supports a SavedModel signature for strings: predictions do not require offsets in the text."""
    mediapipe: bool
    """Supports a file for MediaPipe Tasks."""
    generation: bool
    """Supports a LiteRT file that generates text."""


Rowwise = Sequence[np.ndarray]
"""Rows of one output for N texts, as returned by `kerasft.inference.runners.predict`."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task. All fields are required, so a missing one raises an error at import.

    Attributes:
        name: Task name on the command line and in `kerasft.json`, such as `"relation-extraction"`.
        model_name: Name of the model built by its head.
        defaults: Settings for bundles that do not store them, for pipelines, exports and devices.
        settle: `(source, columns, reading)`: reads a source for training or evaluation and assigns its columns.
        items: `(source, columns, bundle)`: reads labeled data and returns its N texts or pairs.
        draw: `(source, columns, *, count, seed, metadata)`: samples rows of labeled data; returns a source for `evaluate`
            and the total number of rows.
        sample: `(bundle, texts)`: returns N texts to test an export on, `texts` or the built-in sample.
        encode: `(bundle, texts, max_length)`: encodes texts for the model.
        agree: `(first, second, bundle)`: returns the agreement of two models' predictions, from 0 to 1.
        resolve: `(bundle, max_length)`: returns the postprocessing settings, including defaults.
        exports: Supported exports.
        own_head: Requirements for custom heads; None if only kerasft's heads are supported.
        has_score: Whether its main metric is from 0 to 1 and higher is better.

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
    """Return the columns of the training data, from the content of `kerasft.json`; None if unknown.

    Example:

    >>> trained_columns({"settings": {"columns": {"text": "review", "label": "stars"}}})
    {'text': 'review', 'label': 'stars'}
    """
    columns = (metadata.get("settings") or {}).get("columns")
    return columns if isinstance(columns, Mapping) and columns else None
