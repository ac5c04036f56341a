"""Find a checkpoint's folder on the Hugging Face hub or in its cache, by `huggingface_hub`."""

import pathlib
import re

import huggingface_hub

from kerasft.errors import CheckpointError

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_FILES = (
    "config.json",
    "model.safetensors",
    "model.safetensors.index.json",
    "model-?????-of-?????.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    # A KerasHub preset that somebody keeps on the hub.
    "metadata.json",
    "preprocessor.json",
    "model.weights.h5",
    "assets/tokenizer/*",
)


def is_hub_id(name: str) -> bool:
    """Tell whether `name` has the form of a hub id.

    Example:

    >>> is_hub_id("google-bert/bert-base-uncased"), is_hub_id("../models/bert")
    (True, False)
    """
    return _HUB_ID.fullmatch(name) is not None


def download(hub_id: str, revision: str | None = None) -> pathlib.Path:
    """Return the local folder of a hub id, downloading what is not in the cache yet.

    `HF_HOME`, `HF_HUB_OFFLINE`, `HF_ENDPOINT` and the user's token are honoured by `huggingface_hub` itself.

    Args:
        hub_id: Such as `"google-bert/bert-base-uncased"`.
        revision: Branch, tag or commit; None: the main branch.

    Raises:
        CheckpointError: If the hub does not have it, or cannot be reached and the cache does not have it.
    """
    try:
        return pathlib.Path(huggingface_hub.snapshot_download(hub_id, revision=revision, allow_patterns=list(_FILES)))
    except (OSError, ValueError) as error:  # All of huggingface_hub's own errors are one of the two.
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        at = f" at revision {revision!r}" if revision else ""
        raise CheckpointError(
            f"{hub_id!r}{at} is neither a local folder nor a KerasHub preset, and the Hugging Face hub "
            f"did not give it: {reason} Check the spelling, the network and HF_HUB_OFFLINE, or give a local folder."
        ) from error
