"""On-device text generation: export a language model to LiteRT with a KV cache; the decoding loop runs in the app."""

import hashlib
import os
import pathlib
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import keras

from kerasft.backbones import config_of
from kerasft.bundles import Bundle
from kerasft.conversion.steps import run_step
from kerasft.errors import ExportError, bad_argument, is_whole
from kerasft.export.folders import EXPORT_FILES, REPORT_FILE, open_bundle, target_folder, write_companions, write_json
from kerasft.export.generation_check import NEW_TOKENS, verify_generation
from kerasft.export.generation_graphs import generation_functions
from kerasft.export.mobile import copy_samples, preprocessing, write_golden
from kerasft.export.mobile_pages import update_pages_beside, write_pages
from kerasft.export.verify import check_report
from kerasft.features import DECODER_TOKEN_IDS
from kerasft.files import written_aside
from kerasft.generation.cached_t5 import START_ID
from kerasft.inference.runners import LITERT_FILE
from kerasft.measuring import count_operators
from kerasft.tasks.samples import SAMPLE_TEXTS
from kerasft.tasks.tasks import TASKS, task_of

FORMAT = "litert_generation"
QUANTIZATIONS = (None, "float16", "int8")
_LENGTHS = (32, 128)
_CACHE_LENGTH = 256
_DEVICE_OPTIONS = (
    "max_new_tokens", "min_new_tokens", "method", "temperature", "top_k", "top_p", "repetition_penalty",
    "no_repeat_ngram_size", "seed",
)  # fmt: skip


def litert_generation(
    bundle: Bundle | str | os.PathLike,
    folder: str | os.PathLike | None = None,
    *,
    quantize: str | None = None,
    prefill_lengths: Sequence[int] | None = None,
    cache_length: int | None = None,
    prompts: Sequence[str] | None = None,
    min_agreement: float = 0.0,
) -> dict[str, Any]:
    """Export a causal language model (GPT-2) or a sequence-to-sequence model (T5) as a LiteRT folder for text generation.

    Signatures (see `kerasft.export.generation_graphs`): `prefill_S` or `encode_S` for each length, and `decode`. They share the
    weights and require built-in operations only. The folder contains the same files as `kerasft.export.litert`; `python/` has
    the decoding loop, `kerasft_generate.py`, and `kerasft_writer.py`, which generates texts with it; both require only numpy and
    ai-edge-litert. The export is verified with that loop: a float32 file must generate the same tokens as the Keras model.

    Args:
        bundle: The bundle or its folder.
        folder: Where to write; `None`: next to the bundle's folder: `story.litert` for `story`, or `story.litert.int8`.
        quantize: `None`: float32; `"float16"`: half the size; `"int8"`: a quarter of the size, and the fastest.
        prefill_lengths: Input lengths S of the prompt or source. GPT-2 processes longer prompts in chunks; T5 does not support
            longer sources. `None`: 32 and 128, or the model's maximum if less.
        cache_length: T: prompt and new tokens together for GPT-2, new tokens for T5. `None`: 256, or the model's positions
            if less.
        prompts: Texts to verify on; `None`: a built-in sample with edge cases.
        min_agreement: Minimum fraction of tokens, from 0 to 1, on which a quantized file must agree with the Keras model, given
            the same preceding tokens. Pass `prompts` from your domain with it.

    Returns:
        The report: `folder`, `size_bytes`, `num_prompts`, `num_tokens`, `equal_texts` (fraction of prompts with the same tokens
        as the Keras model, by greedy decoding), `agreement` (fraction of equal tokens, given the Keras model's preceding tokens),
        `tokens_per_second` (including prompts, 2 threads), `operators`; also written to `report.json` and `report.html`.

    Raises:
        ExportError: If the model cannot be converted, or the file generates other texts. No files are left behind.
        KerasftError: If an argument is invalid, or the folder contains other files.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> import tempfile
    >>> import kerasft
    >>> from kerasft.backbones import GPT2Config, gpt2
    >>> sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16}
    >>> model = kerasft.heads.causal_lm(gpt2(GPT2Config(vocabulary_size=len(tokenizer), **sizes)))
    >>> bundle = kerasft.make_bundle(model, tokenizer, max_length=16)
    >>> report = litert_generation(bundle, tempfile.mkdtemp() + "/phone", cache_length=32)
    >>> report["equal_texts"], report["agreement"]
    (1.0, 1.0)
    """
    if quantize not in QUANTIZATIONS:
        raise bad_argument("quantize", f"one of {QUANTIZATIONS}", quantize, "int8 is the smallest and fastest.")
    if not 0 <= min_agreement <= 1:
        raise bad_argument("min_agreement", "a fraction from 0 to 1", min_agreement, "0.9 is usual.")
    folder = target_folder(bundle, folder, f"litert.{quantize}" if quantize else "litert")
    bundle = open_bundle(bundle)
    if not task_of(bundle.metadata).exports.generation:
        names = tuple(task.name for task in TASKS.values() if task.exports.generation)
        raise bad_argument(
            "bundle", f"a bundle for one of the tasks {names}", bundle.task, "See kerasft.export.litert."
        )
    lengths, cache_length = _checked_sizes(bundle, prefill_lengths, cache_length)
    rows = _prompt_rows(bundle, prompts, max(lengths), cache_length)
    functions = generation_functions(
        bundle.model, prompt_lengths=lengths, cache_length=cache_length, int8=quantize == "int8"
    )
    with written_aside(folder, own=EXPORT_FILES) as aside:
        content = convert_generation(functions, quantize)
        (aside / LITERT_FILE).write_bytes(content)
        facts = {"format": FORMAT, "quantize": quantize, "lengths": list(lengths)}
        write_companions(aside, bundle, **facts, sha256=hashlib.sha256(content).hexdigest())
        signature = _signature(bundle, functions, lengths, cache_length)
        write_json(aside / "signature.json", signature)
        copy_samples(aside)
        report = {"format": FORMAT, "task": bundle.task, "quantize": quantize, "folder": str(folder)}
        report["size_bytes"] = len(content)
        checked, golden = verify_generation(bundle, aside, rows)
        check_report(checked, tolerance=None if quantize else 0.0, min_agreement=min_agreement)
        report |= checked | {"model_warnings": bundle.warnings}
        counts = count_operators(aside / LITERT_FILE).items()
        report["operators"] = [{"signature": name} | row for name, rows in counts for row in rows]
        write_golden(aside, golden)
        write_json(aside / REPORT_FILE, report)
        write_pages(aside, report, signature)
    update_pages_beside(folder, report)
    return report


