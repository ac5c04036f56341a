"""Joint intent classification and slot filling, for example for customer service.

    kerasft train intent-and-slots --model MODEL --train snips/train --dev snips/dev --output saved_models/assistant

Data: FILE.seq.in, FILE.seq.out and FILE.label, or JSON lines with text, spans and intent (docs/token_classification.md).
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
    with_baseline,
)
from kerasft.recipes.weights import limit_trainable, restore_head

SCORES = ("intent_accuracy", "slot_f1", "joint_accuracy", "slot_precision", "slot_recall", "token_accuracy")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(TaggingOptions):
    """Options of the recipe, in addition to those of `TaggingOptions` and `TrainingOptions`.

    Example:

    >>> Options(model="bert-base-uncased", train="snips/train").slot_weight
    1.0
    """

    output: str = option("output folder of the bundle", default="saved_models/intent_and_slots")
    slot_weight: float = option("weight of the slot loss, relative to the intent loss", default=1.0, above=0)


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
    >>> lines = {"seq.in": "pay my card\\nlost\\n", "seq.out": "O O B-card\\nO\\n", "label": "pay\\nlost\\n"}
    >>> for name, text in lines.items():
    ...     _ = pathlib.Path(f"bank.{name}").write_text(text * 10)
    >>> train = "bank"
    >>> result = main(Options(model=checkpoint, train=train, output="assistant", epochs=1, max_length=16))
    2/2 - ...
    >>> list(result["metrics"])[:3]
    ['intent_accuracy', 'slot_f1', 'joint_accuracy']
    """
    work = prepare(options)  # folder for logs, checkpoints and report, next to the bundle

    # 1. Rows, intents and slots. The training rows define the labels of the outputs.
    rows = read_tagged_rows(options)
    intents = kerasft.data.collect_intents(rows.train)
    slots = rows.labels

    # 2. Backbone + head, datasets, losses and optimizer.
    with kerasft.get_strategy(options.strategy).scope():
        backbone, tokenizer = kerasft.load_pretrained(options.model)
        options = choose_training(
            options, backbone, rows=len(rows.train), kind="words", classes=len(intents) + len(slots)
        )
        model = kerasft.heads.intent_and_slots(backbone, intents, slots, dropout=options.dropout)
        restore_head(model, options)
        limit_trainable(options, model, backbone)
        data = {"intents": intents, "labels": slots, "max_length": options.max_length, "stride": options.stride}
        train = kerasft.data.intent_and_slots(
            rows.train, tokenizer, batch_size=batching(options), shuffle=True, seed=options.seed, **data
        )
        dev = kerasft.data.intent_and_slots(rows.dev, tokenizer, batch_size=64, **data)
        model.compile(
            optimizer=make_optimizer(options, steps_per_epoch=len(train)),
            loss=make_losses(options, train, {"intent_logits": intents, "slot_logits": slots}),
            loss_weights={"intent_logits": 1.0, "slot_logits": options.slot_weight},
            jit_compile=False,  # XLA would recompile the step for every batch length
        )

    # 3. Train. After each epoch, the pipeline is evaluated on dev.
    settings = tagging_settings(options) | {"columns": rows.columns}
    trained = kerasft.make_bundle(model, tokenizer, max_length=options.max_length, settings=settings)
    pipeline = kerasft.pipelines.load(trained)
    evaluation = kerasft.callbacks.Evaluation(lambda: pipeline.evaluate(rows.dev).metrics)
    callbacks = make_callbacks(options, work, monitor="val_joint_accuracy", metrics=SCORES, evaluation=evaluation)
    model.fit(train, validation_data=dev, epochs=options.epochs, callbacks=callbacks, shuffle=False, verbose=progress())
    keep_weights(options, model, work)

    # 4. Report and save.
    return report_and_save(
        options,
        trained,
        measure=lambda about: with_baseline(trained, rows.train).evaluate(rows.reported, about=about),
        split=rows.split,
        history=model.history.history,
    )


def make_losses(options: Options, train, outputs: dict) -> dict:
    """Return a loss per output, with class weights from the texts and words that contribute to the loss.

    Example:

    >>> options = Options(model="bert-base-uncased", train="snips/train", focal_gamma=2.0)
    >>> make_losses(options, None, {"slot_logits": kerasft.Labels(["O", "B-artist"])})["slot_logits"].gamma
    2.0
    """
    losses = {}
    for name, labels in outputs.items():
        only = train and train.map(lambda features, y, weights, name=name: (y[name], y[name], weights[name]))
        losses[name] = make_loss(options, labels, only)
    return losses
