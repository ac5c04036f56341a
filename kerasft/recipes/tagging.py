"""Common parts of the recipes for tagged words: options, and reading of rows."""

import dataclasses

import kerasft
from kerasft.recipes.options import LABEL_NAMES_HELP, SMOOTHING_HELP, TrainingOptions, names, option
from kerasft.recipes.reading import SplitRows, read_columns, read_split, settle
from kerasft.recipes.skipping import skips_invalid


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaggingOptions(TrainingOptions):
    """Common options of the recipes for tagged words.

    Example:

    >>> TaggingOptions(model="bert-base-cased", train="train.conll").scheme
    'IOB2'
    """

    text: str | None = option("column of the words (CoNLL: 0-based index) or of the text (JSON lines: name)")
    label: str | None = option(
        "column of the tags (CoNLL: 0-based index, default: last) or of the spans (JSON lines: name)"
    )
    label_names: str | None = option(LABEL_NAMES_HELP)
    scheme: str = option(
        "tagging scheme of the files; IO: types without a prefix",
        default="IOB2",
        choices=("IOB1", "IOB2", "IOBES", "IO"),
    )
    trained_scheme: str = option("tagging scheme of the model", default="IOB2", choices=("IOB2", "IOBES"))
    invalid: str = option(
        "tags that are invalid in the scheme: raise an error, or repair them",
        default="error",
        choices=("error", "repair"),
    )
    max_length: int = option("window length in tokens; longer texts are split into windows", default=128, least=3)
    stride: int | None = option(
        "overlap of consecutive windows in tokens (default: a quarter of --max-length)", least=0
    )
    constrained: bool = option("constrained decoding: predict the most probable valid tag sequence", default=False)
    dropout: float = option("dropout before the output layers", default=0.1, least=0, below=1)
    focal_gamma: float = option("focusing parameter of the focal loss; 0 is cross-entropy", default=0.0, least=0)
    class_weights: str | None = option(
        "class weights, from tag frequencies (default: none)", choices=("balanced", "effective")
    )
    label_smoothing: float = option(SMOOTHING_HELP, default=0.0, least=0, below=1)


@skips_invalid
def read_tagged_rows(options: TaggingOptions) -> SplitRows:
    """Read the train and dev rows, the rows for the report, the columns, and the tags of the training rows.

    Example:

    >>> import pathlib
    >>> from kerasft.demo import tiny
    >>> checkpoint = str(tiny.checkpoint("tiny_bert"))
    >>> _ = pathlib.Path("tags.conll").write_text("good O\\nfilm B-WORK\\n\\n" * 10)
    >>> options = TaggingOptions(model=checkpoint, train="tags.conll")
    >>> rows = read_tagged_rows(options)
    >>> len(rows.train), len(rows.dev), rows.split, list(rows.labels), rows.columns
    (9, 1, 'dev', ['O', 'B-WORK'], None)
    """
    columns = read_columns(options, "text", "label") or None

    def read(path: str, trained: dict | None = None) -> tuple:
        settled = settle(path, columns, task=kerasft.tasks.TOKEN_CLASSIFICATION.name, trained=trained)
        reading = {"columns": settled.named, "scheme": options.scheme, "invalid": options.invalid}
        reading["tag_names"] = options.label_names and names(options.label_names)
        return kerasft.data.read_tags(settled.source, **reading), settled.columns

    sampling = {"seed": options.seed, "scheme": options.trained_scheme}

    def hold_out(train: list) -> tuple:
        number = max(1, round(len(train) * options.dev_fraction))
        return kerasft.data.split_tagged_rows(train, number, **sampling)

    rows = read_split(options, read, hold_out=hold_out)
    train = rows.train
    if options.max_train_rows is not None and options.max_train_rows < len(train):
        num_excluded = len(train) - options.max_train_rows
        train, _ = kerasft.data.split_tagged_rows(train, num_excluded, exact=True, **sampling)
    return rows._replace(train=train, labels=kerasft.data.collect_tags(train, trained=options.trained_scheme))


def tagging_settings(options: TaggingOptions) -> dict:
    """Return the pipeline's settings: overlap of windows, tag decoding, tagging scheme.

    Example:

    >>> tagging_settings(TaggingOptions(model="bert-base-cased", train="train.conll", stride=16))["stride"]
    16
    """
    return {name: getattr(options, name) for name in ("stride", "constrained", "scheme", "invalid")}
