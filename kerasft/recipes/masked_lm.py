"""Go on with a checkpoint's own pre-training on texts of your domain (masked language model), end to end.

    kerasft train masked-lm --model MODEL --train texts.txt --output saved_models/domain

The bundle is a start for every other task: `kerasft train text-classification --model saved_models/domain ...`. Expect the
perplexity on held-out texts of the domain to fall clearly within an epoch (docs/masked_lm.md has numbers).
The script is meant to be copied: below `Options` stands plain Keras.
"""

import dataclasses

import kerasft
from kerasft.recipes.defaults import choose_training
from kerasft.recipes.options import TEXT_HELP, TrainingOptions, column, option
from kerasft.recipes.skipping import skips_invalid
from kerasft.recipes.training import finish, keep_weights, make_callbacks, make_optimizer, prepare, progress, settle
from kerasft.recipes.weights import limit_trainable, load_with_head


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(TrainingOptions):
    """Every choice of the recipe: these, and those of `TrainingOptions`.

    Example:

    >>> Options(model="bert-base-uncased", train="texts.txt").mask_rate
    0.15
    """

    train: str = option("texts: .txt (a text a line; with --packed, documents), .csv .tsv .jsonl ...", required=True)
    output: str = option("folder of the bundle to write", default="saved_models/masked_lm")
    text: str | None = option(TEXT_HELP)
    packed: bool = option("put texts one after the other and cut blocks of --max-length", default=False)
    max_length: int = option("tokens of a row; longer texts are cut, and counted", default=128, least=4)
    mask_rate: float = option("share of the words that is masked", default=0.15, above=0, below=1)
    whole_words: bool = option("mask all tokens of a word together", default=False)


def main(options: Options) -> dict:
    """Train, save the bundle, report.

    Args:
        options: The choices; see `Options`.

    Returns:
        `metrics` (the report's numbers, and the perplexity before the training), `split` ("dev" or "test", what they were
        measured on), `best_epoch_chosen_on` ("dev" or None), and the paths `bundle`, `report` and `logs`.

    Raises:
        KerasftError: For anything in the options or the data that the user can mend.

    Example:

    >>> from kerasft.demo import tiny
    >>> checkpoint = str(tiny.checkpoint("tiny_bert"))
    >>> reviews_csv = tiny.reviews("reviews.csv")
    >>> result = main(Options(model=checkpoint, train=reviews_csv, output="domain", epochs=1, max_length=16))
    2/2 - ...
    >>> result["bundle"].name, sorted(result["metrics"])[-2:]
    ('domain', ['perplexity', 'perplexity_before'])
    """
    work = prepare(options)  # the folder of logs, checkpoints and report, beside the bundle's

    # 1. Texts.
    train_rows, dev_rows, (split, rows), found = read_rows(options)  # `rows` are what is reported

    # 2. Backbone + head, datasets with masks, loss and optimizer. A published head is kept; a new one has the token
    #    embedding as its matrix, so only its dense layer starts at random.
    masking = kerasft.data.Masking(rate=options.mask_rate, whole_words=options.whole_words)
    with kerasft.get_strategy(options.strategy).scope():
        model, tokenizer = load_with_head(options, kerasft.heads.masked_lm)
        limit_trainable(options, model)
        options = choose_training(options, model, rows=len(train_rows), kind="masked_lm")
        data = {"packed": options.packed, "masking": masking, "max_length": options.max_length, "seed": options.seed}
        batch_size = kerasft.data.Batching(tokens=options.token_budget) if options.token_budget else options.batch_size
        train = kerasft.data.masked_lm(train_rows, tokenizer, batch_size=batch_size, shuffle=True, **data)
        dev = kerasft.data.masked_lm(dev_rows, tokenizer, batch_size=64, **data)
        metrics = [kerasft.metrics.Perplexity()]
        model.compile(
            optimizer=make_optimizer(options, steps_per_epoch=len(train)),
            loss=kerasft.losses.SparseCategoricalCrossentropy(),
            weighted_metrics=metrics,
            jit_compile=False,  # XLA would compile the step anew for every length of a batch
        )

    # 3. Measure, train, measure again, with the same masks.
    settings = {
        "masking": dataclasses.asdict(masking),
        "packed": options.packed,
        "seed": options.seed,
        "columns": found,
    }
    about = {"model": options.model, "data": options.test or options.dev or f"{split} part of {options.train}"}
    trained = kerasft.make_bundle(model, tokenizer, max_length=options.max_length, settings=settings)
    before = kerasft.pipelines.load(trained).evaluate(rows).metrics["perplexity"]
    watch = make_callbacks(options, work, monitor="val_perplexity", metrics=metrics)
    model.fit(train, validation_data=dev, epochs=options.epochs, callbacks=watch, shuffle=False, verbose=progress())
    keep_weights(options, model, work)

    # 4. Report and save.
    def measure():
        report = kerasft.pipelines.load(trained).evaluate(rows, about=about)
        report.metrics["perplexity_before"] = before
        return report

    result = finish(options, trained, measure=measure, split=split, history=model.history.history)
    return result


@skips_invalid
def read_rows(options: Options) -> tuple:
    """Read the train and dev rows, the split to report with its rows, and the column. Labels, if there are any, play no part."""
    columns = None if options.text is None else {"text": column(options.text)}

    def read(path: str, trained: dict | None = None) -> tuple:
        found = settle(path, columns, task=kerasft.tasks.MASKED_LM.name, trained=trained)
        texts = kerasft.data.read_texts(found.source, columns=found.named, documents=options.packed)
        return kerasft.data.read_rows({"text": texts}), found.columns

    train, found = read(options.train)
    dev = options.dev and read(options.dev, found)[0]
    test = options.test and read(options.test, found)[0]
    if dev is None:
        train, dev, _ = kerasft.data.split(train, dev=options.dev_fraction, seed=options.seed)
    if options.max_train_rows is not None:
        train = kerasft.data.sample(train, options.max_train_rows, seed=options.seed)
    return train, dev, ("dev", dev) if test is None else ("test", test), found