def _checked_sizes(
    bundle: Bundle, lengths: Sequence[int] | None, cache_length: int | None
) -> tuple[tuple[int, ...], int]:
    positions = getattr(config_of(bundle.model), "max_sequence_length", None)
    if cache_length is None:
        cache_length = min(_CACHE_LENGTH, positions or _CACHE_LENGTH)
    upper = f" to {positions} (the model's positions)" if positions else " or more"
    if not is_whole(cache_length) or not 2 <= cache_length <= (positions or cache_length):
        raise bad_argument("cache_length", f"a whole number from 2{upper}", cache_length, "256 is usual.")
    limit, name = (bundle.max_length, "max_length") if _is_encoder_decoder(bundle) else (cache_length, "cache_length")
    if lengths is None:
        lengths = {min(length, limit) for length in _LENGTHS}
    if isinstance(lengths, str) or not lengths or not all(is_whole(size) and 1 <= size <= limit for size in lengths):
        expected = f"whole numbers from 1 to {limit} ({name})"
        raise bad_argument("prefill_lengths", expected, lengths, "(32, 128) is usual.")
    return tuple(sorted(set(lengths))), cache_length


def _is_encoder_decoder(bundle: Bundle) -> bool:
    return DECODER_TOKEN_IDS in bundle.model.input


