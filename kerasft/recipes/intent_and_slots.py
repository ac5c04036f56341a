"""Fine-tune a model that answers an utterance with its intent and the slots in it (customer service), end to end.

    kerasft train intent-and-slots --model MODEL --train snips/train --dev snips/dev --output saved_models/assistant

The files: FILE.seq.in, FILE.seq.out and FILE.label, or JSON lines with text, spans and intent (docs/token_classification.md).
The script is meant to be copied: below `Options` stands plain Keras.
"""

import dataclasses

import kerasft
from kerasft.recipes.defaults import choose_training
from kerasft.recipes.options import option
from kerasft.recipes.tagging import TaggingOptions, read_tagged_rows, tagging_settings
from kerasft.recipes.training import finish, keep_weights, make_callbacks, make_optimizer, prepare, progress
from kerasft.recipes.weights import limit_trainable, restore_head

SCORES = ("intent_accuracy", "slot_f1", "joint_accuracy", "slot_precision", "slot_recall", "token_accuracy")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(TaggingOptions):
    """Every choice of the recipe: these, and those of `TaggingOptions` and `TrainingOptions`.

    Example:

    >>> Options(model="bert-base-uncased", train="snips/train").slot_weight
    1.0
    """

    output: str = option("folder of the bundle to write", default="saved_models/intent_and_slots")
    slot_weight: float = option("weight of the slots' loss beside the intent's, which is 1", default=1.0, above=0)


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
    >>> lines = {"seq.in": "pay my card\\nlost\\n", "seq.out": "O O B-card\\nO\\n", "label": "pay\\nlost\\n"}
    >>> for name, text in lines.items():
    ...     _ = pathlib.Path(f"bank.{name}").write_text(text * 10)
    >>> train = "bank"
    >>> result = main(Options(model=checkpoint, train=train, output="assistant", epochs=1, max_length=16))
    2/2 - ...
    >>> list(result["metrics"])[:3]
    ['intent_accuracy', 'slot_f1', 'joint_accuracy']
    """
    work = prepare(options)  # the folder of logs, checkpoints and report, beside the bundle's

    # 1. Rows, intents and slots. What the outputs stand for is decided by the training rows alone.
    train_rows, dev_rows, (split, rows), slots, found = read_tagged_rows(options)  # `rows` are what is reported
    intents = kerasft.data.collect_intents(train_rows)

    # 2. Backbone + head, datasets, losses and optimizer.
    with kerasft.get_strategy(options.strategy).scope():
        backbone, tokenizer = kerasft.load_pretrained(options.model)
        options = choose_training(
            options, backbone, rows=len(train_rows), kind="words", classes=len(intents) + len(slots)
        )
        model = kerasft.heads.intent_and_slots(backbone, intents, slots, dropout=options.dropout)
        restore_head(model, options)
        limit_trainable(options, model, backbone)
        data = {"intents": intents, "labels": slots, "max_length": options.max_length, "stride": options.stride}
        batch_size = kerasft.data.Batching(tokens=options.token_budget) if options.token_budget else options.batch_size
        train = kerasft.data.intent_and_slots(
            train_rows, tokenizer, batch_size=batch_size, shuffle=True, seed=options.seed, **data
        )
        dev = kerasft.data.intent_and_slots(dev_rows, tokenizer, batch_size=64, **data)
        model.compile(
            optimizer=make_optimizer(options, steps_per_epoch=len(train)),
            loss=make_losses(options, train, {"intent_logits": intents, "slot_logits": slots}),
            loss_weights={"intent_logits": 1.0, "slot_logits": options.slot_weight},
            jit_compile=False,  # XLA would compile the step anew for every length of a batch
        )

    # 3. Train. After each epoch the pipeline itself is measured on dev.
    settings = tagging_settings(options) | {"columns": found}
    trained = kerasft.make_bundle(model, tokenizer, max_length=options.max_length, settings=settings)
    pipeline = kerasft.pipelines.load(trained)
    evaluation = kerasft.callbacks.Evaluation(lambda: pipeline.evaluate(dev_rows).metrics)
    watch = make_callbacks(options, work, monitor="val_joint_accuracy", metrics=SCORES, evaluation=evaluation)
    model.fit(train, validation_data=dev, epochs=options.epochs, callbacks=watch, shuffle=False, verbose=progress())
    keep_weights(options, model, work)

    # 4. Report and save.
    about = {"model": options.model, "data": options.test or options.dev or f"{split} part of {options.train}"}

    def measure():
        pipeline.baseline = pipeline.training_baseline(train_rows)  # the answer without a model, to compare with
        trained.settings["baseline"] = pipeline.baseline
        return pipeline.evaluate(rows, about=about)

    result = finish(options, trained, measure=measure, split=split, history=model.history.history)
    return result


def make_losses(options: Options, train, outputs: dict) -> dict:
    """A loss for each output, with class weights counted by the texts and words that count.

    Example:

    >>> options = Options(model="bert-base-uncased", train="snips/train", focal_gamma=2.0)
    >>> make_losses(options, None, {"slot_logits": kerasft.Labels(["O", "B-artist"])})["slot_logits"].gamma
    2.0
    """
    losses = {}
    for name, labels in outputs.items():
        alpha = None
        if options.class_weights:
            only = train.map(lambda features, y, weights, name=name: (y[name], y[name], weights[name]))
            alpha = kerasft.losses.class_weights(only, len(labels), scheme=options.class_weights)
        losses[name] = kerasft.losses.for_labels(
            labels, focal_gamma=options.focal_gamma, alpha=alpha, label_smoothing=options.label_smoothing
        )
    return losses
