"""Train a text classifier from a few examples of each class: first the embedder on pairs, then a small head, end to end.

    kerasft train few-shot --model EMBEDDER --train train.csv --test test.csv --examples-per-class 8 --output saved_models/intents

The idea is SetFit's (Tunstall et al. 2022, arXiv:2209.11055); start from a sentence embedder. docs/few_shot.md has the
accuracy on banking77 beside that of plain fine-tuning on the same examples.
The script is meant to be copied: below `Options` stands plain Keras.
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
    """Every choice of the recipe: these, and those of `TrainingOptions`.

    Example:

    >>> Options(model="embedder", train="train.csv").examples_per_class
    8
    """

    output: str = option("folder of the bundle to write", default="saved_models/few_shot")
    text: str | None = option(TEXT_HELP)
    label: str | None = option("column of the label")
    label_names: str | None = option(LABEL_NAMES_HELP)
    examples_per_class: int = option(
        "rows of --train drawn of each class; the others are not trained on", default=8, least=1
    )
    loss: str = option(
        "ranking: each text finds its partner in the batch; cosine: pairs of one class and of two, as SetFit",
        default="ranking",
        choices=("ranking", "cosine"),
    )
    partners: int = option("pairs made of each example in an epoch", default=4, least=1)
    inverse_regularization: float = option("C of the logistic regression", default=1.0, above=0)
    max_length: int = option("longest input in tokens; longer texts are cut, and counted", default=128, least=3)
    epochs: int = option("passes over the pairs", default=1, least=1)
    keep: str = option("the last epoch's weights: there are no rows to choose by", default="last", choices=("last",))


def main(options: Options) -> dict:
    """Train, save the bundle, report.

    Args:
        options: The choices; see `Options`.

    Returns:
        `metrics` (the report's numbers), `split` ("test"; "dev": of --dev, or the rows of --train that were not drawn),
        `best_epoch_chosen_on` (None), and the paths `bundle`, `report` and `logs`.

    Raises:
        KerasftError: For anything in the options or the data that the user can mend.

    Example:

    >>> from kerasft.demo import tiny
    >>> checkpoint = str(tiny.checkpoint("tiny_bert"))
    >>> reviews_csv = tiny.reviews("reviews.csv")
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

    # 2. The embedder, and pairs of examples. In the ranking loss partners of other classes are the negatives.
    cosine = options.loss == "cosine"
    with kerasft.get_strategy(options.strategy).scope():
        backbone, tokenizer = kerasft.load_pretrained(options.model)
        pooling = getattr(kerasft.backbones.find_config(backbone), "pooling", None) or "mean"
        backbone.sentence_encoder = None  # the classifier stands on the pooled vector itself
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
            jit_compile=False,  # XLA would compile the step anew for every length of a batch
        )

    # 3. Train the embedder; then the head on its vectors of the examples; both are one functional model.
    watch = make_callbacks(options, work, monitor="loss")
    embedder.fit(train, epochs=options.epochs, callbacks=watch, shuffle=False, verbose=progress())
    embed = kerasft.pipelines.load(kerasft.make_bundle(embedder, tokenizer, max_length=options.max_length)).embed
    head = LogisticRegression(C=options.inverse_regularization, max_iter=1000).fit(embed(texts), classes)
    model = kerasft.heads.text_classifier(backbone, labels, pooling=pooling)
    kernel, bias = head.coef_.T, head.intercept_  # (H, C), (C,)
    if len(labels) == 2:  # scikit-learn keeps one column then; a softmax needs two, half of it each, of opposite sign
        kernel, bias = np.hstack([-kernel, kernel]) / 2, np.concatenate([-bias, bias]) / 2
    model.get_layer("logits").set_weights([kernel, bias])

    # 4. Report and save: a text classifier as any other, for every pipeline and export.
    about = {"model": options.model, "data": options.test or options.dev or f"rows of {options.train} not trained on"}
    about["examples"] = f"{len(texts)}, at most {options.examples_per_class} of each of {len(labels)} classes"
    settings = {"columns": kerasft.data.remembered(few)}
    trained = kerasft.make_bundle(model, tokenizer, max_length=options.max_length, settings=settings)

    def measure():
        return kerasft.pipelines.load(trained).evaluate(rows, columns=columns, about=about)

    result = finish(options, trained, measure=measure, split=split, history=embedder.history.history)
    return result


@skips_invalid
def read_rows(options: Options) -> tuple:
    """Read the columns' names, the examples drawn, the split to report with its rows, and the labels of all train rows."""
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
        raise bad_argument("test", "given where all rows of --train are examples", None, "Give rows to report on.")
    kerasft.data.texts_and_labels(rows, labels=labels, columns=columns)  # invalid rows stop the run now, not at its end
    return columns, few, (name, rows), labels
