"""Verify an exported generation model against the Keras model, with the decoding loop that is shipped with it."""

import importlib.util
import itertools
import pathlib
import time
from collections.abc import Sequence
from importlib import resources
from types import ModuleType
from typing import Any

from kerasft.bundles import Bundle
from kerasft.generation import GenerationOptions, Generator

NEW_TOKENS = 24
"""Number of tokens generated per prompt to verify an export."""


def device_loop() -> ModuleType:
    """Import the module `kerasft_generate` that is copied into the exported folder, to verify the shipped code itself.

    Example:

    >>> device_loop().DEFAULTS["max_new_tokens"]
    128
    """
    with resources.as_file(resources.files("kerasft") / "mobile" / "python" / "kerasft_generate.py") as path:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


def verify_generation(
    bundle: Bundle, folder: pathlib.Path, prompts: Sequence[tuple[str, list[int]]]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Generate from every prompt by greedy decoding, with the Keras model and with the exported file.

    Args:
        bundle: The exported bundle.
        folder: The folder with `model.tflite` and `signature.json`.
        prompts: Texts with their token ids.

    Returns:
        The report (see `litert_generation`), and one golden row per prompt: `text`, `token_ids`, `generated_token_ids` (by the
        exported file) and `answer`, the generated text.

    Example:

    >>> verify_generation.__name__
    'verify_generation'
    """
    device = device_loop().Generator(folder)
    expected = Generator(bundle.model, bundle.tokenizer)(
        [ids for _, ids in prompts], GenerationOptions(max_new_tokens=NEW_TOKENS)
    )
    golden = []
    equal = 0
    agreed = []
    seconds = 0.0
    num_generated = 0
    for (text, ids), keras_text in zip(prompts, expected):
        start = time.perf_counter()
        generated = device(ids, max_new_tokens=NEW_TOKENS, **_GREEDY)
        seconds += time.perf_counter() - start
        num_generated += len(generated["token_ids"]) + generated["finished"]
        target = keras_text.token_ids + [device.end_id] * keras_text.finished
        target = target[: device.new_text().room(ids)]
        equal += generated["token_ids"] + [device.end_id] * generated["finished"] == target
        agreed += _forced(device, ids, target)
        answer = bundle.tokenizer.decode(
            generated["token_ids"], skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        golden.append({"text": text, "token_ids": ids, "generated_token_ids": generated["token_ids"], "answer": answer})
    report = {
        "num_prompts": len(prompts),
        "num_tokens": len(agreed),
        "equal_texts": equal / len(prompts),
        "agreement": sum(agreed) / len(agreed),
        "tokens_per_second": round(num_generated / seconds, 1),
    }
    return report, golden


_GREEDY = {"method": "greedy", "min_new_tokens": 0, "repetition_penalty": 1.0, "no_repeat_ngram_size": 0}


def _forced(device: Any, prompt: list[int], target: list[int]) -> list[bool]:
    """Teacher forcing: whether each target token is the file's most likely one, given the target tokens before it."""
    text = device.new_text()
    logits = text.begin(prompt)
    agreed = [int(logits.argmax()) == target[0]]
    for previous, token in itertools.pairwise(target):
        agreed.append(int(text.next(previous).argmax()) == token)
    return agreed
