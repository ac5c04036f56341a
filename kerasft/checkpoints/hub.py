"""Download a checkpoint from the Hugging Face hub, or find it in the cache, with `huggingface_hub`."""

import pathlib
import re

import huggingface_hub

from kerasft.checkpoints import torch_reader
from kerasft.errors import CheckpointError

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
SMALL_FILES = (
    "config.json",
    "bert_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "generation_config.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "metadata.json",
    "preprocessor.json",
    "assets/tokenizer/*",
    "modules.json",
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    "sentence_*_config.json",
    "[1-9]_*/config.json",
    "[1-9]_*/model.safetensors",
    "[1-9]_*/pytorch_model.bin",
)
_WEIGHTS = (
    ("model.safetensors", "model.safetensors.index.json", "model-?????-of-?????.safetensors"),
    ("model.weights.h5", "model.weights.json", "model_?????.weights.h5"),  # a KerasHub preset on the hub
    ("pytorch_model.bin", "pytorch_model.bin.index.json", "pytorch_model-?????-of-?????.bin"),
    ("tf_model.h5", "tf_model.h5.index.json", "tf_model-?????-of-?????.h5"),
    ("bert_model.ckpt.index", "bert_model.ckpt.data-*"),
)
# Supported weight formats by preference; only the first one in the repository is downloaded.


def is_hub_id(name: str) -> bool:
    """Return whether `name` has the form of a hub id.

    Example:

    >>> is_hub_id("google-bert/bert-base-uncased"), is_hub_id("../models/bert")
    (True, False)
    """
    return _HUB_ID.fullmatch(name) is not None


def download(hub_id: str, revision: str | None = None) -> pathlib.Path:
    """Return the local folder of a hub id; files that are not in the cache are downloaded.

    `huggingface_hub` respects `HF_HOME`, `HF_HUB_OFFLINE`, `HF_ENDPOINT` and the user's token.

    Args:
        hub_id: Such as `"google-bert/bert-base-uncased"`.
        revision: Branch, tag or commit; None: the main branch.

    Raises:
        CheckpointError: If the repository does not exist, or is not in the cache and the hub cannot be reached.
    """
    formats = _WEIGHTS
    if not torch_reader.is_available():  # then PyTorch's format comes last
        formats = sorted(_WEIGHTS, key=lambda files: files[0].endswith(".bin"))
    try:
        patterns = [*SMALL_FILES, *formats[0]]
        patterns += [f"0_Transformer/{name}" for name in patterns]  # the layout of the first sentence encoders
        folder = pathlib.Path(huggingface_hub.snapshot_download(hub_id, revision=revision, allow_patterns=patterns))
        for files in formats[1:]:
            if _has_weights(folder):
                break
            patterns = [*files, *(f"0_Transformer/{name}" for name in files)]
            huggingface_hub.snapshot_download(hub_id, revision=folder.name, allow_patterns=patterns)
        return folder
    except (OSError, ValueError) as error:  # base classes of all errors of huggingface_hub
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        at = f" at revision {revision!r}" if revision else ""
        raise CheckpointError(
            f"{hub_id!r}{at} is neither a local folder nor a KerasHub preset, and the Hugging Face hub "
            f"could not provide it: {reason} Check the spelling, the network and HF_HUB_OFFLINE, or use a local folder."
        ) from error


def upload(
    folder: pathlib.Path,
    repo_id: str,
    *,
    private: bool | None,
    revision: str | None,
    commit_message: str,
    token: str | None,
) -> str:
    """Upload a folder to a repository, which is created if it does not exist; return the URL of the commit.

    Raises:
        CheckpointError: If the hub cannot be reached or rejects the upload.
    """
    hub = huggingface_hub.HfApi(token=token)
    try:
        hub.create_repo(repo_id, private=private, exist_ok=True)
        if revision is not None:
            hub.create_branch(repo_id, branch=revision, exist_ok=True)
        commit = hub.upload_folder(
            repo_id=repo_id, folder_path=folder, revision=revision, commit_message=commit_message
        )
    except Exception as error:  # errors of the HTTP client, which depends on the version
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise CheckpointError(
            f"{repo_id!r} could not be uploaded: {reason} Check the network, HF_HUB_OFFLINE, and that your token (hf auth "
            "login) has write access."
        ) from error
    return commit.commit_url


def _has_weights(folder: pathlib.Path) -> bool:
    folders = (folder, folder / "0_Transformer")
    return any(any(each.glob(pattern)) for each in folders for files in _WEIGHTS for pattern in files)
