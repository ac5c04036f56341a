"""Fine-tune a GPT-2 on texts, or on prompts with completions, or train a new one, end to end.

    kerasft train causal-lm --model MODEL --train texts.txt --output saved_models/writer

Without a pretrained model, `kerasft.checkpoints.new_gpt2(folder, "texts.txt")` makes one with a vocabulary of its own; then
give `--learning-rate 1e-3`. Expect the perplexity on held-out text to fall every epoch until the model begins to learn the
train text by heart (docs/causal_lm.md has numbers). The script is meant to be copied: below `Options` stands plain Keras.
"""

import dataclasses
import random

import kerasft
from kerasft.recipes.defaults import choose_training
from kerasft.recipes.options import TEXT_HELP, TrainingOptions, column, option
from kerasft.recipes.skipping import skips_invalid
from kerasft.recipes.training import finish, keep_weights, make_callbacks, make_optimizer, prepare, progress, settle
from kerasft.recipes.weights import limit_trainable, load_with_head


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(TrainingOptions):
    """Every choice of the recipe: these, and those of `TrainingOptions`.

    Example:

    >>> Options(model="gpt2", train="texts.txt").block_size
    256
    """

    train: str = option("texts: .txt, or .csv .tsv .jsonl ... with texts, or prompts and completions", required=True)
    output: str = option("folder of the bundle to write", default="saved_models/causal_lm")
    documents: str = option("what a document of a .txt file is", default="file", choices=("file", "paragraph", "line"))
    text: str | None = option(TEXT_HELP)
    prompt: str | None = option("column of the prompt (default: prompt, if there is such a column)")
    completion: str | None = option("column of the completion, on which alone the loss is")
    block_size: int = option("tokens of a block; documents are packed into blocks", default=256, least=2)
    batch_size: int | None = option("blocks a step, over all devices together; default: 8", least=1)
    max_new_tokens: int | None = option("default length limit of the bundle's texts; the checkpoint's, or 128", least=1)


def main(options: Options) -> dict:
    """Train, save the bundle, report.

    Args:
        options: The choices; see `Options`.

    Returns:
        `metrics` (the report's numbers, and the perplexity before the training), `split` ("dev" or "test", what they were
        measured on), `best_epoch_chosen_on` ("dev" or None), and the paths `bundle`, `report` and `logs`.

    Raises:
        KerasftError: For anything in the options or the data that the user can mend.

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
    work = prepare(options)  # the folder of logs, checkpoints and report, beside the bundle's

    # 1. Texts.
    train_texts, dev_texts, (split, texts), found = read_texts(options)  # `texts` are what is reported

    # 2. Model, datasets, loss and optimizer.
    with kerasft.get_strategy(options.strategy).scope():
        model, tokenizer = load_with_head(options, kerasft.heads.causal_lm)
        limit_trainable(options, model)
        options = choose_training(options, model, rows=len(train_texts), kind="causal_lm")
        batch_size = kerasft.data.Batching(tokens=options.token_budget) if options.token_budget else options.batch_size
        data = {"block_size": options.block_size, "batch_size": batch_size}
        train = kerasft.data.causal_lm(train_texts, tokenizer, shuffle=True, seed=options.seed, **data)
        dev = kerasft.data.causal_lm(dev_texts, tokenizer, **data)
        metrics = [kerasft.metrics.Perplexity()]
        model.compile(
            optimizer=make_optimizer(options, steps_per_epoch=len(train)),
            loss=kerasft.losses.SparseCategoricalCrossentropy(),
            weighted_metrics=metrics,
            jit_compile=False,  # XLA would compile the step anew for every length of a batch
        )

    # 3. Measure, train, measure again.
    generation = {"max_new_tokens": 128, **model.bundle_settings.get("generation", {})}
    if options.max_new_tokens is not None:
        generation["max_new_tokens"] = options.max_new_tokens
    if generation.get("min_new_tokens", 0) > generation["max_new_tokens"]:  # of a checkpoint for longer texts
        del generation["min_new_tokens"]
    settings = {"documents": options.documents, "generation": generation}
    settings["columns"] = found
    trained = kerasft.make_bundle(model, tokenizer, max_length=options.block_size, settings=settings)
    before = kerasft.pipelines.load(trained).evaluate(texts, num_samples=0).metrics["perplexity"]
    watch = make_callbacks(options, work, monitor="val_perplexity", metrics=metrics)
    model.fit(train, validation_data=dev, epochs=options.epochs, callbacks=watch, shuffle=False, verbose=progress())
    keep_weights(options, model, work)

    # 4. Report and save.
    about = {"model": options.model, "data": options.test or options.dev or f"{split} part of {options.train}"}

    def measure():
        report = kerasft.pipelines.load(trained).evaluate(texts, about=about)
        report.metrics["perplexity_before"] = before
        return report

    result = finish(options, trained, measure=measure, split=split, history=model.history.history)
    return result


@skips_invalid
def read_texts(options: Options) -> tuple:
    """Read the train and dev texts, the split to report with its texts, and the columns."""
    columns = {name: column(getattr(options, name)) for name in ("text", "prompt", "completion")}
    columns = {role: name for role, name in columns.items() if name is not None}

    def read(path: str, trained: dict | None = None) -> tuple:
        found = settle(path, columns, task=kerasft.tasks.CAUSAL_LM.name, trained=trained)
        texts = kerasft.data.read_documents(found.source, documents=options.documents, columns=found.named)
        return texts, found.columns

    train, found = read(options.train)
    dev = options.dev and read(options.dev, found)[0]
    test = options.test and read(options.test, found)[0]
    if dev is None:
        train, dev = kerasft.data.hold_out(train, options.dev_fraction, seed=options.seed)
    if options.max_train_rows is not None and options.max_train_rows < len(train):
        drawn = random.Random(options.seed).sample(range(len(train)), options.max_train_rows)
        train = [train[row] for row in sorted(drawn)]
    return train, dev, ("dev", dev) if test is None else ("test", test), found
