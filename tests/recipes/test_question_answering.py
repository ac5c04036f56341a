"""The recipe of question answering, end to end on a tiny checkpoint."""

import json

import pytest

import kerasft
from kerasft.errors import KerasftError
from kerasft.recipes.question_answering import Options, main, read_questions
from tests import tiny

WORDS = ["film", "card", "money", "movie", "an", "she"]


def write(path, impossible=False, size=24):
    """Questions whose answer is the word before the one asked for; every third has none where `impossible`."""
    paragraphs = []
    for i in range(size):
        word = WORDS[i % len(WORDS)]
        none = impossible and i % 3 == 0
        context = f"we love a {'bad' if i % 2 else 'good'} {'[' if none else word} and not the great one {i}"
        answer = {"text": "bad" if i % 2 else "good", "answer_start": context.index("bad" if i % 2 else "good")}
        entry = {"id": str(i), "question": f"what {word}?", "answers": [] if none else [answer]}
        paragraphs.append({"context": context, "qas": [entry | ({"is_impossible": none} if impossible else {})]})
    data = [{"title": f"article {i}", "paragraphs": paragraphs[i::4]} for i in range(4)]
    path.write_text(json.dumps({"version": "v2.0", "data": data}), "utf-8")
    return str(path)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return str(tiny.bert_folder(tmp_path_factory.mktemp("checkpoint")))


def test_it_trains_tunes_the_threshold_reports_and_saves(checkpoint, tmp_path, capsys):
    options = Options(
        model=checkpoint,
        train=write(tmp_path / "train.json", impossible=True),
        dev=write(tmp_path / "dev.json", impossible=True, size=9),
        output=str(tmp_path / "answers"),
        epochs=2,
        batch_size=8,
        max_length=20,
        stride=4,
        max_answer_length=3,
    )
    result = main(options)
    assert result["split"] == result["best_epoch_chosen_on"] == "dev"
    metrics = result["metrics"]
    assert metrics["f1"] == pytest.approx(metrics["best_f1"])  # the threshold is tuned on the same rows
    ask = kerasft.pipelines.load(result["bundle"])
    assert ask.no_answer_threshold == metrics["best_f1_threshold"]
    assert (ask.max_length, ask.windows.stride, ask.max_answer_length) == (20, 4, 3)
    assert ask.evaluate(options.dev).metrics == pytest.approx(metrics)
    metadata = json.loads((result["bundle"] / "kerasft.json").read_text("utf-8"))
    history = metadata["provenance"]["history"]
    assert {"loss", "val_loss", "val_f1", "val_best_f1", "val_exact_match"} <= set(history)
    assert max(history["val_best_f1"]) == pytest.approx(metrics["best_f1"])
    assert metadata["task"] == "question-answering"
    assert metadata["pair"] is True
    assert "Exact match" in result["report"].read_text("utf-8")


def test_articles_are_held_out_and_rows_drawn(checkpoint, tmp_path):
    options = Options(model=checkpoint, train=write(tmp_path / "train.json"), dev_fraction=0.3, max_train_rows=5)
    questions = read_questions(options)
    assert questions.split == "dev"
    assert questions.reported is questions.dev
    assert len(questions.train) == 5
    assert not {each.title for each in questions.train} & {each.title for each in questions.dev}
    assert read_questions(options).train == questions.train


def test_a_stride_that_is_too_long_is_named_before_training(checkpoint, tmp_path):
    options = Options(
        model=checkpoint, train=write(tmp_path / "train.json"), max_length=20, stride=10, output=str(tmp_path / "out")
    )
    with pytest.raises(KerasftError, match=r"`stride` must be .*max_length / 2 = 10.*received: 10"):
        main(options)
    with pytest.raises(KerasftError, match=r"`max_answer_length` must be a whole number >= 1; received: 0"):
        Options(model="m", train="t", max_answer_length=0)
