"""Extractive question answering (SQuAD 1.1 and 2.0).

    kerasft train question-answering --model MODEL --train train.json --dev dev.json --output saved_models/answers

Devlin et al. 2019 (arXiv:1810.04805, section 4.2): windows of 384 tokens, 3 epochs, learning rate 5e-5. The script is meant
to be copied: below `Options` it is plain Keras.
"""

import dataclasses
import random

import kerasft
from kerasft.recipes.defaults import choose_training
from kerasft.recipes.options import TrainingOptions, option
from kerasft.recipes.reading import SplitRows, read_split
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
from kerasft.recipes.weights import limit_trainable, restore_head

METRICS = ("f1", "exact_match", "best_f1", "best_exact_match")  # the last two if some questions are unanswerable


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(TrainingOptions):
    """Options of the recipe, in addition to those of `TrainingOptions`.

    Example:

    >>> Options(model="bert-base-uncased", train="train.json").max_length
    384
    """

    output: str = option("output folder of the bundle", default="saved_models/question_answering")
    max_length: int = option("window length in tokens: the question and a part of the context", default=384, least=8)
    stride: int | None = option(
        "overlap of consecutive windows in context tokens (default: 128, or a third of --max-length if smaller)",
        least=0,
    )
    max_answer_length: int = option("maximum answer length in tokens", default=30, least=1)
    windows_without_answer: str = option(
        "windows of an answerable question that do not contain its answer",
        default="keep",
        choices=("keep", "drop"),
    )
    misaligned: str = option(
        "answers whose offset does not match the context: raise an error, or search for the nearest occurrence",
        default="error",
        choices=("error", "search"),
    )
    dropout: float = option("dropout before the output layer", default=0.0, least=0, below=1)


def main(options: Options) -> dict:
    """Train, tune the no-answer threshold on dev if it has unanswerable questions, save the bundle, write the report.

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
    >>> row = '{{"question": "what {0}?", "context": "a good {0}", "answers": [{{"text": "good", "answer_start": 2}}]}}\\n'
    >>> _ = pathlib.Path("questions.jsonl").write_text("".join(row.format(word) for word in ["film", "card", "money"] * 4))
    >>> data = {"train": "questions.jsonl", "output": "answers"}
    >>> result = main(Options(model=checkpoint, epochs=1, max_length=24, **data))
    1/1 - ...
    >>> result["bundle"].name, result["split"], sorted(result["metrics"])
    ('answers', 'dev', ['exact_match', 'f1'])
    """
    work = prepare(options)  # folder for logs, checkpoints and report, next to the bundle

    # 1. Questions. Without a dev file, whole articles are held out.
    questions = read_questions(options)
    has_unanswerable = not all(question.answers for question in questions.train)

    # 2. Backbone + head, datasets of windows, loss and optimizer.
    with kerasft.get_strategy(options.strategy).scope():
        backbone, tokenizer = kerasft.load_pretrained(options.model)
        options = choose_training(options, backbone, rows=len(questions.train), kind="questions")
        model = kerasft.heads.question_answering(backbone, dropout=options.dropout)
        restore_head(model, options)
        limit_trainable(options, model)
        data = {"max_length": options.max_length, "stride": options.stride}
        shuffled = {"shuffle": True, "seed": options.seed, "windows_without_answer": options.windows_without_answer}
        train = kerasft.data.question_answering(
            questions.train, tokenizer, batch_size=batching(options), **shuffled, **data
        )
        dev = kerasft.data.question_answering(questions.dev, tokenizer, batch_size=32, **data)
        model.compile(
            optimizer=make_optimizer(options, steps_per_epoch=len(train)),
            loss=kerasft.losses.SpanCrossentropy(),
            jit_compile=False,  # XLA would recompile the step for every batch length
        )

    # 3. Train; the official F1 on dev selects the best epoch. `shuffle=False` because the dataset shuffles itself.
    settings = {"stride": options.stride, "max_answer_length": options.max_answer_length}
    trained = kerasft.make_bundle(model, tokenizer, max_length=options.max_length, pair=True, settings=settings)
    pipeline = kerasft.pipelines.load(trained)
    callbacks = make_callbacks(
        options,
        work,
        monitor="val_best_f1" if not all(question.answers for question in questions.dev) else "val_f1",
        metrics=METRICS,
        evaluation=kerasft.callbacks.Evaluation(lambda: pipeline.evaluate(questions.dev).metrics),
    )
    model.fit(train, validation_data=dev, epochs=options.epochs, callbacks=callbacks, shuffle=False, verbose=progress())
    keep_weights(options, model, work)

    # 4. Tune the no-answer threshold, report and save.
    def measure(about):
        if has_unanswerable:
            pipeline.no_answer_threshold = pipeline.best_thresholds(questions.dev)["best_f1_threshold"]
            trained.settings["no_answer_threshold"] = pipeline.no_answer_threshold
        return pipeline.evaluate(questions.reported, about=about)

    return report_and_save(options, trained, measure=measure, split=questions.split, history=model.history.history)


@skips_invalid
def read_questions(options: Options) -> SplitRows:
    """Read the train and dev questions, and the questions of the split to report."""
    questions = read_split(
        options,
        lambda path, trained=None: (kerasft.data.read_squad(path, misaligned=options.misaligned), None),
        hold_out=lambda train: kerasft.data.split_questions(train, dev=options.dev_fraction, seed=options.seed),
    )
    if options.max_train_rows is not None and options.max_train_rows < len(questions.train):
        sampled = random.Random(options.seed).sample(questions.train, options.max_train_rows)
        questions = questions._replace(train=sampled)
    return questions
