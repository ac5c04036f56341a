"""What the recipes over tagged words share: their options, and how they read rows."""

import dataclasses

import kerasft
from kerasft.recipes.options import LABEL_NAMES_HELP, SMOOTHING_HELP, TrainingOptions, column, names, option
from kerasft.recipes.skipping import skips_invalid
from kerasft.recipes.training import settle


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaggingOptions(TrainingOptions):
    """What the recipes over tagged words have in common.

    Example:

    >>> TaggingOptions(model="bert-base-cased", train="train.conll").scheme
    'IOB2'
    """

    text: str | None = option("column of the words (CoNLL: a number from 0) or of the text (JSON lines: its name)")
    label: str | None = option("column of the tags (CoNLL: a number, the last by default) or of the spans (JSON lines)")
    label_names: str | None = option(LABEL_NAMES_HELP)
    scheme: str = option(
        "how the files write tags; IO: types without a prefix", default="IOB2", choices=("IOB1", "IOB2", "IOBES", "IO")
    )
    trained_scheme: str = option("how the model answers them", default="IOB2", choices=("IOB2", "IOBES"))
    invalid: str = option(
        "what to do about tags that the scheme does not allow", default="error", choices=("error", "repair")
    )
    max_length: int = option("tokens of a window; longer texts are cut into windows", default=128, least=3)
    stride: int | None = option("tokens that two windows share (default: a quarter)", least=0)
    constrained: bool = option("decode the most likely valid sequence of tags", default=False)
    dropout: float = option("dropout before the output layers", default=0.1, least=0, below=1)
    focal_gamma: float = option("focusing parameter of the focal loss; 0 is cross-entropy", default=0.0, least=0)
    class_weights: str | None = option("weigh tags by their frequency", choices=("balanced", "effective"))
    label_smoothing: float = option(SMOOTHING_HELP, default=0.0, least=0, below=1)


@skips_invalid
def read_tagged_rows(options: TaggingOptions) -> tuple:
    """Read the train and dev rows, the split to report with its rows, the tags of the rows trained on, and the columns.

    Example:

    >>> import pathlib
    >>> from kerasft.demo import tiny
    >>> checkpoint = str(tiny.checkpoint("tiny_bert"))
    >>> _ = pathlib.Path("tags.conll").write_text("good O\\nfilm B-WORK\\n\\n" * 10)
    >>> options = TaggingOptions(model=checkpoint, train="tags.conll")
    >>> train, dev, (split, rows), labels, columns = read_tagged_rows(options)
    >>> len(train), len(dev), split, list(labels), columns
    (9, 1, 'dev', ['O', 'B-WORK'], None)
    """
    columns = {"text": column(options.text), "label": column(options.label)}
    columns = {role: name for role, name in columns.items() if name is not None} or None

    def read(path: str, trained: dict | None = None) -> tuple:
        found = settle(path, columns, task=kerasft.tasks.TOKEN_CLASSIFICATION.name, trained=trained)
        reading = {"columns": found.named, "scheme": options.scheme, "invalid": options.invalid}
        reading["tag_names"] = options.label_names and names(options.label_names)
        return kerasft.data.read_tags(found.source, **reading), found.columns

    train, found = read(options.train)
    dev = options.dev and read(options.dev, found)[0]
    test = options.test and read(options.test, found)[0]
    drawn = {"seed": options.seed, "scheme": options.trained_scheme}
    if dev is None:
        number = max(1, round(len(train) * options.dev_fraction))
        train, dev = kerasft.data.split_tagged_rows(train, number, **drawn)
    if options.max_train_rows is not None and options.max_train_rows < len(train):
        left_out = len(train) - options.max_train_rows
        train, _ = kerasft.data.split_tagged_rows(train, left_out, exact=True, **drawn)
    labels = kerasft.data.collect_tags(train, trained=options.trained_scheme)
    return train, dev, ("dev", dev) if test is None else ("test", test), labels, found


def tagging_settings(options: TaggingOptions) -> dict:
    """What the pipeline must know beside the model: how windows overlap, how tags are decided and read.

    Example:

    >>> tagging_settings(TaggingOptions(model="bert-base-cased", train="train.conll", stride=16))["stride"]
    16
    """
    return {name: getattr(options, name) for name in ("stride", "constrained", "scheme", "invalid")}
