"""Fine-tune a tagger of words (named entities, slots, parts of speech) on CoNLL columns or character spans, end to end.

    kerasft train token-classification --model MODEL --train train.conll --dev dev.conll --output saved_models/entities

What counts is the F1 of whole entities, as seqeval counts them (docs/token_classification.md).
The script is meant to be copied: below `Options` stands plain Keras.
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
    """Every choice of the recipe: these, and those of `TaggingOptions` and `TrainingOptions`.

    Example:

    >>> Options(model="bert-base-cased", train="train.conll").label_subwords
    'first'
    """

    output: str = option("folder of the bundle to write", default="saved_models/token_classification")
    label_subwords: str = option(
        "tokens of a word that are trained to answer its tag", default="first", choices=("first", "all")
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
    >>> _ = pathlib.Path("train.conll").write_text("good O\\nfilm B-WORK\\n\\nbad O\\nfilm B-WORK\\n\\n" * 10)
    >>> train = "train.conll"
    >>> result = main(Options(model=checkpoint, train=train, output="films", epochs=1, max_length=16))
    2/2 - ...
    >>> list(result["metrics"])
    ['entity_f1', 'entity_precision', 'entity_recall', 'token_accuracy']
    """
    work = prepare(options)  # the folder of logs, checkpoints and report, beside the bundle's

    # 1. Rows and labels. What the outputs stand for is decided by the training rows alone.
    train_rows, dev_rows, (split, rows), labels, found = read_tagged_rows(options)  # `rows` are what is reported

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
        alpha = scheme and kerasft.losses.class_weights(train, len(labels), scheme=scheme)  # by the tokens that count
        model.compile(
            optimizer=make_optimizer(options, steps_per_epoch=len(train)),
            loss=kerasft.losses.for_labels(
                labels, focal_gamma=options.focal_gamma, alpha=alpha, label_smoothing=options.label_smoothing
            ),
            jit_compile=False,  # XLA would compile the step anew for every length of a batch
        )

    # 3. Train. After each epoch the pipeline itself is measured on dev, entity by entity.
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
