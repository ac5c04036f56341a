"""Masked language modeling: continue pretraining on texts of your domain.

    kerasft train masked-lm --model MODEL --train texts.txt --output saved_models/domain

Fine-tune the bundle for any other task: `kerasft train text-classification --model saved_models/domain ...`. Expect the
validation perplexity to decrease clearly within an epoch (results: docs/masked_lm.md).
The script is meant to be copied: below `Options` it is plain Keras.
"""

import dataclasses

import kerasft
from kerasft.recipes.defaults import choose_training
from kerasft.recipes.options import TEXT_HELP, TrainingOptions, option
from kerasft.recipes.reading import SplitRows, read_columns, read_split, settle
from kerasft.recipes.skipping import skips_invalid
from kerasft.recipes.training import (
    batching,
    keep_weights,
    make_callbacks,
    make_optimizer,
    prepare,
    progress,
    report_and_save,
)
from kerasft.recipes.weights import limit_trainable, load_with_head


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(TrainingOptions):
    """Options of the recipe, in addition to those of `TrainingOptions`.

    Example:

    >>> Options(model="bert-base-uncased", train="texts.txt").mask_rate
    0.15
    """

    train: str = option(
        "training file: .txt (one text per line; with --packed, documents), .csv .tsv .jsonl ...", required=True
    )
    output: str = option("output folder of the bundle", default="saved_models/masked_lm")
    text: str | None = option(TEXT_HELP)
    packed: bool = option("concatenate texts and split them into blocks of --max-length", default=False)
    max_length: int = option(
        "maximum input length in tokens; longer texts are truncated, with a warning", default=128, least=4
    )
    mask_rate: float = option("masking probability", default=0.15, above=0, below=1)
    whole_words: bool = option("whole-word masking: mask all tokens of a word together", default=False)


def main(options: Options) -> dict:
    """Train, save the bundle, write the report.

    Args:
        options: See `Options`.

    Returns:
        `metrics` (the report's metrics, and the perplexity before training), `split` ("dev" or "test", the split of these
        metrics), `best_epoch_chosen_on` ("dev" or None), and the paths `bundle`, `report` and `logs`.

    Raises:
        KerasftError: For invalid options or data.

    Example:

    >>> from kerasft.demo import tiny
    >>> checkpoint = str(tiny.checkpoint("tiny_bert"))
    >>> reviews_csv = tiny.reviews("reviews.csv")
    >>> result = main(Options(model=checkpoint, train=reviews_csv, output="domain", epochs=1, max_length=16))
    2/2 - ...
    >>> result["bundle"].name, sorted(result["metrics"])[-2:]
    ('domain', ['perplexity', 'perplexity_before'])
    """
    work = prepare(options)  # folder for logs, checkpoints and report, next to the bundle

    # 1. Texts.
    rows = read_rows(options)

    # 2. Backbone + head, datasets with masks, loss and optimizer. A pretrained head is kept; a new one is tied to the
    #    token embedding, so only its dense layer is initialized randomly.
    masking = kerasft.data.Masking(rate=options.mask_rate, whole_words=options.whole_words)
    with kerasft.get_strategy(options.strategy).scope():
        model, tokenizer = load_with_head(options, kerasft.heads.masked_lm)
        limit_trainable(options, model)
        options = choose_training(options, model, rows=len(rows.train), kind="masked_lm")
        data = {"packed": options.packed, "masking": masking, "max_length": options.max_length, "seed": options.seed}
        train = kerasft.data.masked_lm(rows.train, tokenizer, batch_size=batching(options), shuffle=True, **data)
        dev = kerasft.data.masked_lm(rows.dev, tokenizer, batch_size=64, **data)
        metrics = [kerasft.metrics.Perplexity()]
        model.compile(
            optimizer=make_optimizer(options, steps_per_epoch=len(train)),
            loss=kerasft.losses.SparseCategoricalCrossentropy(),
            weighted_metrics=metrics,
            jit_compile=False,  # XLA would recompile the step for every batch length
        )

    # 3. Evaluate, train, evaluate again, with the same masks.
    settings = {
        "masking": dataclasses.asdict(masking),
        "packed": options.packed,
        "seed": options.seed,
        "columns": rows.columns,
    }
    trained = kerasft.make_bundle(model, tokenizer, max_length=options.max_length, settings=settings)
    before = kerasft.pipelines.load(trained).evaluate(rows.reported).metrics["perplexity"]
    callbacks = make_callbacks(options, work, monitor="val_perplexity", metrics=metrics)
    model.fit(train, validation_data=dev, epochs=options.epochs, callbacks=callbacks, shuffle=False, verbose=progress())
    keep_weights(options, model, work)

    # 4. Report and save.
    def measure(about):
        report = kerasft.pipelines.load(trained).evaluate(rows.reported, about=about)
        report.metrics["perplexity_before"] = before
        return report

    return report_and_save(options, trained, measure=measure, split=rows.split, history=model.history.history)


@skips_invalid
def read_rows(options: Options) -> SplitRows:
    """Read the train and dev rows, the split to report with its rows, and the column. Labels are ignored."""
    columns = read_columns(options, "text")

    def read(path: str, trained: dict | None = None) -> tuple:
        settled = settle(path, columns, task=kerasft.tasks.MASKED_LM.name, trained=trained)
        texts = kerasft.data.read_texts(settled.source, columns=settled.named, documents=options.packed)
        return kerasft.data.read_rows({"text": texts}), settled.columns

    rows = read_split(options, read)
    if options.max_train_rows is not None:
        rows = rows._replace(train=kerasft.data.sample(rows.train, options.max_train_rows, seed=options.seed))
    return rows
