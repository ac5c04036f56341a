"""Token classification (named entities, slots, parts of speech), trained on CoNLL columns or character spans.

    kerasft train token-classification --model MODEL --train train.conll --dev dev.conll --output saved_models/entities

The main metric is the entity-level F1 of seqeval (docs/token_classification.md).
The script is meant to be copied: below `Options` it is plain Keras.
"""

import dataclasses

import kerasft
from kerasft.recipes.defaults import choose_training
from kerasft.recipes.options import option
from kerasft.recipes.tagging import TaggingOptions, read_tagged_rows, tagging_settings
from kerasft.recipes.training import (
    batching,
    keep_weights,
    make_callbacks,
    make_loss,
    make_optimizer,
    prepare,
    progress,
    report_and_save,
)
from kerasft.recipes.weights import limit_trainable, restore_head

SCORES = ("entity_f1", "entity_precision", "entity_recall", "token_accuracy")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(TaggingOptions):
    """Options of the recipe, in addition to those of `TaggingOptions` and `TrainingOptions`.

    Example:

    >>> Options(model="bert-base-cased", train="train.conll").label_subwords
    'first'
    """

    output: str = option("output folder of the bundle", default="saved_models/token_classification")
    label_subwords: str = option(
        "subword tokens of a word that are labeled with its tag", default="first", choices=("first", "all")
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
    >>> _ = pathlib.Path("train.conll").write_text("good O\\nfilm B-WORK\\n\\nbad O\\nfilm B-WORK\\n\\n" * 10)
    >>> train = "train.conll"
    >>> result = main(Options(model=checkpoint, train=train, output="films", epochs=1, max_length=16))
    2/2 - ...
    >>> list(result["metrics"])
    ['entity_f1', 'entity_precision', 'entity_recall', 'token_accuracy']
    """
    work = prepare(options)  # folder for logs, checkpoints and report, next to the bundle

    # 1. Rows and labels. The training rows define the labels of the outputs.
    rows = read_tagged_rows(options)

    # 2. Backbone + head, datasets, loss and optimizer.
    with kerasft.get_strategy(options.strategy).scope():
        backbone, tokenizer = kerasft.load_pretrained(options.model)
        options = choose_training(options, backbone, rows=len(rows.train), kind="words", classes=len(rows.labels))
        model = kerasft.heads.token_classifier(backbone, rows.labels, dropout=options.dropout)
        restore_head(model, options)
        limit_trainable(options, model)
        data = {"labels": rows.labels, "label_subwords": options.label_subwords}
        data |= {"max_length": options.max_length, "stride": options.stride}
        train = kerasft.data.token_classification(
            rows.train, tokenizer, batch_size=batching(options), shuffle=True, seed=options.seed, **data
        )
        dev = kerasft.data.token_classification(rows.dev, tokenizer, batch_size=64, **data)
        model.compile(
            optimizer=make_optimizer(options, steps_per_epoch=len(train)),
            loss=make_loss(options, rows.labels, train),
            jit_compile=False,  # XLA would recompile the step for every batch length
        )

    # 3. Train. After each epoch, the pipeline is evaluated on dev at entity level.
    settings = tagging_settings(options) | {"columns": rows.columns}
    trained = kerasft.make_bundle(model, tokenizer, max_length=options.max_length, settings=settings)
    pipeline = kerasft.pipelines.load(trained)
    evaluation = kerasft.callbacks.Evaluation(lambda: pipeline.evaluate(rows.dev).metrics)
    callbacks = make_callbacks(options, work, monitor="val_entity_f1", metrics=SCORES, evaluation=evaluation)
    model.fit(train, validation_data=dev, epochs=options.epochs, callbacks=callbacks, shuffle=False, verbose=progress())
    keep_weights(options, model, work)

    # 4. Report and save.
    return report_and_save(
        options,
        trained,
        measure=lambda about: pipeline.evaluate(rows.reported, about=about),
        split=rows.split,
        history=model.history.history,
    )
