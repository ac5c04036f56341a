"""Commands to benchmark a LiteRT file on an Android device, with LiteRT's `benchmark_model`."""

import os
import shlex

from ai_edge_litert import schema_py_generated as schema

from kerasft.files import local_path
from kerasft.measuring.litert_file import check_counts
from kerasft.measuring.operators import OF_MAIN, read_model, signature_graphs
from kerasft.measuring.worker import is_zero

_FOLDER = "/data/local/tmp"  # where adb can write and execute files


def adb_commands(path: str | os.PathLike, *, length: int = 128, threads: int = 4, runs: int = 50) -> list[str]:
    """Return the shell commands that copy a file to an Android device and benchmark every signature there.

    Integer inputs get the same values as in `measure_litert`: the random values from 0 to 99 of `benchmark_model` are not valid
    segment ids, and it would fail.

    Args:
        path: The `.tflite` file.
        length: S in tokens, for inputs with dynamic length.
        threads: Number of threads, >= 1; mobile devices have 1 to 4 fast cores.
        runs: Timed runs, >= 1.

    Returns:
        Shell commands: copy, make executable, run each signature and report time per operator and peak memory.

    Raises:
        CheckpointError: If it is not a LiteRT file.
        KerasftError: If an argument is not a whole number >= 1.

    Example:

    >>> adb_commands("no/such/model.tflite")
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: no/such/model.tflite is not a LiteRT file: the file does not exist. ...
    """
    check_counts(length=[length], threads=[threads], runs=[runs])
    model, path = read_model(path), local_path(path)
    target = f"{_FOLDER}/{path.name.replace(' ', '_')}"
    lines = [
        shlex.join(["adb", "push", str(path), target]),
        f"adb push benchmark_model {_FOLDER}/",
        f"adb shell chmod +x {_FOLDER}/benchmark_model",
    ]
    for name, index in signature_graphs(model).items():
        signature = [] if name == OF_MAIN else [f"--signature_to_run_for={name}"]
        flags = [
            f"--graph={target}",
            *signature,
            *(f"--num_threads={threads}", f"--num_runs={runs}", "--warmup_runs=3", "--use_xnnpack=true"),
            *("--enable_op_profiling=true", "--report_peak_memory_footprint=true"),
            *_input_flags(model, name, index, length),
        ]
        lines.append(f"adb shell {_FOLDER}/benchmark_model {' '.join(flags)}")
    return lines


def _input_flags(model: schema.Model, name: str, index: int, length: int) -> list[str]:
    """Names, shapes and values of the inputs in the order of the graph, which differs from the signature's."""
    graph = model.Subgraphs(index)
    names = _names(model, name)
    inputs = [(names.get(graph.Inputs(n)), graph.Tensors(graph.Inputs(n))) for n in range(graph.InputsLength())]
    inputs = [(name or tensor.Name().decode(), tensor) for name, tensor in inputs]
    shapes = [",".join(map(str, _shape(tensor, length))) for _, tensor in inputs]
    integers = [name for name, tensor in inputs if tensor.Type() in (schema.TensorType.INT32, schema.TensorType.INT64)]
    values = [f"{name},{value},{value}" for name in integers for value in [0 if is_zero(name) else 1]]
    flags = [f"--input_layer={','.join(name for name, _ in inputs)}", f"--input_layer_shape={':'.join(shapes)}"]
    return flags + ([f"--input_layer_value_range={':'.join(values)}"] if values else [])


def _names(model: schema.Model, signature: str) -> dict[int, str]:
    """The input names by tensor index."""
    for number in range(model.SignatureDefsLength()):
        definition = model.SignatureDefs(number)
        if definition.SignatureKey().decode() == signature:
            maps = [definition.Inputs(index) for index in range(definition.InputsLength())]
            return {each.TensorIndex(): each.Name().decode() for each in maps}
    return {}


def _shape(tensor: schema.Tensor, length: int) -> list[int]:
    is_dynamic = tensor.ShapeSignatureLength() > 0
    sizes = [tensor.ShapeSignature(n) if is_dynamic else tensor.Shape(n) for n in range(tensor.ShapeLength())]
    return [size if size >= 0 else length if axis else 1 for axis, size in enumerate(sizes)]
