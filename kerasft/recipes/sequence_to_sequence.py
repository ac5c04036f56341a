"""Fine-tune a T5 that writes a text for a text (translation, summaries, anything else), end to end.

    kerasft train sequence-to-sequence --model t5-small --train train.tsv --source 0 --target 1 \
        --prefix "translate English to French: " --output saved_models/english_french
    kerasft train sequence-to-sequence --model t5-small --train train.jsonl --prefix "summarize: " \
        --metrics summarization --max-source-length 512 --output saved_models/summaries

The script is meant to be copied: below `Options` stands plain Keras.
"""

import dataclasses

import kerasft
from kerasft.recipes.defaults import choose_training
from kerasft.recipes.options import SMOOTHING_HELP, TrainingOptions, column, option
from kerasft.recipes.skipping import skips_invalid
from kerasft.recipes.training import finish, keep_weights, make_callbacks, make_optimizer, prepare, progress, settle
from kerasft.recipes.weights import limit_trainable, load_with_head

SCORES = {
    "translation": ("bleu", "chrf"),
    "summarization": ("rougeL", "rouge1", "rouge2", "rougeLsum"),
    "all": ("bleu", "chrf", "rouge1", "rouge2", "rougeL", "rougeLsum"),
}
"""What is measured on generated texts after each epoch; the first of each is what the best epoch is chosen by."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(TrainingOptions):
    """Every choice of the recipe: these, and those of `TrainingOptions`.

    Example:

    >>> Options(model="t5-small", train="train.tsv", prefix="summarize: ").max_source_length
    128
    """

    output: str = option("folder of the bundle to write", default="saved_models/sequence_to_sequence")
    source: str | None = option(
        "column of the source: a name, or a number from 0 where there is no header (-1: the last)"
    )
    target: str | None = option("column of the target; a list in it is several references")
    prefix: str = option('put before every source, such as "summarize: "', default="")
    references: str = option(
        "of several references train on the first, or on each", default="first", choices=("first", "all")
    )
    max_source_length: int = option("longest source in tokens; longer ones are cut, and counted", default=128, least=2)
    max_target_length: int = option("longest target in tokens; longer ones are cut, and counted", default=128, least=2)
    label_smoothing: float = option(SMOOTHING_HELP, default=0.0, least=0, below=1)
    metrics: str = option("what to measure on generated texts", default="translation", choices=tuple(SCORES))
    generate_rows: int = option(
        "dev rows for which texts are generated after each epoch, to choose the best; 0 for none", default=200, least=0
    )
    max_new_tokens: int | None = option("longest generated text in tokens; default --max-target-length", least=1)
    num_beams: int | None = option(
        "beams of the final evaluation, and the bundle's default; 1 is greedy; default: the checkpoint's", least=1
    )
    length_penalty: float = option("of the beam search; above 0, the larger the longer", default=1.0)


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
    >>> _ = pathlib.Path("train.tsv").write_text("source\\ttarget\\n" + "a good film\\tgood\\n" * 16)
    >>> t5 = kerasft.checkpoints.new_t5("t5", ["a good film"], vocabulary_size=40, num_layers=1, hidden_dim=64)
    >>> sizes = {"max_source_length": 16, "max_new_tokens": 4, "generate_rows": 0}
    >>> result = main(Options(model=str(t5), train="train.tsv", output="words", epochs=1, **sizes))
    1/1 - ...
    >>> result["bundle"].name, "bleu" in result["metrics"]
    ('words', True)
    """
    work = prepare(options)  # the folder of logs, checkpoints and report, beside the bundle's

    # 1. Rows.
    train_rows, dev_rows, (split, rows), found = read_rows(options)  # `rows` are what is reported

    # 2. Backbone + head, datasets, loss and optimizer.
    with kerasft.get_strategy(options.strategy).scope():
        model, tokenizer = load_with_head(options, kerasft.heads.sequence_to_sequence)
        limit_trainable(options, model)
        options = choose_training(options, model, rows=len(train_rows), kind="sequence_to_sequence")
        data = {name: getattr(options, name) for name in ("prefix", "max_source_length", "max_target_length")}
        batch_size = kerasft.data.Batching(tokens=options.token_budget) if options.token_budget else options.batch_size
        train = kerasft.data.sequence_to_sequence(
            train_rows, tokenizer, batch_size=batch_size, shuffle=True, seed=options.seed, **data
        )
        dev = kerasft.data.sequence_to_sequence(dev_rows, tokenizer, batch_size=batch_size, **data)
        model.compile(
            optimizer=make_optimizer(options, steps_per_epoch=len(train)),
            loss=kerasft.losses.SparseCategoricalCrossentropy(label_smoothing=options.label_smoothing),
            jit_compile=False,  # XLA would compile the step anew for every length of a batch
        )

    # 3. Train, writing texts for some dev rows after each epoch. `shuffle=False` because the dataset shuffles itself.
    generation = model.bundle_settings.get("generation", {})
    settings = make_settings(options, tokenizer, generation) | {"columns": found}
    greedy = settings | {"generation": {"max_new_tokens": settings["generation"]["max_new_tokens"]}}
    made = {"max_length": options.max_source_length, "settings": settings}
    write = kerasft.pipelines.load(kerasft.make_bundle(model, tokenizer, **{**made, "settings": greedy}))
    shown, scores = dev_rows.take(range(min(options.generate_rows, len(dev_rows)))), SCORES[options.metrics]
    evaluation = kerasft.callbacks.Evaluation(lambda: write.scores(shown)) if len(shown) else None
    monitor, names = (f"val_{scores[0]}", scores) if evaluation else ("val_loss", ())
    watch = make_callbacks(options, work, monitor=monitor, metrics=names, evaluation=evaluation)
    model.fit(train, validation_data=dev, epochs=options.epochs, callbacks=watch, shuffle=False, verbose=progress())
    keep_weights(options, model, work)

    # 4. Report and save.
    about = {"model": options.model, "data": options.test or options.dev or f"{split} part of {options.train}"}
    trained = kerasft.make_bundle(model, tokenizer, **made)

    def measure():
        return kerasft.pipelines.load(trained).evaluate(rows, about=about)

    result = finish(options, trained, measure=measure, split=split, history=model.history.history)
    return result


