"""What all pipelines have in common: they are loaded from a folder, called with items, and evaluated on labelled data."""

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
    """Turn an item that is a dictionary, as a JSON line is, into the text or tuple that a pipeline works with.

    Args:
        item: A dictionary with keys among `fields`; anything else is returned as it is.
        fields: The pipeline's.
        optional: Those that an item may lack.

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
        fix = f"Its keys are {' and '.join(fields)}."
        raise bad_data("items", "a dictionary of other keys than the pipeline's", fix, value=dict(item))
    parts = tuple(item[name] for name in fields if item.get(name) is not None)
    return parts if len(parts) > 1 else parts[0]


def texts_of(items: Any, fields: Sequence[str]) -> tuple[list[Any], bool]:
    """Turn one item or many of a pipeline whose items are single texts into a list of texts.

    Args:
        items: A text, a dictionary of it, or N of these; whether they are strings is not checked.
        fields: The pipeline's, of one name.

    Returns:
        The texts, and whether it was one item only.

    Raises:
        DataError: If it is neither an item nor a sequence of items, or a dictionary has other keys.

    Example:

    >>> texts_of({"text": "a good film"}, ("text",)), texts_of(["bad", {"text": "good"}], ("text",))
    ((['a good film'], True), (['bad', 'good'], False))
    """
    if isinstance(items, str | Mapping):
        return [item_of(items, fields)], True
    if isinstance(items, bytes) or not hasattr(items, "__iter__"):
        raise bad_data(f"{fields[0]}s", "not a text and not a sequence of texts", "Give strings.", value=items)
    return [item_of(item, fields) for item in items], False


class Pipeline:
    """The base of the tasks' pipelines.

    A subclass implements `__call__` and `evaluate`, and says in `fields` what an item consists of.

    Args:
        runner: The model, in any form.
        tokenizer: The tokenizer that the model was trained with.
        max_length: Longest input in tokens; a file of a fixed, shorter length reads no more than that.
        settings: Those of the bundle.

    Example:

    >>> from kerasft.inference.runners import keras_runner
    >>> class Echo(Pipeline):
    ...     def __call__(self, texts, *, batch_size=32):
    ...         return texts
    >>> Echo.fields, Echo(keras_runner(model), tokenizer, max_length=16)(["a"])
    (('text',), ['a'])
    """

    task: ClassVar[Task]
    """What it answers."""

    fields: ClassVar[tuple[str, ...]] = ("text",)
    """The names of an item's parts, such as `("question", "context")`: keys of a JSON line, and of the answer's line."""

    optional_fields: ClassVar[tuple[str, ...]] = ()
    """Those of `fields` that an item may lack."""

    more_options: ClassVar[tuple[str, ...]] = ()
    """Options that `__call__` takes as `**options`, beside the keywords in its signature."""

    has_labels: ClassVar[bool] = False
    """Whether it is made with the labels that the outputs stand for, after runner and tokenizer."""

    own_settings: ClassVar[tuple[str, ...] | None] = None
    """The bundle's settings that it takes as arguments of these names; None: all, as `settings`."""

    baseline: Mapping[str, Any] | None = None
    """What `training_baseline` found in the training rows: of the bundle's `settings`; None where it is not known."""

    columns: Mapping[str, object] | None = None
    """The columns of the training data, by which tables are read where they have them; `load` sets it."""

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
        """Return the rows of a source, with the columns of the training as the usual ones; see `read_as_trained`."""
        return read_as_trained(source, self.columns, columns)

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> "Pipeline":
        """Make the pipeline of a Keras model, its tokenizer, and the content of `kerasft.json`."""
        return cls.from_runner(keras_runner(bundle.model), bundle.tokenizer, bundle.metadata)

    @classmethod
    def from_runner(cls, runner: Runner, tokenizer: PreTrainedTokenizerFast, metadata: Mapping[str, Any]) -> "Pipeline":
        """Make the pipeline of an exported model, its tokenizer, and the content of `kerasft.json`."""
        labels = [Labels(metadata["labels"], metadata["problem"])] if cls.has_labels else []
        settings = metadata.get("settings") or {}
        if cls.own_settings is None:
            given = {"settings": settings}
        else:
            given = {name: settings[name] for name in cls.own_settings if name in settings}
        return cls(runner, tokenizer, *labels, max_length=metadata["max_length"], **given)

    def __call__(self, items: Any, *, batch_size: int = 32, **options: Any) -> Any:
        """Answer one item, or a list of items by a list of answers.

        An item is a text, a tuple of its parts in the order of `fields`, or a dictionary of them by these names; an answer is a
        dictionary of what JSON can hold.
        """
        raise TypeError(f"{type(self).__name__} must define __call__()")

    def training_baseline(
        self, source: object, *, columns: Mapping[str, object] | None = None
    ) -> dict[str, Any] | None:
        """Read from the training rows what the answer without a model is made of: a class's share, a mean.

        Args:
            source: The training rows, as `evaluate` reads them.
            columns: As there.

        Returns:
            Plain values for `settings["baseline"]` of the bundle; None for a task whose baseline is the same for all data.
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
        """Measure the model on labelled data by the task's official metrics.

        Args:
            source: What the task's data function reads.
            columns: Which column is what, for tables.
            batch_size: Items in one run.
            about: Facts for the report's header, such as `{"data": "dev.csv"}`.
        """
        raise TypeError(f"{type(self).__name__} must define evaluate()")

    def _report(self, about: Mapping[str, str] | None, **parts: Any) -> Report:
        """The report of a task without classes, or with those in `parts`."""
        return Report(about=dict(about or {}), problem=self.task.name, **{"labels": [], **parts})
