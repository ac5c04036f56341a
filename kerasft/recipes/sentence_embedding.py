"""Train a sentence embedder on pairs of texts, rated ones or such that belong together, end to end.

    kerasft train sentence-embedding --model MODEL --train pairs.csv --dev dev.csv --output saved_models/embedder

Rated pairs (STS-B) are learnt by the cosine loss, pairs without a rating (questions and their answers) by in-batch negatives.
MiniLM-L6 as it is has a Spearman correlation of 0.820 on STS-B's test set; docs/sentence_embedding.md says more.
The script is meant to be copied: below `Options` stands plain Keras.
"""

import dataclasses
import sys

import kerasft
from kerasft.recipes.defaults import choose_training
from kerasft.recipes.options import TrainingOptions, column, option
from kerasft.recipes.skipping import skips_invalid
from kerasft.recipes.training import finish, keep_weights, make_callbacks, make_optimizer, prepare, progress, settle
from kerasft.recipes.weights import limit_trainable


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(TrainingOptions):
    """Every choice of the recipe: these, and those of `TrainingOptions`.

    Example:

    >>> Options(model="bert-base-uncased", train="pairs.csv").scale
    20.0
    """

    output: str = option("folder of the bundle to write", default="saved_models/sentence_embedding")
    text: str | None = option(
        "column of the first text: a name, or a number from 0 where there is no header (-1: the last)"
    )
    text_pair: str | None = option("column of the second text")
    label: str | None = option("column of the score, where pairs are rated")
    loss: str = option(
        "cosine for rated pairs, ranking for pairs that belong together; auto: cosine if there is a label column",
        default="auto",
        choices=("auto", "cosine", "ranking"),
    )
    max_score: float = option("the largest possible score; scores are divided by it", default=1.0, above=0)
    scale: float = option("factor of the cosine in the ranking loss", default=20.0, above=0)
    symmetric: bool = option("ranking loss in both directions", default=False)
    max_length: int | None = option(
        "longest text in tokens; longer texts are cut, and counted; default: the checkpoint's own, or 128", least=3
    )
    pooling: str | None = option(
        "how a text becomes one vector; default: the checkpoint's own, or mean",
        choices=("mean", "cls", "pooler", "last"),
    )


