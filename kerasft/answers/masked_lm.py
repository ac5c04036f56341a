"""Mask filling: the most probable tokens per mask, and the filled text; numpy only, also used on devices."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np


def fill_masks(
    text: str,
    logits: np.ndarray,
    *,
    top_k: int,
    mask_token: str,
    token_text: Callable[[int], str],
    prefix: str | None = None,
) -> dict[str, Any]:
    """Fill the masks of a text.

    Args:
        text: The text with its masks.
        logits: Logits of the masks that were not truncated, in text order, (masks, V).
        top_k: Candidates per mask.
        mask_token: The mask token.
        token_text: Maps a token id to its displayed text.
        prefix: Prefix of tokens that continue a word, such as "##"; None if there is none.

    Returns:
        `masks`, for each mask `[{"token", "score"}, ...]`, most probable first; `filled`, the text with the top candidates.

    Example:

    >>> logits = np.array([[0.0, 100.0]])
    >>> fill_masks("a _ film", logits, top_k=1, mask_token="_", token_text=["bad", "good"].__getitem__)
    {'filled': 'a good film', 'masks': [[{'token': 'good', 'score': 1.0}]]}
    """
    masks = []
    for row in np.asarray(logits, "float64"):
        shifted = row - row.max()
        log_p = shifted - np.log(np.exp(shifted).sum())  # (V,)
        best = np.argsort(-log_p, kind="stable")[:top_k].tolist()
        masks.append([{"token": token_text(index), "score": math.exp(log_p[index])} for index in best])
    return {"filled": _filled(text, [mask[0]["token"] for mask in masks], mask_token, prefix), "masks": masks}


def _filled(text: str, words: list[str], mask_token: str, prefix: str | None) -> str:
    """Replace the first masks of a text; the continuation of a word ("##ing") is joined to the preceding text."""
    filled, *parts = text.split(mask_token)
    for number, part in enumerate(parts):
        word = words[number] if number < len(words) else mask_token
        if prefix and len(word) > len(prefix) and word.startswith(prefix):
            # Remove only the space before this mask: "##" in the input is part of the text.
            filled = filled.rstrip() + word.removeprefix(prefix)
        else:
            filled += word
        filled += part
    return filled