def _prompt_rows(bundle: Bundle, prompts: Sequence[str] | None, longest: int, cache_length: int) -> list[tuple]:
    """The prompts and their ids, truncated to leave room for new tokens."""
    if prompts is not None and (isinstance(prompts, str) or not prompts):
        raise bad_argument("prompts", "one or more texts, or None", prompts, "Omit it to use the built-in prompts.")
    texts = [text for text in SAMPLE_TEXTS if text.strip()] if prompts is None else list(prompts)
    if _is_encoder_decoder(bundle):
        texts = [bundle.settings.get("prefix", "") + text for text in texts]
        ids = bundle.tokenizer(texts, truncation=True, max_length=longest, verbose=False)["input_ids"]
    else:
        room = max(1, cache_length - NEW_TOKENS)
        ids = bundle.tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
        ids = [row[-room:] or [bundle.tokenizer.eos_token_id or 0] for row in ids]
    return list(zip(texts, ids))


def convert_generation(functions: dict[str, Callable], quantize: str | None) -> bytes:
    """Convert functions to a LiteRT file with these signatures, which share their weights; return its content.

    Args:
        functions: As returned by `kerasft.export.generation_graphs.generation_functions`.
        quantize: As for `litert_generation`.

    Raises:
        ExportError: If LiteRT does not support an operation, or the converter crashed.

    Example:

    >>> import tensorflow as tf
    >>> spec = tf.TensorSpec((1,), tf.int32, name="input_pos")
    >>> double = tf.function(lambda features: {"logits": 2 * features["input_pos"]}, input_signature=[{"input_pos": spec}])
    >>> convert_generation({"decode": double}, None)[4:8]
    b'TFL3'
    """
    archive = keras.export.ExportArchive()
    for name, function in functions.items():
        function.get_concrete_function()
        archive.add_endpoint(name, function)
    with tempfile.TemporaryDirectory() as temporary:
        graph, file = pathlib.Path(temporary, "graph"), pathlib.Path(temporary, LITERT_FILE)
        archive.write_out(str(graph), verbose=False)
        job = {"folder": str(graph), "signatures": list(functions), "quantize": quantize, "out_file": str(file)}
        result = run_step("convert", job)
        if "refused" in result:
            first = next((line for line in result["refused"].splitlines() if line.strip()), "no message")
            raise ExportError(
                f"The model cannot be converted to LiteRT: {first}. Only kerasft's own GPT-2 and T5 layers are supported."
            )
        return file.read_bytes()


def _signature(
    bundle: Bundle, functions: dict[str, Callable], lengths: Sequence[int], cache_length: int
) -> dict[str, Any]:
    tokenizer = bundle.tokenizer
    return {
        "signatures": {name: _tensors(function) for name, function in functions.items()},
        "lengths": list(lengths),
        "generation": {
            "kind": bundle.model.name,
            "prefill_lengths": list(lengths),
            "cache_length": cache_length,
            "start_token_id": bundle.settings.get("start_token_id", START_ID),
            "end_token_id": tokenizer.eos_token_id,
            "options": device_options(bundle.settings.get("generation", {})),
        },
        "task": bundle.task,
        "problem": bundle.metadata["problem"],
        "labels": bundle.metadata["labels"],
        "settings": bundle.settings,
        "decoding": task_of(bundle.metadata).resolve(bundle, cache_length),
        "max_length": max(lengths) if _is_encoder_decoder(bundle) else cache_length,
        "pair": False,
        "pad_token_id": tokenizer.pad_token_id,
        "cls_token_id": tokenizer.cls_token_id,
        "sep_token_id": tokenizer.sep_token_id,
        "preprocessing": preprocessing(tokenizer),
    }


def _tensors(function: Callable) -> dict[str, dict[str, Any]]:
    (specs,), _ = function.get_concrete_function().structured_input_signature
    outputs = function.get_concrete_function().structured_outputs
    return {
        kind: {name: {"shape": list(one.shape), "dtype": one.dtype.name} for name, one in tensors.items()}
        for kind, tensors in (("inputs", specs), ("outputs", outputs))
    }


def device_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return the generation options that the decoding loop on the device supports; beam search becomes greedy.

    Example:

    >>> device_options({"method": "beam", "num_beams": 4, "max_new_tokens": 64})
    {'method': 'greedy', 'max_new_tokens': 64}
    """
    supported = {name: value for name, value in options.items() if name in _DEVICE_OPTIONS}
    return supported | {"method": "greedy"} if supported.get("method") == "beam" else supported
