import re

import pytest

from kerasft.callbacks import ProgressLines
from kerasft.callbacks.progress_lines import duration
from kerasft.errors import KerasftError
from tests.callbacks import tiny_training


def lines_of(capsys, seconds, **fit):
    tiny_training.model().fit(
        tiny_training.dataset(), shuffle=False, verbose=0, callbacks=[ProgressLines(seconds)], **fit
    )
    return capsys.readouterr().out.splitlines()


def test_a_line_says_where_training_is_and_what_is_left(capsys):
    lines = lines_of(capsys, 0, epochs=2, validation_data=tiny_training.dataset())
    assert len(lines) == 6
    assert re.fullmatch(r"epoch 1/2, step 1/3: loss \d\.\d{4}, \d+\.\d examples/s", lines[0])
    assert re.fullmatch(r"epoch 2/2, step 2/3: loss \d\.\d{4}, \d+\.\d examples/s, \d+ s left", lines[4])
    assert lines[5].endswith(", 0 s left")


def test_no_line_before_its_time(capsys):
    assert lines_of(capsys, 1000) == []


def test_the_clock_starts_anew_with_every_line(capsys, monkeypatch):
    seconds = iter(range(0, 1000, 10))
    monkeypatch.setattr("time.monotonic", lambda: next(seconds))
    assert 1 < len(lines_of(capsys, 25, epochs=4)) < 12


@pytest.mark.filterwarnings("ignore:Your input ran out of data")  # so Keras finds out how long it is
def test_a_dataset_of_unknown_length(capsys):
    model = tiny_training.model()
    endless = tiny_training.dataset().filter(lambda *batch: True)
    model.fit(endless, shuffle=False, verbose=0, callbacks=[ProgressLines(0)])
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("epoch 1/1, step 1: loss")
    assert "left" not in first


def test_negative_seconds_are_refused():
    with pytest.raises(KerasftError, match="`seconds` must be a number >= 0; received: -1"):
        ProgressLines(-1)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (119.4, "119 s"), (120, "2 min"), (7000, "117 min"), (7200, "2 h 0 min")]
)
def test_duration(seconds, words):
    assert duration(seconds) == words
