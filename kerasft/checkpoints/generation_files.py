"""Generation settings of a checkpoint: `generation_config.json`, or `config.json` in old checkpoints.

Options that `kerasft.generation.GenerationOptions` supports become the bundle's defaults. The others are listed in a warning, and
preserved for conversion. https://huggingface.co/docs/transformers/main_classes/text_generation
"""

import json
import pathlib
import warnings
from collections.abc import Mapping
from typing import Any

from transformers import PreTrainedTokenizerFast

from kerasft.checkpoints.config_file import ConfigFile, read_fields
from kerasft.errors import CheckpointError, KerasftError
from kerasft.generation import GenerationOptions

GENERATION_FILE = "generation_config.json"
TASKS = ("causal_lm", "sequence_to_sequence")
"""Names of the models that generate text."""
OPTIONS, FIELDS = "generation", "generation_config"
"""Keys of a bundle's settings: kerasft's options, and the checkpoint's original fields."""
_LENGTHS = ("max_new_tokens", "max_length", "min_new_tokens", "min_length")
_METHODS = ("do_sample", "num_beams", "length_penalty", "early_stopping", "temperature", "top_k", "top_p")
_RULES = ("repetition_penalty", "no_repeat_ngram_size", "stop_strings")
_IDS = ("bos_token_id", "pad_token_id", "eos_token_id")
# Unsupported fields, and the value that disables each; null always does.
_OTHERS = {
    "num_beam_groups": 1,
    "diversity_penalty": 0.0,
    "typical_p": 1.0,
    "epsilon_cutoff": 0.0,
    "eta_cutoff": 0.0,
    "min_p": 0.0,
    "top_h": None,
    "penalty_alpha": 0.0,
    "encoder_no_repeat_ngram_size": 0,
    "encoder_repetition_penalty": 1.0,
    "bad_words_ids": [],
    "force_words_ids": [],
    "constraints": [],
    "forced_bos_token_id": None,
    "forced_eos_token_id": None,
    "forced_decoder_ids": [],
    "remove_invalid_values": False,
    "renormalize_logits": False,
    "exponential_decay_length_penalty": None,
    "suppress_tokens": [],
    "begin_suppress_tokens": [],
    "sequence_bias": {},
    "guidance_scale": 1.0,
    "num_return_sequences": 1,
    "max_time": None,
    "watermarking_config": None,
    "dola_layers": None,
}
_TOP_K = 50  # default of transformers for do_sample


def read_generation(config: ConfigFile, tokenizer: PreTrainedTokenizerFast, task: str) -> dict[str, Any]:
    """Read a checkpoint's generation settings; set the tokenizer's EOS token to theirs.

    Args:
        config: The `config.json`; `generation_config.json` in the same folder has priority.
        tokenizer: The checkpoint's tokenizer.
        task: One of `TASKS`.

    Returns:
        Settings for a bundle: `generation`, kerasft's options, and `generation_config`, the original fields. Empty if there are
        none.

    Raises:
        CheckpointError: If a field is invalid, or the decoder's start token is not supported.
    """
    path = config.path.parent / GENERATION_FILE
    fields = read_fields(path if path.is_file() else config.path)
    path = path if path.is_file() else config.path
    known = (*_LENGTHS, *_METHODS, *_RULES, *_OTHERS, *_IDS, "decoder_start_token_id")
    fields = {name: value for name, value in fields.items() if name in known and value is not None}
    if task == "sequence_to_sequence" and fields.get("decoder_start_token_id", 0) != 0:
        raise CheckpointError(
            f"{path}: field 'decoder_start_token_id' must be 0, the padding token, which starts T5's decoder; received: "
            f"{fields['decoder_start_token_id']!r}. kerasft would generate different texts; choose another checkpoint."
        )
    _set_end(path, fields.get("eos_token_id"), tokenizer)
    ignored = [f"{name}={fields[name]!r}" for name, neutral in _OTHERS.items() if fields.get(name, neutral) != neutral]
    options, unused = _options(fields, task)
    if ignored + unused:
        warnings.warn(f"{path}: ignored by kerasft: {', '.join(ignored + unused)}.", stacklevel=2)
    try:
        GenerationOptions(**{**options, "stop": tuple(options.get("stop", ()))})
    except (KerasftError, TypeError) as error:
        raise CheckpointError(f"{path}: the generation settings cannot be used: {error}") from error
    original = {
        name: value for name, value in fields.items() if name not in ("bos_token_id", "pad_token_id", "eos_token_id")
    }
    return {OPTIONS: options, FIELDS: original} if original else {}


