"""How the file's numbers become the task's answers: every setting that an app needs, with the defaults written out."""

import dataclasses
from collections.abc import Callable
from typing import Any

from kerasft.answers.marked_texts import ENTITY_MARKERS
from kerasft.answers.question_answering import N_BEST
from kerasft.answers.tags import scheme_of
from kerasft.answers.text_classification import check_settings
from kerasft.bundles import Bundle
from kerasft.encoding.entity_markers import marker_ids
from kerasft.encoding.question_windows import QuestionWindows
from kerasft.encoding.windows import special_tokens
from kerasft.errors import bad_argument
from kerasft.features import MULTI_LABEL, REGRESSION, SINGLE_LABEL
from kerasft.generation.cached_t5 import START_ID
from kerasft.generation.options import GenerationOptions
from kerasft.heads.sentence_encoder import sentence_encoder_of

_ACTIVATIONS = {SINGLE_LABEL: "softmax", MULTI_LABEL: "sigmoid", REGRESSION: None}
_THRESHOLD = 0.5  # the pipeline's default
_MAX_ANSWER_LENGTH = 30  # the pipeline's default


def decoding(bundle: Bundle, max_length: int) -> dict[str, Any]:
    """Return the task's settings as its pipeline uses them; nothing is left to a default that only kerasft knows.

    Args:
        bundle: What is exported.
        max_length: Longest input of the file in tokens; windows and their stride follow it.

    Returns:
        By task: `activation`, `multi_label`, `threshold`, `out_of_scope`, and where the bundle has them `thresholds` and
        `temperature` (text-classification); `scheme`,
        `window`, `stride`, `word_tag`, `constrained` (token-classification; with `intents`, intent-and-slots); `window`,
        `stride`, `max_question_length`, `max_answer_length`, `num_best`, `no_answer_threshold` (question-answering);
        `markers`, `negative_label` (relation-extraction); `pooling`, `normalized` (sentence-embedding); `mask_token_id`
        (masked-lm); `options`, `prefix`, `start_token_id`, `end_token_id`, `pad_token_id` (where texts are written).

    Raises:
        KerasftError: If a temperature or thresholds of the bundle are none.

    Example:

    >>> from tests import tiny
    >>> bundle = Bundle(tiny.classifier(), tiny.tokenizer(), {"problem": "single_label", "labels": ["no", "yes"]})
    >>> decoding(bundle, 16)["activation"]
    'softmax'
    """
    return _DECODING[bundle.task](bundle, max_length)


def _classes(bundle: Bundle, _: int) -> dict[str, Any]:
    problem, settings = bundle.metadata["problem"], bundle.settings
    check_settings(settings, bundle.labels)
    return {
        "activation": _ACTIVATIONS[problem],
        "multi_label": problem == MULTI_LABEL,
        "threshold": _THRESHOLD if problem == MULTI_LABEL else None,
        "out_of_scope": settings.get("out_of_scope"),
        **{name: settings[name] for name in ("thresholds", "temperature") if name in settings},
    }


def _tags(bundle: Bundle, max_length: int) -> dict[str, Any]:
    room = max_length - sum(map(len, special_tokens(bundle.tokenizer)))
    stride = bundle.settings.get("stride")
    return {
        "scheme": scheme_of(bundle.metadata["labels"]),
        "window": max_length,
        "stride": stride if stride is not None and stride < room else room // 4,
        "word_tag": "first_token",
        "constrained": bool(bundle.settings.get("constrained", False)),
    }


def _intents_and_slots(bundle: Bundle, max_length: int) -> dict[str, Any]:
    return _tags(bundle, max_length) | {"intents": list(bundle.settings["intents"])}


def _spans(bundle: Bundle, max_length: int) -> dict[str, Any]:
    stride = bundle.settings.get("stride")
    stride = stride if stride is None else min(int(stride), (max_length - 1) // 2)
    windows = QuestionWindows(bundle.tokenizer, max_length=max_length, stride=stride)
    return {
        "window": max_length,
        "stride": windows.stride,
        "max_question_length": windows.max_question,
        "max_answer_length": int(bundle.settings.get("max_answer_length") or _MAX_ANSWER_LENGTH),
        "num_best": N_BEST,
        "no_answer_threshold": bundle.settings.get("no_answer_threshold"),
    }


def _relations(bundle: Bundle, _: int) -> dict[str, Any]:
    return {
        "activation": "softmax",
        "markers": dict(zip(ENTITY_MARKERS, marker_ids(bundle.tokenizer))),
        "negative_label": bundle.settings.get("negative_label"),
    }


def _embedding(bundle: Bundle, _: int) -> dict[str, Any]:
    """The file pools and normalises itself; an app that compares vectors has to know whether it did."""
    encoder = sentence_encoder_of(bundle.model)
    if encoder.default_prompt_name is not None:
        prompt = encoder.prompts[encoder.default_prompt_name]
        fix = "An app reads texts as they are: set default_prompt_name to null in kerasft.json, and begin texts with the prompt."
        raise bad_argument("bundle", "a sentence embedder without a default prompt for a mobile file", prompt, fix)
    pooling = (
        None if hasattr(bundle.model, "bundle_task") else encoder.pooling
    )  # in a head of one's own it is not known
    return {"pooling": pooling, "normalized": encoder.normalize}


def _mask(bundle: Bundle, _: int) -> dict[str, Any]:
    return {"mask_token_id": bundle.tokenizer.mask_token_id}


def _writing(bundle: Bundle, _: int) -> dict[str, Any]:
    defaults = {field.name: field.default for field in dataclasses.fields(GenerationOptions)}
    return {
        "options": {**defaults, **bundle.settings.get("generation", {})},
        "prefix": bundle.settings.get("prefix", ""),
        "start_token_id": bundle.settings.get("start_token_id", START_ID),
        "end_token_id": bundle.tokenizer.eos_token_id,
        "pad_token_id": bundle.tokenizer.pad_token_id,
    }


_DECODING: dict[str, Callable[[Bundle, int], dict[str, Any]]] = {
    "text-classification": _classes,
    "token-classification": _tags,
    "intent-and-slots": _intents_and_slots,
    "question-answering": _spans,
    "relation-extraction": _relations,
    "sentence-embedding": _embedding,
    "masked-lm": _mask,
    "causal-lm": _writing,
    "sequence-to-sequence": _writing,
}
