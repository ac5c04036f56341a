"""Base class of all pipelines, which are loaded from a folder, called with items, and evaluated on labeled data."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from transformers import PreTrainedTokenizerFast

from kerasft.bundles import Bundle
from kerasft.data.trained_columns import read_as_trained
from kerasft.errors import bad_data
from kerasft.features import Labels
from kerasft.inference.runners import Runner, keras_runner
from kerasft.reports import Report
from kerasft.tasks.task import Task


def item_of(item: Any, fields: Sequence[str], *, optional: Sequence[str] = ()) -> Any:
    """Convert a dictionary item, such as a JSON line, to a text or tuple.

    Args:
        item: A dictionary with keys among `fields`; anything else is returned unchanged.
        fields: The pipeline's fields.
        optional: The optional fields.

    Raises:
        DataError: If a key is missing or unknown.

    Example:

    >>> item_of({"question": "who?", "context": "we"}, ("question", "context")), item_of("a text", ("text",))
    (('who?', 'we'), 'a text')
    """
    if not isinstance(item, Mapping):
        return item
    missing = [name for name in fields if item.get(name) is None and name not in optional]
    if missing or set(item) - set(fields):
        fix = f"Expected keys: {' and '.join(fields)}."
        raise bad_data("items", "unexpected keys in the dictionary", fix, value=dict(item))
    parts = tuple(item[name] for name in fields if item.get(name) is not None)
    return parts if len(parts) > 1 else parts[0]


def texts_of(items: Any, fields: Sequence[str]) -> tuple[list[Any], bool]:
    """Convert one or more items of a single-text pipeline to a list of texts.

    Args:
        items: A text, a dictionary with the text, or N of these; whether texts are strings is not checked.
        fields: The pipeline's fields; only one.

    Returns:
        The texts, and whether it was a single item.

    Raises:
        DataError: If it is neither an item nor a sequence of items, or a dictionary has other keys.

    Example:

    >>> texts_of({"text": "a good film"}, ("text",)), texts_of(["bad", {"text": "good"}], ("text",))
    ((['a good film'], True), (['bad', 'good'], False))
    """
    if isinstance(items, str | Mapping):
        return [item_of(items, fields)], True
    if isinstance(items, bytes) or not hasattr(items, "__iter__"):
        raise bad_data(f"{fields[0]}s", "expected a text or a sequence of texts", "Use strings.", value=items)
    return [item_of(item, fields) for item in items], False


class Pipeline:
    """Base class of the tasks' pipelines.

    A subclass implements `__call__` and `evaluate`, and defines the parts of an item in `fields`.

    Args:
        runner: The model, in any format.
        tokenizer: The tokenizer that the model was trained with.
        max_length: Maximum input length in tokens; for exports with a fixed, shorter length, that length.
        settings: The bundle's settings.

    Example:

    >>> from kerasft.demo import tiny
    >>> from kerasft.inference.runners import keras_runner
    >>> class Echo(Pipeline):
    ...     def __call__(self, texts, *, batch_size=32):
    ...         return texts
    >>> Echo.fields, Echo(keras_runner(tiny.classifier()), tiny.tokenizer(), max_length=16)(["a"])
    (('text',), ['a'])
    """

    task: ClassVar[Task]
    """The task."""

    fields: ClassVar[tuple[str, ...]] = ("text",)
    """Field names of an item, such as `("question", "context")`: keys of JSON lines in input and output."""

    optional_fields: ClassVar[tuple[str, ...]] = ()
    """Fields that are optional."""

    more_options: ClassVar[tuple[str, ...]] = ()
    """Options that `__call__` accepts as `**options`, in addition to its keyword arguments."""

    has_labels: ClassVar[bool] = False
    """Whether the constructor takes the model's labels, after runner and tokenizer."""

    own_settings: ClassVar[tuple[str, ...] | None] = None
    """The bundle's settings that the constructor takes as arguments; None: all of them, as `settings`."""

    baseline: Mapping[str, Any] | None = None
    """Result of `training_baseline` on the training rows, from the bundle's `settings`; None if unknown."""

    columns: Mapping[str, object] | None = None
    """Columns of the training data, the default for reading tables; set by `load`."""

    def __init__(
        self,
        runner: Runner,
        tokenizer: PreTrainedTokenizerFast,
        *,
        max_length: int,
        settings: Mapping[str, Any] | None = None,
    ):
        self.runner = runner
        self.tokenizer = tokenizer
        self.max_length = min(max_length, runner.sequence_length or max_length)
        self.settings = dict(settings or {})
        self.num_truncated = 0

    def read(self, source: object, columns: Mapping[str, object] | None = None) -> object:
        """Return the rows of a source, with the training columns as defaults; see `read_as_trained`."""
        return read_as_trained(source, self.columns, columns)

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> "Pipeline":
        """Make a pipeline from a Keras model, its tokenizer, and the content of `kerasft.json`."""
        return cls.from_runner(keras_runner(bundle.model), bundle.tokenizer, bundle.metadata)

    @classmethod
    def from_runner(cls, runner: Runner, tokenizer: PreTrainedTokenizerFast, metadata: Mapping[str, Any]) -> "Pipeline":
        """Make a pipeline from an exported model, its tokenizer, and the content of `kerasft.json`."""
        labels = [Labels(metadata["labels"], metadata["problem"])] if cls.has_labels else []
        settings = metadata.get("settings") or {}
        if cls.own_settings is None:
            arguments = {"settings": settings}
        else:
            arguments = {name: settings[name] for name in cls.own_settings if name in settings}
        return cls(runner, tokenizer, *labels, max_length=metadata["max_length"], **arguments)

    def __call__(self, items: Any, *, batch_size: int = 32, **options: Any) -> Any:
        """Predict for one item, or for a list of items.

        An item is a text, a tuple of its parts in the order of `fields`, or a dictionary of them by these names; a prediction is
        a JSON-serializable dictionary.
        """
        raise TypeError(f"{type(self).__name__} must define __call__()")

    def training_baseline(
        self, source: object, *, columns: Mapping[str, object] | None = None
    ) -> dict[str, Any] | None:
        """Compute the statistics for the baseline from the training rows: class frequencies, means.

        Args:
            source: The training rows; see `evaluate`.
            columns: See `evaluate`.

        Returns:
            JSON-serializable values for `settings["baseline"]` of the bundle; None for tasks whose baseline does not depend on
            training data.
        """
        return None

    def evaluate(
        self,
        source: object,
        *,
        columns: Mapping[str, object] | None = None,
        batch_size: int = 64,
        about: Mapping[str, str] | None = None,
    ) -> Report:
        """Evaluate the model on labeled data with the task's official metrics.

        Args:
            source: Any source of the task's data function.
            columns: Column assignment, for tables.
            batch_size: Items per batch.
            about: Facts for the report's header, such as `{"data": "dev.csv"}`.
        """
        raise TypeError(f"{type(self).__name__} must define evaluate()")

    def _report(self, about: Mapping[str, str] | None, **parts: Any) -> Report:
        """Return a report, without classes unless `parts` has them."""
        return Report(about=dict(about or {}), problem=self.task.name, **{"labels": [], **parts})
