"""Time per kernel of a LiteRT file, measured by the runtime's own profiler.

The Python API has no profiler. The shared library in its wheel does, in its C API
(https://github.com/google-ai-edge/LiteRT/tree/main/litert/c), which is called here through `ctypes`. A library version with
another struct layout may crash the process, so this runs in a subprocess (`kerasft.measuring.worker`).
"""

import collections
import ctypes
import pathlib
from collections.abc import Callable
from typing import Any

import ai_edge_litert
import numpy as np

_CPU = 1  # kLiteRtHwAcceleratorCpu
_HOST_MEMORY = 1  # kLiteRtTensorBufferTypeHostMemory
_WRITE = 1  # kLiteRtTensorBufferLockModeWrite
# Event types in litert_profiler_event.h: an operator run by the interpreter's own kernel; an operator within a delegate.
_BY_INTERPRETER, _BY_DELEGATE = 2, (4, 8)
_handle = ctypes.c_void_p
_index = ctypes.c_size_t


class _Memory(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64) for name in ("total_rss_kb", "total_allocated_bytes", "in_use_allocated_bytes")]


class _Event(ctypes.Structure):
    _fields_ = [
        ("tag", ctypes.c_char_p),
        ("kind", ctypes.c_int),
        ("start_us", ctypes.c_uint64),
        ("elapsed_us", ctypes.c_uint64),
        ("begin_memory", _Memory),
        ("end_memory", _Memory),
        ("metadata_1", ctypes.c_uint64),
        ("metadata_2", ctypes.c_uint64),
        ("source", ctypes.c_int),
    ]


class _Layout(ctypes.Structure):
    _fields_ = [
        ("rank_and_flag", ctypes.c_uint32),
        ("dimensions", ctypes.c_int32 * 8),
        ("strides", ctypes.c_uint32 * 8),
    ]


class _TensorType(ctypes.Structure):
    _fields_ = [("element_type", ctypes.c_int32), ("layout", _Layout)]


class _Library:
    """The C functions; a returned status other than 0 raises an error with the function's name."""

    def __init__(self):
        folder = pathlib.Path(ai_edge_litert.__file__).parent
        path = next((path for path in folder.glob("libLiteRt.*")), None)
        if path is None:
            raise RuntimeError(f"this ai-edge-litert has no libLiteRt in {folder}")
        self._functions = ctypes.CDLL(str(path))

    def call(self, name: str, *arguments) -> None:
        status = getattr(self._functions, f"LiteRt{name}")(*arguments)
        if status:
            raise RuntimeError(f"LiteRt{name} returned status {status}")

    def make(self, name: str, *arguments) -> ctypes.c_void_p:
        """Call a function whose last argument is an output handle; return the handle."""
        handle = _handle()
        self.call(name, *arguments, ctypes.byref(handle))
        return handle


def profile(
    path: str,
    signature: str | None,
    *,
    inputs: dict[str, np.ndarray],
    outputs: dict[str, np.ndarray],
    threads: int = 1,
    runs: int = 20,
) -> list[dict[str, Any]]:
    """Run one signature and return the time per kernel, slowest first.

    Args:
        path: The `.tflite` file.
        signature: The signature's name; None: the first one.
        inputs: Inputs by name; the model is run with their shapes.
        outputs: The interpreter's outputs for these inputs by name; only their shapes are used.
        threads: Number of threads, >= 1.
        runs: Profiled runs after 3 warm-up runs, >= 1.

    Returns:
        Rows of `kernel` (a LiteRT operator, or XNNPACK's own name), `by` (`"interpreter"` or `"delegate"`), `count` (kernels per
        run) and `ms` (mean total milliseconds per run).

    Raises:
        RuntimeError: If the library rejects the file or has no profiler.

    Example:

    >>> profile("no/such/model.tflite", None, inputs={}, outputs={})
    Traceback (most recent call last):
    ...
    RuntimeError: LiteRtCreateModelFromFile returned status ...
    """
    library = _Library()
    environment = library.make("CreateEnvironment", 0, None)
    model = library.make("CreateModelFromFile", environment, path.encode())
    compiled = library.make("CreateCompiledModel", environment, model, _options(library, threads))
    profiler = library.make("CompiledModelGetProfiler", compiled)
    index = _signature_index(library, model, signature)
    run = _runner(library, (environment, model, compiled), index, inputs, outputs)
    for _ in range(3):
        run()
    library.call("StartProfiler", profiler)
    for _ in range(runs):
        run()
    library.call("StopProfiler", profiler)
    return _rows(_events(library, profiler), runs)


