"""Causal language modeling: fine-tune or train a GPT-2 on texts, or on prompts with completions.

    kerasft train causal-lm --model MODEL --train texts.txt --output saved_models/writer

Without a pretrained model, `kerasft.checkpoints.new_gpt2(folder, "texts.txt")` creates one with its own vocabulary; then
use `--learning-rate 1e-3`. Expect the validation perplexity to decrease every epoch until the model starts to overfit
(results: docs/causal_lm.md). The script is meant to be copied: below `Options` it is plain Keras.
"""

import dataclasses
import random

import kerasft
from kerasft.recipes.defaults import choose_training
from kerasft.recipes.options import TEXT_HELP, TrainingOptions, option
from kerasft.recipes.reading import SplitRows, read_columns, read_split, settle
from kerasft.recipes.skipping import skips_invalid
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(TrainingOptions):
    """Options of the recipe, in addition to those of `TrainingOptions`.

    Example:

    >>> Options(model="gpt2", train="texts.txt").block_size
    256
    """

    train: str = option(
        "training file: .txt, or .csv .tsv .jsonl ... with texts, or with prompts and completions", required=True
    )
    output: str = option("output folder of the bundle", default="saved_models/causal_lm")
    documents: str = option(
        "unit that is one document in a .txt file", default="file", choices=("file", "paragraph", "line")
    )
    text: str | None = option(TEXT_HELP)
    prompt: str | None = option("column of the prompt (default: prompt, if the column exists)")
    completion: str | None = option("column of the completion; the loss is computed on completions only")
    block_size: int = option("block length in tokens; documents are packed into blocks", default=256, least=2)
    batch_size: int | None = option("blocks per batch, over all devices (default: 8)", least=1)
    max_new_tokens: int | None = option(
        "maximum number of generated tokens (default: the checkpoint's, or 128)", least=1
    )


def main(options: Options) -> dict:
    """Train, save the bundle, write the report.

    Args:
        options: See `Options`.

    Returns:
        `metrics` (the report's metrics, and the perplexity before training), `split` ("dev" or "test", the split of these
        metrics), `best_epoch_chosen_on` ("dev" or None), and the paths `bundle`, `report` and `logs`.

    Raises:
        KerasftError: For invalid options or data.

    Example:

    >>> import pathlib
    >>> texts = pathlib.Path("plays.txt")
    >>> _ = texts.write_text("Where is my parcel?\\nIt is lost.\\n" * 40)
    >>> gpt2 = kerasft.checkpoints.new_gpt2("g", texts, vocabulary_size=270, num_layers=1, hidden_dim=64)
    >>> result = main(Options(model=str(gpt2), train=str(texts), output="writer", epochs=1, block_size=32))
    3/3 - ...
    >>> result["bundle"].name, sorted(result["metrics"])
    ('writer', ['loss', 'num_tokens', 'perplexity', 'perplexity_before'])
    """
    work = prepare(options)  # folder for logs, checkpoints and report, next to the bundle

    # 1. Texts.
    texts = read_texts(options)

    # 2. Model, datasets, loss and optimizer.
    with kerasft.get_strategy(options.strategy).scope():
        model, tokenizer = load_with_head(options, kerasft.heads.causal_lm)
        limit_trainable(options, model)
        options = choose_training(options, model, rows=len(texts.train), kind="causal_lm")
        data = {"block_size": options.block_size, "batch_size": batching(options)}
        train = kerasft.data.causal_lm(texts.train, tokenizer, shuffle=True, seed=options.seed, **data)
        dev = kerasft.data.causal_lm(texts.dev, tokenizer, **data)
        metrics = [kerasft.metrics.Perplexity()]
        model.compile(
            optimizer=make_optimizer(options, steps_per_epoch=len(train)),
            loss=kerasft.losses.SparseCategoricalCrossentropy(),
            weighted_metrics=metrics,
            jit_compile=False,  # XLA would recompile the step for every batch length
        )

    # 3. Evaluate, train, evaluate again.
    generation = {"max_new_tokens": 128, **model.bundle_settings.get("generation", {})}
    if options.max_new_tokens is not None:
        generation["max_new_tokens"] = options.max_new_tokens
    if generation.get("min_new_tokens", 0) > generation["max_new_tokens"]:  # a default of a checkpoint for longer texts
        del generation["min_new_tokens"]
    settings = {"documents": options.documents, "generation": generation, "columns": texts.columns}
    trained = kerasft.make_bundle(model, tokenizer, max_length=options.block_size, settings=settings)
    before = kerasft.pipelines.load(trained).evaluate(texts.reported, num_samples=0).metrics["perplexity"]
    callbacks = make_callbacks(options, work, monitor="val_perplexity", metrics=metrics)
    model.fit(train, validation_data=dev, epochs=options.epochs, callbacks=callbacks, shuffle=False, verbose=progress())
    keep_weights(options, model, work)

    # 4. Report and save.

    def measure(about):
        report = kerasft.pipelines.load(trained).evaluate(texts.reported, about=about)
        report.metrics["perplexity_before"] = before
        return report

    return report_and_save(options, trained, measure=measure, split=texts.split, history=model.history.history)


@skips_invalid
def read_texts(options: Options) -> SplitRows:
    """Read the train and dev texts, the split to report with its texts, and the columns."""
    columns = read_columns(options, "text", "prompt", "completion")

    def read(path: str, trained: dict | None = None) -> tuple:
        settled = settle(path, columns, task=kerasft.tasks.CAUSAL_LM.name, trained=trained)
        texts = kerasft.data.read_documents(settled.source, documents=options.documents, columns=settled.named)
        return texts, settled.columns

    texts = read_split(
        options, read, hold_out=lambda train: kerasft.data.hold_out(train, options.dev_fraction, seed=options.seed)
    )
    if options.max_train_rows is not None and options.max_train_rows < len(texts.train):
        sampled = random.Random(options.seed).sample(range(len(texts.train)), options.max_train_rows)
        texts = texts._replace(train=[texts.train[row] for row in sorted(sampled)])
    return texts
