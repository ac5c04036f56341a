"""Sequence-to-sequence with T5: translation, summarization and other text generation.

    kerasft train sequence-to-sequence --model t5-small --train train.tsv --source 0 --target 1 \
        --prefix "translate English to French: " --output saved_models/english_french
    kerasft train sequence-to-sequence --model t5-small --train train.jsonl --prefix "summarize: " \
        --metrics summarization --max-source-length 512 --output saved_models/summaries

The script is meant to be copied: below `Options` it is plain Keras.
"""

import dataclasses

import kerasft
from kerasft.recipes.defaults import choose_training
from kerasft.recipes.options import SMOOTHING_HELP, TrainingOptions, option
from kerasft.recipes.reading import read_source_target
from kerasft.recipes.training import (
    batching,
    keep_weights,
    make_callbacks,
    make_optimizer,
    prepare,
    progress,
    report_and_save,
)
from kerasft.recipes.weights import limit_trainable, load_with_head

SCORES = {
    "translation": ("bleu", "chrf"),
    "summarization": ("rougeL", "rouge1", "rouge2", "rougeLsum"),
    "all": ("bleu", "chrf", "rouge1", "rouge2", "rougeL", "rougeLsum"),
}
"""Metrics of the texts generated after each epoch; the first one selects the best epoch."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(TrainingOptions):
    """Options of the recipe, in addition to those of `TrainingOptions`.

    Example:

    >>> Options(model="t5-small", train="train.tsv", prefix="summarize: ").max_source_length
    128
    """

    output: str = option("output folder of the bundle", default="saved_models/sequence_to_sequence")
    source: str | None = option(
        "column of the source text: a name, or a 0-based index if there is no header (-1: last column)"
    )
    target: str | None = option("column of the target text; a list holds several references")
    prefix: str = option('prefix of every source text, such as "summarize: "', default="")
    references: str = option(
        "with several references, train on the first or on all", default="first", choices=("first", "all")
    )
    max_source_length: int = option("maximum source length in tokens; longer texts are truncated", default=128, least=2)
    max_target_length: int = option("maximum target length in tokens; longer texts are truncated", default=128, least=2)
    label_smoothing: float = option(SMOOTHING_HELP, default=0.0, least=0, below=1)
    metrics: str = option("metrics of the generated texts", default="translation", choices=tuple(SCORES))
    generate_rows: int = option(
        "validation rows to generate texts for after each epoch, to select the best epoch; 0: none",
        default=200,
        least=0,
    )
    max_new_tokens: int | None = option("maximum number of generated tokens (default: --max-target-length)", least=1)
    num_beams: int | None = option(
        "number of beams for the final evaluation and for the bundle; 1: greedy search (default: the checkpoint's)",
        least=1,
    )
    length_penalty: float = option("length penalty of beam search; larger values favor longer texts", default=1.0)


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
    >>> _ = pathlib.Path("train.tsv").write_text("source\\ttarget\\n" + "a good film\\tgood\\n" * 16)
    >>> t5 = kerasft.checkpoints.new_t5("t5", ["a good film"], vocabulary_size=40, num_layers=1, hidden_dim=64)
    >>> sizes = {"max_source_length": 16, "max_new_tokens": 4, "generate_rows": 0}
    >>> result = main(Options(model=str(t5), train="train.tsv", output="words", epochs=1, **sizes))
    1/1 - ...
    >>> result["bundle"].name, "bleu" in result["metrics"]
    ('words', True)
    """
    work = prepare(options)  # folder for logs, checkpoints and report, next to the bundle

    # 1. Rows.
    rows = read_source_target(options)

    # 2. Backbone + head, datasets, loss and optimizer.
    with kerasft.get_strategy(options.strategy).scope():
        model, tokenizer = load_with_head(options, kerasft.heads.sequence_to_sequence)
        limit_trainable(options, model)
        options = choose_training(options, model, rows=len(rows.train), kind="sequence_to_sequence")
        data = {name: getattr(options, name) for name in ("prefix", "max_source_length", "max_target_length")}
        train = kerasft.data.sequence_to_sequence(
            rows.train, tokenizer, batch_size=batching(options), shuffle=True, seed=options.seed, **data
        )
        dev = kerasft.data.sequence_to_sequence(rows.dev, tokenizer, batch_size=batching(options), **data)
        model.compile(
            optimizer=make_optimizer(options, steps_per_epoch=len(train)),
            loss=kerasft.losses.SparseCategoricalCrossentropy(label_smoothing=options.label_smoothing),
            jit_compile=False,  # XLA would recompile the step for every batch length
        )

    # 3. Train; generate texts for some dev rows after each epoch. `shuffle=False` because the dataset shuffles itself.
    settings = make_settings(options, model, tokenizer) | {"columns": rows.columns}
    greedy = settings | {"generation": {"max_new_tokens": settings["generation"]["max_new_tokens"]}}
    longest = options.max_source_length
    trained = kerasft.make_bundle(model, tokenizer, max_length=longest, settings=settings)
    greedy_pipeline = kerasft.pipelines.load(kerasft.make_bundle(model, tokenizer, max_length=longest, settings=greedy))
    generated_rows = rows.dev.take(range(min(options.generate_rows, len(rows.dev))))
    scores = SCORES[options.metrics]
    evaluation = (
        kerasft.callbacks.Evaluation(lambda: greedy_pipeline.scores(generated_rows)) if len(generated_rows) else None
    )
    monitor, names = (f"val_{scores[0]}", scores) if evaluation else ("val_loss", ())
    callbacks = make_callbacks(options, work, monitor=monitor, metrics=names, evaluation=evaluation)
    model.fit(train, validation_data=dev, epochs=options.epochs, callbacks=callbacks, shuffle=False, verbose=progress())
    keep_weights(options, model, work)

    # 4. Report and save.
    def measure(about):
        return kerasft.pipelines.load(trained).evaluate(rows.reported, about=about)

    return report_and_save(options, trained, measure=measure, split=rows.split, history=model.history.history)


def make_settings(options: Options, model, tokenizer) -> dict:
    """Return the pipeline's settings; options override the checkpoint's generation settings in `model.bundle_settings`."""
    generation = dict(model.bundle_settings.get("generation", {})) if options.num_beams is None else {}
    longest = options.max_new_tokens or options.max_target_length
    generation["max_new_tokens"] = longest
    if generation.get("min_new_tokens", 0) > longest:  # a default of a checkpoint for longer texts
        del generation["min_new_tokens"]
    if (options.num_beams or 1) > 1:
        generation |= {"method": "beam", "num_beams": options.num_beams, "length_penalty": options.length_penalty}
    chosen = {name: getattr(options, name) for name in ("prefix", "metrics", "max_target_length")}
    return chosen | {"generation": generation, "start_token_id": tokenizer.pad_token_id or 0}
