"""LiteRT's side of `litert_vs_peers.py`: kerasft's int8 file, the shortest of its signatures that fits. No TensorFlow."""

import json
import pathlib
import sys

from ai_edge_litert.interpreter import Interpreter
from latency import serve


def main() -> None:
    job = json.loads(pathlib.Path(sys.argv[1]).read_text("utf-8"))
    signatures = _runners(Interpreter(job["file"]))
    serve(open_models, tuple(sorted(signatures)))


def open_models(job: dict, threads: int) -> dict:
    interpreter = Interpreter(job["file"], num_threads=threads)
    runners = _runners(interpreter)

    def run(inputs):
        interpreter  # noqa: B018  the runners borrow it
        return runners[inputs["token_ids"].shape[1]](**inputs)["logits"]

    return {"LiteRT int8 (kerasft)": run}


def _runners(interpreter: Interpreter) -> dict:
    """By length."""
    runners = [interpreter.get_signature_runner(name) for name in interpreter.get_signature_list()]
    return {int(runner.get_input_details()["token_ids"]["shape"][1]): runner for runner in runners}


if __name__ == "__main__":
    main()
