import pytest

from kerasft.callbacks import Evaluation
from kerasft.truncation import no_warning, one_warning, warn_truncated


def test_numbers_limit_and_advice(caplog):
    warn_truncated(0, 3, limit=8)
    warn_truncated(1, 3, limit=8)
    warn_truncated(2, 2, limit=4, kind="sources", argument="max_source_length", where=" from the right", advice="Wait.")
    assert caplog.messages == [
        "1 of 3 texts (33.3 %) are longer than 8 tokens (max_length) and were truncated. To avoid truncation, train with a "
        "larger max_length (--max-length), or split them.",
        "2 of 2 sources (100.0 %) are longer than 4 tokens (max_source_length) and were truncated from the right. Wait.",
    ]
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2
    assert {record.name for record in caplog.records} == {"kerasft"}


def test_parts_of_one_call_are_summed_up(caplog):
    with one_warning():
        warn_truncated(1, 2, limit=8)
        with one_warning():
            warn_truncated(0, 2, limit=8)
            warn_truncated(1, 1, limit=9)
        assert not caplog.messages
        warn_truncated(1, 2, limit=8)
    assert [message.split(" (")[0] for message in caplog.messages] == ["2 of 6 texts", "1 of 1 texts"]


def test_it_decorates_a_function(caplog):
    @one_warning()
    def work(count):
        for _ in range(count):
            warn_truncated(1, 1, limit=8)

    work(2)
    work(3)
    assert [message.split(" (")[0] for message in caplog.messages] == ["2 of 2 texts", "3 of 3 texts"]


def test_what_failed_is_said_too(caplog):
    def work():
        with one_warning():
            warn_truncated(1, 1, limit=8)
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert len(caplog.messages) == 1
    warn_truncated(1, 1, limit=8)
    assert len(caplog.messages) == 2


def test_after_the_first_epoch_nothing_new_is_said(caplog):
    watch = Evaluation(lambda: warn_truncated(1, 1, limit=8) or {"f1": 0.5})
    for epoch in range(3):
        watch.on_epoch_end(epoch, {})
    assert len(caplog.messages) == 1
    with no_warning(), one_warning():
        warn_truncated(1, 1, limit=8)
    assert len(caplog.messages) == 1
