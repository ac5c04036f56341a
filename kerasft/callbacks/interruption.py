"""Ctrl-C and SIGTERM in a training: finish the step, save, then stop."""

import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator

_LOG = logging.getLogger("kerasft")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """While it is in force, the first signal calls a function before the signal's usual effect; a second has that at once.

    Args:
        save: Called once, outside of every `busy` block.

    Example:

    >>> interruption = Interruption(lambda: print("saved"))
    >>> interruption.take()
    >>> with contextlib.suppress(KeyboardInterrupt):
    ...     with interruption.busy():
    ...         signal.raise_signal(signal.SIGINT)
    ...         print("step finished")
    step finished
    saved
    """

    def __init__(self, save: Callable[[], None]):
        self._save = save
        self._handlers: dict[int, object] = {}
        self._busy = False
        self._pending: int | None = None
        self._stopping = False

    def take(self) -> None:
        """Put it in force; only the main thread can, so elsewhere this does nothing."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in _SIGNALS:
            handler = signal.getsignal(number)
            if handler not in (None, signal.SIG_IGN):
                self._handlers[number] = handler
                signal.signal(number, self._receive)

    def release(self) -> None:
        """Restore the former handlers."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """A block that a first signal does not break."""
        was_busy = self._busy
        self._busy = True
        try:
            yield
        finally:
            self._busy = was_busy
        if self._pending is not None and not self._busy and not self._stopping:
            self._stop(self._pending)

    def _receive(self, number, frame) -> None:
        if self._pending is None and (self._busy or _is_in_fit(frame)):
            self._pending = number
            _LOG.warning("Writing a checkpoint before stopping; a second signal stops at once.")
            if not self._busy:
                self._stop(number)
            return
        self._pass_on(number)

    def _stop(self, number: int) -> None:
        self._stopping = True
        self._save()
        self._pass_on(number)

    def _pass_on(self, number: int) -> None:
        handler = self._handlers.get(number)
        self._pending = None
        self._stopping = False
        self.release()
        if callable(handler):
            handler(number, None)
        else:
            signal.raise_signal(number)  # by the system's default it ends the process


def _is_in_fit(frame) -> bool:
    """Whether a training is running. After one that failed the handlers are still ours: no callback is told of an error."""
    while frame is not None:
        if frame.f_code.co_name == "fit" and frame.f_globals.get("__name__", "").startswith("keras."):
            return True
        frame = frame.f_back
    return False
