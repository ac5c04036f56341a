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
from kerasft.recipes.training import finish, keep_weights, make_callbacks, make_optimizer, prepare, progress
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
        "subword tokens of a word that carry its tag in the loss", default="first", choices=("first", "all")
    )


def main(options: Options) -> dict:
    """Train, save the bundle, write the report.

    Args:
        options: See `Options`.

    Returns:
        `metrics` (the report's numbers), `split` ("dev" or "test", the rows they were measured on), `best_epoch_chosen_on`
        ("dev" or None), and the paths `bundle`, `report` and `logs`.

    Raises:
        KerasftError: For invalid options or data.

    Example:

    >>> _ = (scratch / "train.conll").write_text("good O\\nfilm B-WORK\\n\\nbad O\\nfilm B-WORK\\n\\n" * 10)
    >>> train = str(scratch / "train.conll")
    >>> result = main(Options(model=checkpoint, train=train, output="films", epochs=1, max_length=16))
    2/2 - ...
    >>> list(result["metrics"])
    ['entity_f1', 'entity_precision', 'entity_recall', 'token_accuracy']
    """
    work = prepare(options)  # the folder of logs, checkpoints and report, beside the bundle's

    # 1. Rows and labels. The training rows define the labels of the outputs.
    train_rows, dev_rows, (split, rows), labels, found = read_tagged_rows(options)  # the report is on `rows`

    # 2. Backbone + head, datasets, loss and optimizer.
    with kerasft.get_strategy(options.strategy).scope():
        backbone, tokenizer = kerasft.load_pretrained(options.model)
        options = choose_training(options, backbone, rows=len(train_rows), kind="words", classes=len(labels))
        model = kerasft.heads.token_classifier(backbone, labels, dropout=options.dropout)
        restore_head(model, options)
        limit_trainable(options, model)
        data = {"labels": labels, "label_subwords": options.label_subwords}
        data |= {"max_length": options.max_length, "stride": options.stride}
        batch_size = kerasft.data.Batching(tokens=options.token_budget) if options.token_budget else options.batch_size
        train = kerasft.data.token_classification(
            train_rows, tokenizer, batch_size=batch_size, shuffle=True, seed=options.seed, **data
        )
        dev = kerasft.data.token_classification(dev_rows, tokenizer, batch_size=64, **data)
        scheme = options.class_weights
        alpha = scheme and kerasft.losses.class_weights(train, len(labels), scheme=scheme)  # from tokens in the loss
        model.compile(
            optimizer=make_optimizer(options, steps_per_epoch=len(train)),
            loss=kerasft.losses.for_labels(
                labels, focal_gamma=options.focal_gamma, alpha=alpha, label_smoothing=options.label_smoothing
            ),
            jit_compile=False,  # XLA would recompile the step for every batch length
        )

    # 3. Train. After each epoch, the pipeline is evaluated on dev at entity level.
    settings = tagging_settings(options) | {"columns": found}
    trained = kerasft.make_bundle(model, tokenizer, max_length=options.max_length, settings=settings)
    pipeline = kerasft.pipelines.load(trained)
    evaluation = kerasft.callbacks.Evaluation(lambda: pipeline.evaluate(dev_rows).metrics)
    watch = make_callbacks(options, work, monitor="val_entity_f1", metrics=SCORES, evaluation=evaluation)
    model.fit(train, validation_data=dev, epochs=options.epochs, callbacks=watch, shuffle=False, verbose=progress())
    keep_weights(options, model, work)

    # 4. Report and save.
    about = {"model": options.model, "data": options.test or options.dev or f"{split} part of {options.train}"}

    def measure():
        return pipeline.evaluate(rows, about=about)

    result = finish(options, trained, measure=measure, split=split, history=model.history.history)
    return result
