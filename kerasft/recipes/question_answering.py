"""Fine-tune a model that answers questions by a part of a text (SQuAD 1.1 and 2.0), end to end.

    kerasft train question-answering --model MODEL --train train.json --dev dev.json --output saved_models/answers

Devlin et al. 2019 (arXiv:1810.04805, section 4.2): windows of 384 tokens, 3 epochs at a peak rate of 5e-5. The script is meant
to be copied: below `Options` stands plain Keras.
"""

import dataclasses
import random

import kerasft
from kerasft.recipes.defaults import choose_training
from kerasft.recipes.options import TrainingOptions, option
from kerasft.recipes.skipping import skips_invalid
from kerasft.recipes.training import finish, keep_weights, make_callbacks, make_optimizer, prepare, progress
from kerasft.recipes.weights import limit_trainable, restore_head

METRICS = ("f1", "exact_match", "best_f1", "best_exact_match")  # the last two where some questions have no answer


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(TrainingOptions):
    """Every choice of the recipe: these, and those of `TrainingOptions`.

    Example:

    >>> Options(model="bert-base-uncased", train="train.json").max_length
    384
    """

    output: str = option("folder of the bundle to write", default="saved_models/question_answering")
    max_length: int = option("tokens of a window: the question and a part of the text", default=384, least=8)
    stride: int | None = option(
        "tokens of the text that neighbouring windows share; default 128, or a third of --max-length if less", least=0
    )
    max_answer_length: int = option("most tokens of an answer", default=30, least=1)
    windows_without_answer: str = option(
        "windows of an answerable question that do not hold its answer", default="keep", choices=("keep", "drop")
    )
    misaligned: str = option(
        "an answer that is not where the data says: stop, or search the nearest place of it",
        default="error",
        choices=("error", "search"),
    )
    dropout: float = option("dropout before the output layer", default=0.0, least=0, below=1)


def main(options: Options) -> dict:
    """Train, find the threshold of "no answer" on dev where there are such questions, save the bundle, report.

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
    >>> row = '{{"question": "what {0}?", "context": "a good {0}", "answers": [{{"text": "good", "answer_start": 2}}]}}\\n'
    >>> _ = pathlib.Path("questions.jsonl").write_text("".join(row.format(word) for word in ["film", "card", "money"] * 4))
    >>> data = {"train": "questions.jsonl", "output": "answers"}
    >>> result = main(Options(model=checkpoint, epochs=1, max_length=24, **data))
    1/1 - ...
    >>> result["bundle"].name, result["split"], sorted(result["metrics"])
    ('answers', 'dev', ['exact_match', 'f1'])
    """
    work = prepare(options)  # the folder of logs, checkpoints and report, beside the bundle's

    # 1. Questions. Without a dev file whole articles are held out.
    train_questions, dev_questions, (split, questions) = read_questions(options)  # `questions` are what is reported
    some_impossible = not all(question.answers for question in train_questions)

    # 2. Backbone + head, datasets of windows, loss and optimizer.
    with kerasft.get_strategy(options.strategy).scope():
        backbone, tokenizer = kerasft.load_pretrained(options.model)
        options = choose_training(options, backbone, rows=len(train_questions), kind="questions")
        model = kerasft.heads.question_answering(backbone, dropout=options.dropout)
        restore_head(model, options)
        limit_trainable(options, model)
        data = {"max_length": options.max_length, "stride": options.stride}
        batch_size = kerasft.data.Batching(tokens=options.token_budget) if options.token_budget else options.batch_size
        shuffled = {"shuffle": True, "seed": options.seed, "windows_without_answer": options.windows_without_answer}
        train = kerasft.data.question_answering(train_questions, tokenizer, batch_size=batch_size, **shuffled, **data)
        dev = kerasft.data.question_answering(dev_questions, tokenizer, batch_size=32, **data)
        model.compile(
            optimizer=make_optimizer(options, steps_per_epoch=len(train)),
            loss=kerasft.losses.SpanCrossentropy(),
            jit_compile=False,  # XLA would compile the step anew for every length of a batch
        )

    # 3. Train; the epoch is chosen by the official F1 on dev. `shuffle=False` because the dataset shuffles itself.
    settings = {"stride": options.stride, "max_answer_length": options.max_answer_length}
    trained = kerasft.make_bundle(model, tokenizer, max_length=options.max_length, pair=True, settings=settings)
    ask = kerasft.pipelines.load(trained)
    watch = make_callbacks(
        options,
        work,
        monitor="val_best_f1" if not all(question.answers for question in dev_questions) else "val_f1",
        metrics=METRICS,
        evaluation=kerasft.callbacks.Evaluation(lambda: ask.evaluate(dev_questions).metrics),
    )
    model.fit(train, validation_data=dev, epochs=options.epochs, callbacks=watch, shuffle=False, verbose=progress())
    keep_weights(options, model, work)

    # 4. The threshold of "no answer", report and save.
    about = {"model": options.model, "data": options.test or options.dev or f"{split} part of {options.train}"}

    def measure():
        if some_impossible:
            ask.no_answer_threshold = ask.best_thresholds(dev_questions)["best_f1_threshold"]
            trained.settings["no_answer_threshold"] = ask.no_answer_threshold
        return ask.evaluate(questions, about=about)

    result = finish(options, trained, measure=measure, split=split, history=model.history.history)
    return result


@skips_invalid
def read_questions(options: Options) -> tuple:
    """Read the questions of train and dev, and the split to report with its questions."""
    train = kerasft.data.read_squad(options.train, misaligned=options.misaligned)
    dev = options.dev and kerasft.data.read_squad(options.dev, misaligned=options.misaligned)
    test = options.test and kerasft.data.read_squad(options.test, misaligned=options.misaligned)
    if dev is None:
        train, dev = kerasft.data.split_questions(train, dev=options.dev_fraction, seed=options.seed)
    if options.max_train_rows is not None and options.max_train_rows < len(train):
        train = random.Random(options.seed).sample(train, options.max_train_rows)
    return train, dev, ("dev", dev) if test is None else ("test", test)