def make_settings(options: Options, tokenizer, generation: dict) -> dict:
    """What the bundle's pipeline needs to know: the prefix, how to write, and what to measure.

    Args:
        options: The choices; they stand over those of the checkpoint.
        tokenizer: The checkpoint's.
        generation: How the checkpoint says that texts are generated.
    """
    generation = dict(generation) if options.num_beams is None else {}
    longest = options.max_new_tokens or options.max_target_length
    generation["max_new_tokens"] = longest
    if generation.get("min_new_tokens", 0) > longest:  # of a checkpoint for longer texts
        del generation["min_new_tokens"]
    if (options.num_beams or 1) > 1:
        generation |= {"method": "beam", "num_beams": options.num_beams, "length_penalty": options.length_penalty}
    chosen = {name: getattr(options, name) for name in ("prefix", "metrics", "max_target_length")}
    return chosen | {"generation": generation, "start_token_id": tokenizer.pad_token_id or 0}


@skips_invalid
def read_rows(options: Options) -> tuple:
    """Read the train and dev rows, the split to report with its rows, and the columns."""
    columns = {"source": column(options.source), "target": column(options.target)}
    columns = {role: name for role, name in columns.items() if name is not None}
    found = settle(options.train, columns, task=kerasft.tasks.SEQUENCE_TO_SEQUENCE.name)
    like = {"task": kerasft.tasks.SEQUENCE_TO_SEQUENCE.name, "trained": found.columns}
    train = found.source
    dev, test = (file and settle(file, columns, **like).source for file in (options.dev, options.test))
    at_random = {"seed": options.seed, "problem": "regression"}
    if dev is None:
        train, dev, _ = kerasft.data.split(train, dev=options.dev_fraction, **at_random)
    if options.max_train_rows is not None:
        train = kerasft.data.sample(train, options.max_train_rows, **at_random)
    if options.references == "all":
        train = kerasft.data.each_reference(train)
    return train, dev, ("dev", dev) if test is None else ("test", test), found.columns
