import signal
import threading

import pytest

from kerasft.callbacks.interruption import Interruption


@pytest.fixture
def calls():
    before = signal.getsignal(signal.SIGTERM)
    calls = []
    signal.signal(signal.SIGTERM, lambda number, frame: calls.append("terminated"))
    yield calls
    signal.signal(signal.SIGTERM, before)


def test_the_first_waits_for_the_step_and_the_second_does_not(calls):
    interruption = Interruption(lambda: calls.append("saved"))
    interruption.take()
    with interruption.busy():
        signal.raise_signal(signal.SIGTERM)
        calls.append("step")
    assert calls == ["step", "saved", "terminated"]
    assert signal.getsignal(signal.SIGTERM).__name__ == "<lambda>"  # released

    del calls[:]
    interruption.take()
    with interruption.busy():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        calls.append("step")
    assert calls == ["terminated", "step"]


def test_outside_of_a_training_it_is_not_in_the_way(calls):
    interruption = Interruption(lambda: calls.append("saved"))
    interruption.take()
    signal.raise_signal(signal.SIGTERM)
    assert calls == ["terminated"]


def test_saving_is_not_interrupted(calls):
    def save():
        with interruption.busy():
            calls.append("saved")

    interruption = Interruption(save)
    interruption.take()
    with interruption.busy():
        signal.raise_signal(signal.SIGTERM)
    assert calls == ["saved", "terminated"]


def test_another_thread_takes_nothing():
    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=Interruption(lambda: None).take)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) is before
