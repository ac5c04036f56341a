"""The most probable tokens for each mask of a text, and the text with them; numpy only, for the runner on a device too."""

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
        logits: Of the masks that the model has read, in the text's order, (masks, V).
        top_k: Candidates for each mask.
        mask_token: How a mask is written.
        token_text: From a token's id to what is shown of it.
        prefix: What a token begins with that continues a word, such as "##"; None where no token does.

    Returns:
        `masks`, for each mask `[{"token", "score"}, ...]`, most probable first; `filled`, the text with the best of each.

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
        masks.append([{"token": token_text(place), "score": math.exp(log_p[place])} for place in best])
    return {"filled": _filled(text, [mask[0]["token"] for mask in masks], mask_token, prefix), "masks": masks}


def _filled(text: str, words: list[str], mask_token: str, prefix: str | None) -> str:
    """The text with its first masks replaced; a word's continuation ("##ing") is joined to the text before it."""
    filled, *parts = text.split(mask_token)
    for number, part in enumerate(parts):
        word = words[number] if number < len(words) else mask_token
        if prefix and len(word) > len(prefix) and word.startswith(prefix):
            # Only the space before this mask goes: a "##" of the user's own is a part of the text.
            filled = filled.rstrip() + word.removeprefix(prefix)
        else:
            filled += word
        filled += part
    return filled
