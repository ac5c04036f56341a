"""Relation extraction: classify the relation between two marked entities of a text.

    kerasft train relation-extraction --model MODEL --train train.jsonl --test test.jsonl --output saved_models/relations

Data, one object per line: {"text": "The <e1>author</e1> of a <e2>keygen</e2>", "label": "Product-Producer(e2,e1)"}. With
SemEval-2010 task 8 and MiniLM-L6, expect an official score of about 0.84. The script is meant to be copied: below `Options`
it is plain Keras.
"""

import dataclasses

import kerasft
from kerasft.recipes.defaults import choose_training
from kerasft.recipes.options import LABEL_NAMES_HELP, SMOOTHING_HELP, TEXT_HELP, TrainingOptions, option
from kerasft.recipes.reading import read_columns, read_rows
from kerasft.recipes.training import (
    batching,
    keep_weights,
    make_callbacks,
    make_loss,
    make_optimizer,
    prepare,
    progress,
    report_and_save,
    with_baseline,
)
from kerasft.recipes.weights import limit_trainable, restore_head


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(TrainingOptions):
    """Options of the recipe, in addition to those of `TrainingOptions`.

    Example:

    >>> Options(model="bert-base-uncased", train="train.jsonl").pooling
    'start'
    """

    output: str = option("output folder of the bundle", default="saved_models/relation_extraction")
    text: str | None = option(TEXT_HELP)
    label: str | None = option("column of the label")
    label_names: str | None = option(LABEL_NAMES_HELP)
    negative_label: str | None = option(
        "label of pairs without a relation, excluded from the scores (default: Other, no_relation, NA or none, if present)"
    )
    max_length: int = option(
        "maximum input length in tokens; longer texts are truncated to a window around the entities",
        default=128,
        least=8,
    )
    pooling: str = option(
        "representation of an entity: its start marker, or the mean of its tokens",
        default="start",
        choices=("start", "mean"),
    )
    dropout: float = option("dropout before the output layer", default=0.1, least=0, below=1)
    focal_gamma: float = option("focusing parameter of the focal loss; 0 is cross-entropy", default=0.0, least=0)
    class_weights: str | None = option(
        "class weights, from class frequencies (default: none)", choices=("balanced", "effective")
    )
    label_smoothing: float = option(SMOOTHING_HELP, default=0.0, least=0, below=1)


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
    >>> text = "<e1>we</e1> lost <e2>my money</e2>"
    >>> data = pathlib.Path("relations.jsonl")
    >>> _ = data.write_text("".join(f'{{"text": "{text}", "label": "{label}"}}\\n' for label in ["buys", "Other"] * 10))
    >>> result = main(Options(model=checkpoint, train=str(data), output="relations", epochs=1, max_length=16))
    2/2 - ...
    >>> result["bundle"].name, result["split"]
    ('relations', 'dev')
    """
    work = prepare(options)  # folder for logs, checkpoints and report, next to the bundle

    # 1. Rows and labels. The training rows define the labels of the outputs.
    columns = read_columns(options, "text", "label")
    rows = read_rows(options, columns, task=kerasft.tasks.RELATION_EXTRACTION.name)
    settings = {"negative_label": kerasft.data.negative_label(rows.labels, options.negative_label)}
    settings["columns"] = kerasft.data.remembered(rows.train)

    # 2. Backbone with the markers in its vocabulary + head, datasets, loss and optimizer.
    with kerasft.get_strategy(options.strategy).scope():
        model, tokenizer = make_model(options, rows.labels)
        options = choose_training(options, model, rows=len(rows.train), kind="relations", classes=len(rows.labels))
        restore_head(model, options)
        limit_trainable(options, model)
        data = {"labels": model.labels, "columns": columns, "max_length": options.max_length}
        train = kerasft.data.relation_extraction(
            rows.train, tokenizer, batch_size=batching(options), shuffle=True, seed=options.seed, **data
        )
        dev = kerasft.data.relation_extraction(rows.dev, tokenizer, batch_size=64, **data)
        metrics = kerasft.metrics.for_labels(rows.labels)
        model.compile(
            optimizer=make_optimizer(options, steps_per_epoch=len(train)),
            loss=make_loss(options, rows.labels, train),
            metrics=metrics,
            jit_compile=False,  # XLA would recompile the step for every batch length
        )

    # 3. Train. `shuffle=False` because the dataset shuffles itself, and Keras warns about its default.
    pairs, _ = kerasft.data.entity_pairs(rows.dev, columns=columns)
    texts = [pair.text for pair in pairs]
    callbacks = make_callbacks(options, work, monitor="val_accuracy", metrics=metrics, validation_data=dev, texts=texts)
    model.fit(train, validation_data=dev, epochs=options.epochs, callbacks=callbacks, shuffle=False, verbose=progress())
    keep_weights(options, model, work)

    # 4. Report and save.
    trained = kerasft.make_bundle(model, tokenizer, max_length=options.max_length, settings=settings)

    def measure(about):
        pipeline = with_baseline(trained, rows.train, columns=columns)
        return pipeline.evaluate(rows.reported, columns=columns, about=about)

    return report_and_save(options, trained, measure=measure, split=rows.split, history=model.history.history)


def make_model(options: Options, labels) -> tuple:
    """Return the checkpoint with the entity markers in its vocabulary and a new head, and its tokenizer."""
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
