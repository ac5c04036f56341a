"""Thread-safe use of a fast tokenizer.

A fast tokenizer stores the truncation and padding of the current call in its Rust object. Concurrent calls truncate each
other's texts at the wrong length, or raise "Already borrowed".
"""

import functools
import threading
from collections.abc import Callable
from typing import Any

from transformers import PreTrainedTokenizerFast

# Methods that set the state of the Rust object, or read it while another call may set it; two exist in transformers 4 only.
_METHODS = ("__call__", "encode", "encode_plus", "batch_encode_plus", "tokenize", "decode", "batch_decode")


class _Lock:
    """A re-entrant lock that can be pickled: the copy is an independent lock."""

    def __init__(self):
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple:
        return _Lock, ()


class _OneCallAtATime:
    """Mixin of tokenizers whose calls are serialized."""

    def __reduce_ex__(self, protocol: int) -> tuple:
        # The class is created at run time, so pickle cannot find it by name.
        return _restored, (type(self).__mro__[2], self.__dict__)


def thread_safe(tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """Return a tokenizer whose calls are serialized; it shares the Rust object of the given one.

    A single call with many texts already uses all cores.

    Args:
        tokenizer: Any fast tokenizer. Calls of this object itself are still not serialized.

    Returns:
        A tokenizer of the same class name, vocabulary and settings; the argument itself if it is already thread-safe.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> from transformers import PreTrainedTokenizerFast
    >>> safe = thread_safe(PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer))
    >>> thread_safe(safe) is safe, safe.tokenize("a good film")
    (True, ['a', 'good', 'film'])
    """
    if isinstance(tokenizer, _OneCallAtATime):
        return tokenizer
    return _restored(type(tokenizer), {**vars(tokenizer), "_calls": _Lock()})


def _restored(kind: type, state: dict[str, Any]) -> PreTrainedTokenizerFast:
    safe = _safe_class(kind)
    tokenizer = safe.__new__(safe)
    tokenizer.__dict__.update(state)
    return tokenizer


@functools.cache
def _safe_class(kind: type) -> type:
    methods = {name: _locked(getattr(kind, name)) for name in _METHODS if hasattr(kind, name)}
    # The name stays, since save_pretrained writes it into tokenizer_config.json.
    return type(kind.__name__, (_OneCallAtATime, kind), methods)


def _locked(method: Callable) -> Callable:
    @functools.wraps(method)
    def call(self, *args, **kwargs):
        with self._calls:
            return method(self, *args, **kwargs)

    return call
