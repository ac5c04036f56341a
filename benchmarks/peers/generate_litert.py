"""Tokens a second of a LiteRT file by the loop that is shipped with it, greedy: see `litert_generate.py`.

python benchmarks/peers/generate_litert.py write gpt2|t5 QUANTIZE FOLDER PROMPT_LENGTH NEW_TOKENS SIZES_JSON
python benchmarks/peers/generate_litert.py run FOLDER THREADS PROMPT_LENGTH NEW_TOKENS
"""

import json
import pathlib
import sys
import time


def write(kind: str, quantize: str, folder: pathlib.Path, length: int, num_new: int, sizes: dict) -> dict:
    """Convert a model of random weights; only shapes matter here, so nothing is compared."""
    # Here, so that `run` starts no TensorFlow.
    from generate_keras import model_of

    from kerasft.export.generation import convert_generation
    from kerasft.export.generation_graphs import generation_functions

    quantize = None if quantize == "float32" else quantize
    model = model_of(kind, sizes)
    functions = generation_functions(
        model, prompt_lengths=(length,), cache_length=length + num_new, int8=quantize == "int8"
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.tflite").write_bytes(convert_generation(functions, quantize))
    facts = {"kind": model.name, "prefill_lengths": [length], "cache_length": length + num_new}
    facts |= {"start_token_id": 0, "end_token_id": None, "options": {}}
    (folder / "signature.json").write_text(json.dumps({"generation": facts}))
    return {"size_bytes": (folder / "model.tflite").stat().st_size}


def run(folder: str, threads: int, length: int, num_new: int) -> dict:
    """Return the seconds of the second run, and of its prompt alone."""
    sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "kerasft" / "mobile" / "python"))
    from kerasft_generate import Generator

    device, prompt = Generator(folder, num_threads=threads), list(range(5, 5 + length))
    for _ in range(2):
        start = time.perf_counter()
        for written, _ in enumerate(device.stream(prompt, max_new_tokens=num_new), 1):
            if written == 1:
                first = time.perf_counter() - start
        seconds = time.perf_counter() - start
    return {"seconds": seconds, "first_token_seconds": first, "written": written}


if __name__ == "__main__":
    job, arguments = sys.argv[1], sys.argv[2:]
    if job == "write":
        kind, quantize, folder, length, num_new, sizes = arguments
        found = write(kind, quantize, pathlib.Path(folder), int(length), int(num_new), json.loads(sizes))
    else:
        found = run(arguments[0], *map(int, arguments[1:]))
    print(json.dumps(found))
