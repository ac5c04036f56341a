"""Sentence embeddings, trained on scored pairs or on positive pairs of texts.

    kerasft train sentence-embedding --model MODEL --train pairs.csv --dev dev.csv --output saved_models/embedder

Scored pairs (STS-B) are trained with the cosine loss, positive pairs (questions and answers) with in-batch negatives.
Without fine-tuning, MiniLM-L6 has a Spearman correlation of 0.820 on the test set of STS-B; see docs/sentence_embedding.md.
The script is meant to be copied: below `Options` it is plain Keras.
"""

import dataclasses
import sys

import kerasft
from kerasft.recipes.defaults import choose_training
from kerasft.recipes.options import TrainingOptions, option
from kerasft.recipes.reading import read_text_pairs
from kerasft.recipes.training import (
    batching,
    keep_weights,
    make_callbacks,
    make_optimizer,
    prepare,
    progress,
    report_and_save,
)
from kerasft.recipes.weights import limit_trainable


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(TrainingOptions):
    """Options of the recipe, in addition to those of `TrainingOptions`.

    Example:

    >>> Options(model="bert-base-uncased", train="pairs.csv").scale
    20.0
    """

    output: str = option("output folder of the bundle", default="saved_models/sentence_embedding")
    text: str | None = option(
        "column of the first text: a name, or a 0-based index if there is no header (-1: last column)"
    )
    text_pair: str | None = option("column of the second text")
    label: str | None = option("column of the similarity score, if pairs are scored")
    loss: str = option(
        "cosine: scored pairs; ranking: positive pairs, with in-batch negatives; auto: cosine if there is a label column",
        default="auto",
        choices=("auto", "cosine", "ranking"),
    )
    max_score: float = option("maximum possible score; scores are divided by it", default=1.0, above=0)
    scale: float = option("scale of the cosine similarity in the ranking loss (1 / temperature)", default=20.0, above=0)
    symmetric: bool = option("symmetric ranking loss: both directions", default=False)
    max_length: int | None = option(
        "maximum input length in tokens; longer texts are truncated, with a warning (default: the checkpoint's, or 128)",
        least=3,
    )
    pooling: str | None = option(
        "pooling (default: the checkpoint's, or mean)",
        choices=("mean", "cls", "pooler", "last"),
    )


def main(options: Options) -> dict:
    """Train, save the bundle, write the report.

    Args:
        options: See `Options`.

    Returns:
        `metrics` (the report's metrics), `split` ("dev" or "test", the split of these metrics), `best_epoch_chosen_on`
        ("dev" or None), and the paths `bundle`, `report` and `logs`.

    Raises:
        KerasftError: For invalid options or data.

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
    work = prepare(options)  # folder for logs, checkpoints and report, next to the bundle

    # 1. Pairs, with or without scores.
    rows = read_text_pairs(options)
    scored = "label" in rows.columns

    # 2. Backbone + head, dataset, loss and optimizer. The two texts of a pair are adjacent rows of a batch.
    with kerasft.get_strategy(options.strategy).scope():
        backbone, tokenizer = kerasft.load_pretrained(options.model)
        options = choose_training(options, backbone, rows=len(rows.train), kind="embedding")
        model = kerasft.heads.sentence_embedding(backbone, pooling=options.pooling)
        limit_trainable(options, model)
        encoder = kerasft.heads.sentence_encoder_of(model)
        max_length = options.max_length or min(encoder.max_length or 128, tokenizer.model_max_length)
        print(f"pooling: {encoder.pooling}, maximum length: {max_length} tokens", file=sys.stderr)
        train = kerasft.data.sentence_pairs(
            prompted(rows.train, encoder),
            tokenizer,
            scored=scored,
            max_length=max_length,
            batch_size=batching(options),
            shuffle=True,
            seed=options.seed,
        )
        ranking = kerasft.losses.MultipleNegativesRanking(options.scale, symmetric=options.symmetric)
        model.compile(
            optimizer=make_optimizer(options, steps_per_epoch=len(train)),
            loss=kerasft.losses.CosineSimilarityLoss() if scored else ranking,
            jit_compile=False,  # XLA would recompile the step for every batch length
        )

    # 3. Train. After each epoch, the pipeline is evaluated on dev, in the same way as for the report.
    settings = {"max_score": options.max_score, "columns": rows.columns}  # for `kerasft evaluate` on similar files
    trained = kerasft.make_bundle(model, tokenizer, max_length=max_length, settings=settings)
    embedder = kerasft.pipelines.load(kerasft.make_bundle(model, tokenizer, max_length=max_length))
    names = ["spearman", "pearson"] if scored else ["accuracy_at_1", "mrr_at_10", "recall_at_10"]
    evaluation = kerasft.callbacks.Evaluation(lambda: embedder.evaluate(rows.dev).metrics)
    callbacks = make_callbacks(
        options, work, monitor="val_spearman" if scored else "val_mrr_at_10", metrics=names, evaluation=evaluation
    )
    model.fit(train, epochs=options.epochs, callbacks=callbacks, shuffle=False, verbose=progress())
    keep_weights(options, model, work)

    # 4. Report and save.

    def measure(about):
        embedder.baseline = embedder.training_baseline(rows.train)  # the baseline without a model
        trained.settings["baseline"] = embedder.baseline
        return embedder.evaluate(rows.reported, about=about)

    return report_and_save(options, trained, measure=measure, split=rows.split, history=model.history.history)


def prompted(rows: "kerasft.data.Rows", encoder) -> "kerasft.data.Rows":
    """Prepend the checkpoint's default prompt, if any, to both texts, as the pipeline does."""
    prompt = encoder.prompts.get(encoder.default_prompt_name, "")
    texts = {name: [prompt + text for text in rows.columns[name]] for name in ("text", "text_pair")}
    return kerasft.data.read_rows({**rows.columns, **texts}) if prompt else rows
