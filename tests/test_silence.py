"""A logger is silenced in one thread, and speaks in all others and afterwards."""

import logging
import threading

import pytest

from kerasft.silence import silenced

LOGGER = logging.getLogger("kerasft")


def test_only_the_block_and_its_thread_are_silent(caplog):
    with silenced(LOGGER), silenced(logging.getLogger("kerasft.checkpoints.weights")):
        LOGGER.warning("inside")
        logging.getLogger("kerasft.checkpoints.weights").warning("inside too")
        logging.getLogger("kerasft.heads.trial").warning("another logger")
        other = threading.Thread(target=LOGGER.warning, args=("another thread",))
        other.start()
        other.join()
    LOGGER.warning("afterwards")
    assert caplog.messages == ["another logger", "another thread", "afterwards"]
    assert LOGGER.disabled is False


def test_an_error_ends_it(caplog):
    with pytest.raises(ValueError, match="x"), silenced(LOGGER):
        raise ValueError("x")
    LOGGER.warning("afterwards")
    assert caplog.messages == ["afterwards"]


def test_there_is_one_filter_however_often_it_is_used():
    for _ in range(3):
        with silenced(LOGGER):
            pass
    assert len(LOGGER.filters) == 1
