"""Fine-tune a classifier of the relation between two marked entities of a text, end to end.

    kerasft train relation-extraction --model MODEL --train train.jsonl --test test.jsonl --output saved_models/relations

A line of the data: {"text": "The <e1>author</e1> of a <e2>keygen</e2>", "label": "Product-Producer(e2,e1)"}. From all of
SemEval-2010 task 8 and MiniLM-L6 expect an official score of about 0.84. The script is meant to be copied: below `Options`
stands plain Keras.
"""

import dataclasses

import kerasft
from kerasft.recipes.defaults import choose_training
from kerasft.recipes.options import LABEL_NAMES_HELP, SMOOTHING_HELP, TEXT_HELP, TrainingOptions, option
from kerasft.recipes.training import (
    finish,
    keep_weights,
    make_callbacks,
    make_optimizer,
    prepare,
    progress,
    read_columns,
    read_rows,
)
from kerasft.recipes.weights import limit_trainable, restore_head


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(TrainingOptions):
    """Every choice of the recipe: these, and those of `TrainingOptions`.

    Example:

    >>> Options(model="bert-base-uncased", train="train.jsonl").pooling
    'start'
    """

    output: str = option("folder of the bundle to write", default="saved_models/relation_extraction")
    text: str | None = option(TEXT_HELP)
    label: str | None = option("column of the label")
    label_names: str | None = option(LABEL_NAMES_HELP)
    negative_label: str | None = option(
        "label of pairs without a relation, which the scores leave out; found by itself if it is Other, no_relation, NA or none"
    )
    max_length: int = option(
        "longest input in tokens; a longer text is cut to a window around its entities", default=128, least=8
    )
    pooling: str = option(
        "what stands for an entity: its start marker, or the mean of its tokens",
        default="start",
        choices=("start", "mean"),
    )
    dropout: float = option("dropout before the output layer", default=0.1, least=0, below=1)
    focal_gamma: float = option("focusing parameter of the focal loss; 0 is cross-entropy", default=0.0, least=0)
    class_weights: str | None = option("weigh classes by their frequency", choices=("balanced", "effective"))
    label_smoothing: float = option(SMOOTHING_HELP, default=0.0, least=0, below=1)


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
    >>> text = "<e1>we</e1> lost <e2>my money</e2>"
    >>> data = pathlib.Path("relations.jsonl")
    >>> _ = data.write_text("".join(f'{{"text": "{text}", "label": "{label}"}}\\n' for label in ["buys", "Other"] * 10))
    >>> result = main(Options(model=checkpoint, train=str(data), output="relations", epochs=1, max_length=16))
    2/2 - ...
    >>> result["bundle"].name, result["split"]
    ('relations', 'dev')
    """
    work = prepare(options)  # the folder of logs, checkpoints and report, beside the bundle's

    # 1. Rows and labels. What the outputs stand for is decided by the training rows alone.
    columns = read_columns(options)
    train_rows, dev_rows, (split, rows), labels = read_rows(
        options, columns, task=kerasft.tasks.RELATION_EXTRACTION.name
    )
    settings = {"negative_label": kerasft.data.negative_label(labels, options.negative_label)}
    settings["columns"] = kerasft.data.remembered(train_rows)

    # 2. Backbone with the markers in its vocabulary + head, datasets, loss and optimizer.
    with kerasft.get_strategy(options.strategy).scope():
        model, tokenizer = make_model(options, labels)
        options = choose_training(options, model, rows=len(train_rows), kind="relations", classes=len(labels))
        restore_head(model, options)
        limit_trainable(options, model)
        data = {"labels": model.labels, "columns": columns, "max_length": options.max_length}
        batch_size = kerasft.data.Batching(tokens=options.token_budget) if options.token_budget else options.batch_size
        train = kerasft.data.relation_extraction(
            train_rows, tokenizer, batch_size=batch_size, shuffle=True, seed=options.seed, **data
        )
        dev = kerasft.data.relation_extraction(dev_rows, tokenizer, batch_size=64, **data)
        scheme = options.class_weights
        alpha = scheme and kerasft.losses.class_weights(train, len(labels), scheme=scheme)
        metrics = kerasft.metrics.for_labels(labels)
        loss = {"focal_gamma": options.focal_gamma, "alpha": alpha, "label_smoothing": options.label_smoothing}
        model.compile(
            optimizer=make_optimizer(options, steps_per_epoch=len(train)),
            loss=kerasft.losses.for_labels(labels, **loss),
            metrics=metrics,
            jit_compile=False,  # XLA would compile the step anew for every length of a batch
        )

    # 3. Train. `shuffle=False` because the dataset shuffles itself, and Keras warns of its own default.
    pairs, _ = kerasft.data.entity_pairs(dev_rows, columns=columns)
    texts = [pair.text for pair in pairs]
    watch = make_callbacks(options, work, monitor="val_accuracy", metrics=metrics, validation_data=dev, texts=texts)
    model.fit(train, validation_data=dev, epochs=options.epochs, callbacks=watch, shuffle=False, verbose=progress())
    keep_weights(options, model, work)

    # 4. Report and save.
    about = {"model": options.model, "data": options.test or options.dev or f"{split} part of {options.train}"}
    trained = kerasft.make_bundle(model, tokenizer, max_length=options.max_length, settings=settings)

    def measure():
        baseline = kerasft.pipelines.load(trained).training_baseline(train_rows, columns=columns)
        trained.settings["baseline"] = baseline  # the answer without a model, to compare with here and in `evaluate`
        return kerasft.pipelines.load(trained).evaluate(rows, columns=columns, about=about)

    result = finish(options, trained, measure=measure, split=split, history=model.history.history)
    return result


def make_model(options: Options, labels) -> tuple:
    """The checkpoint with the entity markers in its vocabulary and the head on it, and its tokenizer."""
    backbone, tokenizer = kerasft.load_pretrained(options.model)
    markers = kerasft.data.ENTITY_MARKERS
    known = tokenizer.get_vocab()
    backbone, tokenizer = kerasft.vocabulary.add_tokens(backbone, tokenizer, markers, special=True)
    ids = kerasft.data.marker_ids(tokenizer)
    model = kerasft.heads.relation_classifier(
        backbone, labels, markers=ids, pooling=options.pooling, dropout=options.dropout
    )
    model.has_new_tokens = any(marker not in known for marker in markers)
    return model, tokenizer
