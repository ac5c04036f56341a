"""What the peers of `litert_vs_peers.py` share: commands in, milliseconds and logits out, as JSON lines. NumPy only.

A peer is run as `python PEER.py JOB.json` in its own environment, stays, and answers on its standard output; so that the peers
take turns within one run, each in its own process.
"""

import json
import os
import pathlib
import sys
import time
from collections.abc import Callable

import numpy as np

Models = dict[str, Callable[[dict[str, np.ndarray]], np.ndarray]]


def serve(open_models: Callable[[dict, int], Models], lengths: tuple[int, ...] = ()) -> None:
    """Answer commands until the input ends.

    open_models: (job, threads) -> by name, a function from inputs (1, S), int32, to logits (1, C).
    lengths: the lengths that the models take, where they take few: a text is padded to the shortest that fits.

    Commands: {"threads": n} opens the models anew and answers with their names; {"model": name, "length": S or null, "rows":
    [numbers of texts]} answers with `ms` of each text, and `logits`. `length` null: each text at its own length.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    job = json.loads(pathlib.Path(sys.argv[1]).read_text("utf-8"))
    models: Models = {}
    for line in sys.stdin:
        command = json.loads(line)
        if "threads" in command:
            models = open_models(job, command["threads"])
            answer = {"models": list(models)}
        else:
            texts = [job["texts"][row] for row in command["rows"]]
            answer = _run(models[command["model"]], texts, command["length"], lengths)
        print(json.dumps(answer), file=answers, flush=True)


def _run(model: Callable, texts: list[list[int]], length: int | None, lengths: tuple[int, ...]) -> dict:
    ms, logits = [], []
    for ids in texts:
        size = length or next((size for size in lengths if size >= len(ids)), len(ids))
        start = time.perf_counter()
        inputs = {
            "token_ids": np.zeros((1, size), np.int32),
            "padding_mask": np.zeros((1, size), np.int32),
            "segment_ids": np.zeros((1, size), np.int32),
        }
        inputs["token_ids"][0, : len(ids)] = ids
        inputs["padding_mask"][0, : len(ids)] = 1
        logits.append(np.ravel(model(inputs)).tolist())
        ms.append(1000 * (time.perf_counter() - start))
    return {"ms": ms, "logits": logits}