def write_generation(folder: pathlib.Path, settings: Mapping[str, Any], *, ids: Mapping[str, int], task: str) -> None:
    """Write `generation_config.json`: the checkpoint's original fields, updated by the bundle's options.

    Args:
        folder: The checkpoint's folder.
        settings: As returned by `read_generation`.
        ids: Special token ids, such as `pad_token_id`.
        task: One of `TASKS`.
    """
    options = settings.get(OPTIONS, {})
    preserved = {name: value for name, value in settings.get(FIELDS, {}).items() if name in _OTHERS}
    if preserved | options:  # lengths that count the prompt have no equivalent option
        lengths = [name for name in ("max_length", "min_length") if name in settings.get(FIELDS, {})]
        preserved |= {name: settings[FIELDS][name] for name in lengths if task == "causal_lm"}
    start = {"decoder_start_token_id": 0} if task == "sequence_to_sequence" else {}
    content = {**ids, **start, **preserved, **_fields(options)}
    (folder / GENERATION_FILE).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _options(fields: Mapping[str, Any], task: str) -> tuple[dict[str, Any], list[str]]:
    """Convert fields to kerasft's options; also return the fields without effect."""
    same = ("max_new_tokens", "min_new_tokens", "repetition_penalty", "no_repeat_ngram_size")
    options = {name: fields[name] for name in same if name in fields}
    unused = []
    for name, ours in (("max_length", "max_new_tokens"), ("min_length", "min_new_tokens")):
        length = fields.get(name, 0)
        if not length or ours in fields:
            continue
        if task == "sequence_to_sequence" and isinstance(length, int):
            options[ours] = max(length - 1, 0)  # it counts the start token
        else:
            unused.append(f"{name}={length} (it counts the prompt; {ours} does not)")
    if "stop_strings" in fields:
        stop = fields["stop_strings"]
        options["stop"] = [stop] if isinstance(stop, str) else stop
    beams, samples = fields.get("num_beams", 1), fields.get("do_sample", False)
    if samples:
        options |= {"method": "sample", "temperature": fields.get("temperature", 1.0)}
        options["top_k"] = fields.get("top_k", _TOP_K) or None
        options["top_p"] = None if fields.get("top_p", 1.0) == 1.0 else fields["top_p"]
        unused += [f"num_beams={beams} (with do_sample=true)"] if beams != 1 else []
    elif beams != 1:
        options |= {"method": "beam", "num_beams": beams, "length_penalty": fields.get("length_penalty", 1.0)}
        options["early_stopping"] = fields.get("early_stopping", False)
        if options["early_stopping"] == "never":
            unused.append("early_stopping='never'")
            options["early_stopping"] = False
    return options, unused


def _fields(options: Mapping[str, Any]) -> dict[str, Any]:
    """Convert kerasft's options to fields of the file."""
    same = ("max_new_tokens", "min_new_tokens", "repetition_penalty", "no_repeat_ngram_size")
    fields = {name: options[name] for name in same if name in options}
    method = options.get("method", "greedy")
    if method == "sample":
        fields |= {
            "do_sample": True,
            "temperature": options.get("temperature", 1.0),
            "top_k": options.get("top_k") or 0,
        }
        fields |= {"top_p": options["top_p"]} if options.get("top_p") is not None else {}
    if method == "beam":
        fields |= {name: options[name] for name in ("num_beams", "length_penalty", "early_stopping") if name in options}
    if options.get("stop"):
        fields["stop_strings"] = list(options["stop"])
    return fields


def _set_end(path: pathlib.Path, ends: object, tokenizer: PreTrainedTokenizerFast) -> None:
    if ends is None:
        return
    ids = ends if isinstance(ends, list) else [ends]
    if not ids or not all(type(number) is int and number >= 0 for number in ids):
        raise CheckpointError(
            f"{path}: field 'eos_token_id' must be a token id or a list of ids; received: {ends!r}. Use files of the "
            "same checkpoint."
        )
    # Small GPT-2 models often have the 50256 of the published one, which is outside their vocabulary.
    ids = [number for number in ids if number < len(tokenizer)]
    if not ids:
        return
    if tokenizer.eos_token_id not in ids:
        tokenizer.eos_token = tokenizer.convert_ids_to_tokens(ids[0])
    others = [tokenizer.convert_ids_to_tokens(number) for number in ids if number != tokenizer.eos_token_id]
    if others:
        warnings.warn(
            f"{path}: kerasft uses {tokenizer.eos_token!r} as the only end token; ignored: {others}. Pass their texts with "
            "the option `stop`, if they have any.",
            stacklevel=2,
        )
