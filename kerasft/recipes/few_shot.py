"""Few-shot text classification (SetFit): contrastive training of a sentence encoder, then a logistic regression head.

    kerasft train few-shot --model EMBEDDER --train train.csv --test test.csv --examples-per-class 8 --output saved_models/intents

The method is SetFit (Tunstall et al. 2022, arXiv:2209.11055); use a pretrained sentence embedding model. docs/few_shot.md
compares the accuracy on banking77 with that of fine-tuning on the same examples.
The script is meant to be copied: below `Options` it is plain Keras.
"""

import dataclasses

import kerasft
from kerasft.recipes.defaults import choose_training
from kerasft.recipes.options import LABEL_NAMES_HELP, TEXT_HELP, TrainingOptions, option
from kerasft.recipes.reading import read_examples
from kerasft.recipes.training import batching, make_callbacks, make_optimizer, prepare, progress, report_and_save
from kerasft.recipes.weights import limit_trainable


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(TrainingOptions):
    """Options of the recipe, in addition to those of `TrainingOptions`.

    Example:

    >>> Options(model="embedder", train="train.csv").examples_per_class
    8
    """

    output: str = option("output folder of the bundle", default="saved_models/few_shot")
    text: str | None = option(TEXT_HELP)
    label: str | None = option("column of the label")
    label_names: str | None = option(LABEL_NAMES_HELP)
    examples_per_class: int = option(
        "number of --train rows sampled per class; other rows are not used", default=8, least=1
    )
    loss: str = option(
        "ranking: multiple-negatives ranking with in-batch negatives; cosine: positive and negative pairs, as in SetFit",
        default="ranking",
        choices=("ranking", "cosine"),
    )
    partners: int = option("pairs per example and epoch", default=4, least=1)
    inverse_regularization: float = option(
        "inverse regularization strength C of the logistic regression", default=1.0, above=0
    )
    max_length: int = option(
        "maximum input length in tokens; longer texts are truncated, with a warning", default=128, least=3
    )
    epochs: int = option("number of epochs", default=1, least=1)
    keep: str = option("always the last epoch, since there are no validation rows", default="last", choices=("last",))


def main(options: Options) -> dict:
    """Train, save the bundle, write the report.

    Args:
        options: See `Options`.

    Returns:
        `metrics` (the report's metrics), `split` ("test"; "dev": --dev, or the rows of --train that were not sampled),
        `best_epoch_chosen_on` (None), and the paths `bundle`, `report` and `logs`.

    Raises:
        KerasftError: For invalid options or data.

    Example:

    >>> from kerasft.demo import tiny
    >>> checkpoint = str(tiny.checkpoint("tiny_bert"))
    >>> reviews_csv = tiny.reviews("reviews.csv")
    >>> result = main(Options(model=checkpoint, train=reviews_csv, output="few", examples_per_class=4, partners=2, max_length=16))
    1/1 - ...
    >>> kerasft.load_bundle(result["bundle"]).task
    'text-classification'
    """
    import numpy as np  # imported here, so that `kerasft doctor` runs without it
    from sklearn.linear_model import LogisticRegression  # likewise; and it is slow to load

    work = prepare(options)  # folder for logs, checkpoints and report, next to the bundle

    # 1. The examples, the rows to report on, and the labels.
    rows = read_examples(options)
    columns, labels = rows.columns, rows.labels
    texts, classes = kerasft.data.texts_and_labels(rows.train, labels=labels, columns=columns)

    # 2. Embedding model, and pairs of examples. In the ranking loss, examples of other classes are the negatives.
    cosine = options.loss == "cosine"
    with kerasft.get_strategy(options.strategy).scope():
        backbone, tokenizer = kerasft.load_pretrained(options.model)
        pooling = getattr(kerasft.backbones.find_config(backbone), "pooling", None) or "mean"
        backbone.sentence_encoder = None  # the classifier uses the pooled vector
        embedder = kerasft.heads.sentence_embedding(backbone, pooling=pooling, normalize=False)
        sampling = {"per_text": options.partners, "with_negatives": cosine, "seed": options.seed}
        pairs, y = kerasft.data.class_pairs(texts, classes, **sampling)
        options = choose_training(options, backbone, rows=len(pairs), kind="few_shot")
        limit_trainable(options, embedder)
        train = kerasft.data.pair_dataset(
            pairs,
            tokenizer,
            y=y,
            max_length=options.max_length,
            batch_size=batching(options),
            shuffle=True,
            seed=options.seed,
        )
        embedder.compile(
            optimizer=make_optimizer(options, steps_per_epoch=len(train)),
            loss=kerasft.losses.CosineSimilarityLoss() if cosine else kerasft.losses.MultipleNegativesRanking(),
            jit_compile=False,  # XLA would recompile the step for every batch length
        )

    # 3. Train the embedding model, then the head on its embeddings; both together are one functional model.
    callbacks = make_callbacks(options, work, monitor="loss")
    embedder.fit(train, epochs=options.epochs, callbacks=callbacks, shuffle=False, verbose=progress())
    embed = kerasft.pipelines.load(kerasft.make_bundle(embedder, tokenizer, max_length=options.max_length)).embed
    head = LogisticRegression(C=options.inverse_regularization, max_iter=1000).fit(embed(texts), classes)
    model = kerasft.heads.text_classifier(backbone, labels, pooling=pooling)
    kernel, bias = head.coef_.T, head.intercept_  # (H, C), (C,)
    if len(labels) == 2:  # scikit-learn has a single column; a softmax needs two: half of it with opposite signs
        kernel, bias = np.hstack([-kernel, kernel]) / 2, np.concatenate([-bias, bias]) / 2
    model.get_layer("logits").set_weights([kernel, bias])

    # 4. Report and save: a regular text classifier, for every pipeline and export.
    settings = {"columns": kerasft.data.remembered(rows.train)}
    trained = kerasft.make_bundle(model, tokenizer, max_length=options.max_length, settings=settings)

    def measure(about):
        about["data"] = options.test or options.dev or f"rows of {options.train} excluded from training"
        about["examples"] = f"{len(texts)}, at most {options.examples_per_class} of each of {len(labels)} classes"
        return kerasft.pipelines.load(trained).evaluate(rows.reported, columns=columns, about=about)

    return report_and_save(options, trained, measure=measure, split=rows.split, history=embedder.history.history)
