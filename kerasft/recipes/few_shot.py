"""Few-shot text classification (SetFit): contrastive training of a sentence encoder, then a logistic regression head.

    kerasft train few-shot --model EMBEDDER --train train.csv --test test.csv --examples-per-class 8 --output saved_models/intents

The idea is SetFit's (Tunstall et al. 2022, arXiv:2209.11055); start from a sentence embedder. docs/few_shot.md
compares the accuracy on banking77 with plain fine-tuning on the same examples.
The script is meant to be copied: below `Options` it is plain Keras.
"""

import dataclasses

import kerasft
from kerasft.errors import bad_argument
from kerasft.recipes.defaults import choose_training
from kerasft.recipes.options import LABEL_NAMES_HELP, TEXT_HELP, TrainingOptions, column, option
from kerasft.recipes.skipping import skips_invalid
from kerasft.recipes.training import finish, make_callbacks, make_optimizer, prepare, progress, read_labelled
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
    keep: str = option(
        "always the last epoch: there are no validation rows to select by", default="last", choices=("last",)
    )


def main(options: Options) -> dict:
    """Train, save the bundle, write the report.

    Args:
        options: See `Options`.

    Returns:
        `metrics` (the report's numbers), `split` ("test"; "dev": --dev, or the rows of --train that were not sampled),
        `best_epoch_chosen_on` (None), and the paths `bundle`, `report` and `logs`.

    Raises:
        KerasftError: For invalid options or data.

    Example:

    >>> result = main(Options(model=checkpoint, train=reviews_csv, output="few", examples_per_class=4, partners=2, max_length=16))
    1/1 - ...
    >>> kerasft.load_bundle(result["bundle"]).task
    'text-classification'
    """
    import numpy as np  # here, and not above, so that `kerasft doctor` runs where it is missing
    from sklearn.linear_model import LogisticRegression  # likewise; and it takes a second to load

    work = prepare(options)  # the folder of logs, checkpoints and report, beside the bundle's

    # 1. The examples, the rows to report on, and the labels.
    columns, few, (split, rows), labels = read_rows(options)
    texts, classes = kerasft.data.texts_and_labels(few, labels=labels, columns=columns)

    # 2. The embedder, and pairs of examples. In the ranking loss, partners from other classes are the negatives.
    cosine = options.loss == "cosine"
    with kerasft.get_strategy(options.strategy).scope():
        backbone, tokenizer = kerasft.load_pretrained(options.model)
        pooling = getattr(kerasft.backbones.find_config(backbone), "pooling", None) or "mean"
        backbone.sentence_encoder = None  # the classifier uses the pooled vector
        embedder = kerasft.heads.sentence_embedding(backbone, pooling=pooling, normalize=False)
        drawn = {"per_text": options.partners, "with_negatives": cosine, "seed": options.seed}
        pairs, y = kerasft.data.class_pairs(texts, classes, **drawn)
        options = choose_training(options, backbone, rows=len(pairs), kind="few_shot")
        limit_trainable(options, embedder)
        train = kerasft.data.pair_dataset(
            pairs,
            tokenizer,
            y=y,
            max_length=options.max_length,
            batch_size=kerasft.data.Batching(tokens=options.token_budget)
            if options.token_budget
            else options.batch_size,
            shuffle=True,
            seed=options.seed,
        )
        embedder.compile(
            optimizer=make_optimizer(options, steps_per_epoch=len(train)),
            loss=kerasft.losses.CosineSimilarityLoss() if cosine else kerasft.losses.MultipleNegativesRanking(),
            jit_compile=False,  # XLA would recompile the step for every batch length
        )

    # 3. Train the embedder; then the head on its vectors of the examples; both are one functional model.
    watch = make_callbacks(options, work, monitor="loss")
    embedder.fit(train, epochs=options.epochs, callbacks=watch, shuffle=False, verbose=progress())
    embed = kerasft.pipelines.load(kerasft.make_bundle(embedder, tokenizer, max_length=options.max_length)).embed
    head = LogisticRegression(C=options.inverse_regularization, max_iter=1000).fit(embed(texts), classes)
    model = kerasft.heads.text_classifier(backbone, labels, pooling=pooling)
    kernel, bias = head.coef_.T, head.intercept_  # (H, C), (C,)
    if len(labels) == 2:  # scikit-learn has one column then; a softmax needs two, each half of it with opposite signs
        kernel, bias = np.hstack([-kernel, kernel]) / 2, np.concatenate([-bias, bias]) / 2
    model.get_layer("logits").set_weights([kernel, bias])

    # 4. Report and save: a regular text classifier, for every pipeline and export.
    about = {"model": options.model, "data": options.test or options.dev or f"rows of {options.train} not sampled"}
    about["examples"] = f"{len(texts)}, at most {options.examples_per_class} of each of {len(labels)} classes"
    settings = {"columns": kerasft.data.remembered(few)}
    trained = kerasft.make_bundle(model, tokenizer, max_length=options.max_length, settings=settings)

    def measure():
        return kerasft.pipelines.load(trained).evaluate(rows, columns=columns, about=about)

    result = finish(options, trained, measure=measure, split=split, history=embedder.history.history)
    return result


@skips_invalid
def read_rows(options: Options) -> tuple:
    """Read the column names, the sampled examples, the split to report with its rows, and the labels of all train rows."""
    columns = {"text": column(options.text), "label": column(options.label)}
    columns = {role: name for role, name in columns.items() if name is not None}
    train = read_labelled(options, options.train, columns)
    labels = kerasft.data.collect_labels(train, columns=columns)
    few, rest = kerasft.data.draw_examples(
        train, per_class=options.examples_per_class, columns=columns, seed=options.seed
    )
    if options.max_train_rows is not None:
        few = kerasft.data.sample(few, options.max_train_rows, columns=columns, seed=options.seed)
    name = "test" if options.test else "dev"
    path = options.test or options.dev
    rows = read_labelled(options, path, columns, trained=train.roles) if path else rest
    if not len(rows):
        raise bad_argument("test", "given if all rows of --train are examples", None, "Add a --test file.")
    kerasft.data.texts_and_labels(rows, labels=labels, columns=columns)  # fail on invalid rows now, not at the end
    return columns, few, (name, rows), labels