def main(options: Options) -> dict:
    """Train, save the bundle, report.

    Args:
        options: The choices; see `Options`.

    Returns:
        `metrics` (the report's numbers), `split` ("dev" or "test", what they were measured on), `best_epoch_chosen_on`
        ("dev" or None), and the paths `bundle`, `report` and `logs`.

    Raises:
        KerasftError: For anything in the options or the data that the user can mend.

    Example:

    >>> import pathlib
    >>> from kerasft.demo import tiny
    >>> checkpoint = str(tiny.checkpoint("tiny_bert"))
    >>> rows = [f"good film {i},great movie {i},{i % 5}" for i in range(20)]
    >>> _ = pathlib.Path("pairs.csv").write_text("\\n".join(["text,text_pair,score", *rows]))
    >>> result = main(Options(model=checkpoint, train="pairs.csv", output="embedder", epochs=1, max_length=16, max_score=4))
    2/2 - ...
    >>> result["bundle"].name, "spearman" in result["metrics"]
    ('embedder', True)
    """
    work = prepare(options)  # the folder of logs, checkpoints and report, beside the bundle's

    # 1. Pairs, and whether they are rated.
    train_rows, dev_rows, (split, rows), rated, found = read_rows(options)  # `rows` are what is reported

    # 2. Backbone + head, dataset, loss and optimizer. A batch has the two texts of a pair in neighbouring rows.
    with kerasft.get_strategy(options.strategy).scope():
        backbone, tokenizer = kerasft.load_pretrained(options.model)
        options = choose_training(options, backbone, rows=len(train_rows), kind="embedding")
        model = kerasft.heads.sentence_embedding(backbone, pooling=options.pooling)
        limit_trainable(options, model)
        encoder = kerasft.heads.sentence_encoder_of(model)
        max_length = options.max_length or min(encoder.max_length or 128, tokenizer.model_max_length)
        print(f"pooling: {encoder.pooling}, longest text: {max_length} tokens", file=sys.stderr)
        train = kerasft.data.sentence_pairs(
            prompted(train_rows, encoder),
            tokenizer,
            scored=rated,
            max_length=max_length,
            batch_size=kerasft.data.Batching(tokens=options.token_budget)
            if options.token_budget
            else options.batch_size,
            shuffle=True,
            seed=options.seed,
        )
        ranking = kerasft.losses.MultipleNegativesRanking(options.scale, symmetric=options.symmetric)
        model.compile(
            optimizer=make_optimizer(options, steps_per_epoch=len(train)),
            loss=kerasft.losses.CosineSimilarityLoss() if rated else ranking,
            jit_compile=False,  # XLA would compile the step anew for every length of a batch
        )

    # 3. Train. After each epoch the pipeline measures the dev pairs as it will measure the reported ones.
    settings = {"max_score": options.max_score, "columns": found}  # for `kerasft evaluate` on files like these
    trained = kerasft.make_bundle(model, tokenizer, max_length=max_length, settings=settings)
    embedder = kerasft.pipelines.load(kerasft.make_bundle(model, tokenizer, max_length=max_length))
    names = ["spearman", "pearson"] if rated else ["accuracy_at_1", "mrr_at_10", "recall_at_10"]
    evaluation = kerasft.callbacks.Evaluation(lambda: embedder.evaluate(dev_rows).metrics)
    watch = make_callbacks(
        options, work, monitor="val_spearman" if rated else "val_mrr_at_10", metrics=names, evaluation=evaluation
    )
    model.fit(train, epochs=options.epochs, callbacks=watch, shuffle=False, verbose=progress())
    keep_weights(options, model, work)

    # 4. Report and save.
    about = {"model": options.model, "data": options.test or options.dev or f"{split} part of {options.train}"}

    def measure():
        embedder.baseline = embedder.training_baseline(train_rows)  # the answer without a model, to compare with
        trained.settings["baseline"] = embedder.baseline
        return embedder.evaluate(rows, about=about)

    result = finish(options, trained, measure=measure, split=split, history=model.history.history)
    return result


def prompted(rows: "kerasft.data.Rows", encoder) -> "kerasft.data.Rows":
    """Put the checkpoint's default prompt, if it has one, before both texts, as the pipeline does with what it embeds."""
    prompt = encoder.prompts.get(encoder.default_prompt_name, "")
    texts = {name: [prompt + text for text in rows.columns[name]] for name in ("text", "text_pair")}
    return kerasft.data.read_rows({**rows.columns, **texts}) if prompt else rows


@skips_invalid
def read_rows(options: Options) -> tuple:
    """Read the train and dev rows, the split to report with its rows, whether they are rated, and the columns."""
    columns = {"text": column(options.text), "text_pair": column(options.text_pair), "label": column(options.label)}
    columns = {role: name for role, name in columns.items() if name is not None}

    def read(path: str, trained: dict | None = None) -> tuple:
        # The columns by our names and the scores divided, so that nothing below needs to be told again.
        found = settle(
            path, columns, task=kerasft.tasks.SENTENCE_EMBEDDING.name, trained=trained, need_label=bool(scored)
        )
        rated = "label" in found.columns if scored is None else scored
        pairs, scores = kerasft.data.read_pairs(found.source, scored=rated, max_score=options.max_score)
        known = {role: name for role, name in found.columns.items() if role != "label" or rated}
        texts = {"text": [first for first, _ in pairs], "text_pair": [second for _, second in pairs]}
        return kerasft.data.read_rows(texts if scores is None else texts | {"label": scores.tolist()}), known

    scored = {"auto": None, "cosine": True, "ranking": False}[options.loss]
    train, found = read(options.train)
    scored = "label" in train.columns
    dev = options.dev and read(options.dev, found)[0]
    test = options.test and read(options.test, found)[0]
    if dev is None:
        train, dev, _ = kerasft.data.split(train, dev=options.dev_fraction, seed=options.seed, problem="regression")
    if options.max_train_rows is not None:
        train = kerasft.data.sample(train, options.max_train_rows, seed=options.seed, problem="regression")
    return train, dev, ("dev", dev) if test is None else ("test", test), scored, found