def _options(library: _Library, threads: int) -> ctypes.c_void_p:
    options = library.make("CreateOptions")
    library.call("SetOptionsHardwareAccelerators", options, _CPU)
    c = ctypes.CDLL(None)
    c.strdup.restype = ctypes.c_void_p
    # The library's helpers that create these TOML strings are not in the shared library.
    texts = {"runtime_options_string": "enable_profiling = true\n", "xnnpack": f"num_threads = {threads}\n"}
    for name, text in texts.items():
        copy = _handle(c.strdup(text.encode()))  # the library frees it
        library.call("AddOpaqueOptions", options, library.make("CreateOpaqueOptions", name.encode(), copy, c.free))
    return options


def _signature_index(library: _Library, model, name: str | None) -> int:
    count = _index()
    library.call("GetNumModelSignatures", model, ctypes.byref(count))
    for number in range(count.value):
        key = ctypes.c_char_p()
        library.call("GetSignatureKey", library.make("GetModelSignature", model, _index(number)), ctypes.byref(key))
        if name is None or key.value.decode() == name:
            return number
    raise RuntimeError(f"there is no signature {name}")


def _runner(library: _Library, handles: tuple, index: int, values: dict, results: dict) -> Callable[[], None]:
    """Create the tensors of a signature, set its inputs, and return a function that runs it once."""
    environment, model, compiled = handles
    number = _index(index)
    signature = library.make("GetModelSignature", model, number)
    for position, (name, _) in enumerate(_tensors(library, signature, "Input")):
        shape = (ctypes.c_int * values[name].ndim)(*values[name].shape)
        library.call(
            "CompiledModelResizeInputTensorNonStrict", compiled, number, _index(position), shape, _index(len(shape))
        )
    inputs = _buffers(library, environment, _tensors(library, signature, "Input"), values)
    for buffer, (name, _) in zip(inputs, _tensors(library, signature, "Input")):
        _fill(library, _handle(buffer), values[name])
    outputs = _buffers(library, environment, _tensors(library, signature, "Output"), results)

    def run() -> None:
        library.call("RunCompiledModel", compiled, number, _index(len(inputs)), inputs, _index(len(outputs)), outputs)

    return run


def _tensors(library: _Library, signature, side: str) -> list[tuple[str, ctypes.c_void_p]]:
    """(name, handle) of each input or output."""
    count = _index()
    library.call(f"GetNumSignature{side}s", signature, ctypes.byref(count))
    tensors = []
    for position in range(count.value):
        name = ctypes.c_char_p()
        library.call(f"GetSignature{side}Name", signature, _index(position), ctypes.byref(name))
        tensor = library.make(f"GetSignature{side}TensorByIndex", signature, _index(position))
        tensors.append((name.value.decode(), tensor))
    return tensors


def _buffers(library: _Library, environment, tensors: list, arrays: dict[str, np.ndarray]) -> ctypes.Array:
    """Buffers with the shapes of the arrays: the library does not infer shapes that depend on a dynamic length."""
    buffers = (_handle * len(tensors))()
    for position, (name, tensor) in enumerate(tensors):
        kind = _TensorType()
        array = arrays[name]
        library.call("GetRankedTensorType", tensor, ctypes.byref(kind))
        kind.layout.dimensions[: array.ndim] = array.shape
        size = _index(array.nbytes)
        buffers[position] = library.make(
            "CreateManagedTensorBuffer", environment, _HOST_MEMORY, ctypes.byref(kind), size
        )
    return buffers


def _fill(library: _Library, buffer, value: np.ndarray) -> None:
    size = _index()
    library.call("GetTensorBufferPackedSize", buffer, ctypes.byref(size))
    if size.value != value.nbytes:  # detects a library with another layout of `_TensorType`
        raise RuntimeError(f"expected {size.value} bytes for a tensor; received {value.nbytes}")
    address = _handle()
    library.call("LockTensorBuffer", buffer, ctypes.byref(address), _WRITE)
    ctypes.memmove(address, np.ascontiguousarray(value).ctypes.data, value.nbytes)
    library.call("UnlockTensorBuffer", buffer)


def _events(library: _Library, profiler) -> ctypes.Array:
    count = ctypes.c_int()
    library.call("GetNumProfilerEvents", profiler, ctypes.byref(count))
    events = (_Event * count.value)()
    library.call("GetProfilerEvents", profiler, count, events)
    return events


def _rows(events: ctypes.Array, runs: int) -> list[dict[str, Any]]:
    microseconds, counts = collections.Counter(), collections.Counter()
    for event in events:
        if event.kind == _BY_INTERPRETER or event.kind in _BY_DELEGATE:
            key = (event.tag.decode(), "interpreter" if event.kind == _BY_INTERPRETER else "delegate")
            microseconds[key] += event.elapsed_us
            counts[key] += 1
    if not counts:
        raise RuntimeError("the profiler recorded no operators")
    return [
        {"kernel": kernel, "by": by, "count": round(counts[kernel, by] / runs, 2), "ms": round(us / 1000 / runs, 4)}
        for (kernel, by), us in microseconds.most_common()
    ]
