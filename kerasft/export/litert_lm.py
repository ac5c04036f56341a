"""Pack an exported GPT-2 into a `.litertlm` container for Google's LiteRT-LM."""

import json
import os
import pathlib
import tempfile
from typing import Any

from kerasft.conversion.steps import run_step
from kerasft.errors import CheckpointError, ExportError, bad_argument
from kerasft.export.generation_graphs import PREFILL
from kerasft.files import file_written_aside, local_path
from kerasft.inference.runners import LITERT_FILE

LITERT_LM_FILE = "model.litertlm"
_TOKENIZER_FILE = "tokenizer.json"


def litert_lm(folder: str | os.PathLike, path: str | os.PathLike | None = None) -> pathlib.Path:
    """Write the container: the model file, its tokenizer and metadata.

    LiteRT-LM (https://github.com/google-ai-edge/LiteRT-LM) implements the decoding loop, sampling and tokenization in Kotlin,
    C++, Swift and Python. Open a session without a prompt template: GPT-2 completes texts and is not a chat model.

    Args:
        folder: A causal language model exported by `kerasft.export.litert_generation`.
        path: The file to write; `None`: `model.litertlm` in the folder.

    Returns:
        The file's path.

    Raises:
        ExportError: If the package `litert-lm-builder` is not installed, or crashed.
        CheckpointError: If the folder is not such an export.
        KerasftError: If the model is a T5, which LiteRT-LM does not support.

    Example:

    >>> litert_lm("no/such/folder")
    Traceback (most recent call last):
    ...
    kerasft.errors.CheckpointError: no/such/folder was not written by kerasft.export.litert_generation: ...
    """
    folder = local_path(folder)
    facts = _generation_facts(folder)
    if facts["kind"] != "causal_lm":
        raise bad_argument(
            "folder", "an export of a causal language model", facts["kind"], "Run a T5 with its own decoding loop."
        )
    module = _builder_module()
    metadata = _metadata(module.llm_metadata_pb2.LlmMetadata(), facts)
    path = folder / LITERT_LM_FILE if path is None else local_path(path)
    with tempfile.TemporaryDirectory() as temporary, file_written_aside(path) as aside:
        metadata_file = pathlib.Path(temporary) / "metadata.pb"
        metadata_file.write_bytes(metadata.SerializeToString())
        files = {"file": folder / LITERT_FILE, "tokenizer": folder / _TOKENIZER_FILE, "metadata": metadata_file}
        run_step("pack", {key: str(name) for key, name in {**files, "out_file": aside}.items()})
    return path


def _generation_facts(folder: pathlib.Path) -> dict[str, Any]:
    required = (LITERT_FILE, _TOKENIZER_FILE, "signature.json")
    missing = [name for name in required if not (folder / name).is_file()]
    if not missing:
        facts = json.loads((folder / "signature.json").read_text("utf-8")).get("generation")
        if facts is not None:
            return facts
        missing = [f"the signatures {PREFILL}..."]
    raise CheckpointError(
        f"{folder} was not written by kerasft.export.litert_generation: {', '.join(missing)} missing. Export it first."
    )


def _builder_module() -> Any:
    try:
        from litert_lm_builder import litertlm_builder  # optional dependency, for this container only
    except ImportError as error:
        raise ExportError(
            "A .litertlm file requires the package litert-lm-builder, which is not installed. Run: pip install litert-lm-builder."
        ) from error
    return litertlm_builder


def _metadata(metadata: Any, facts: dict[str, Any]) -> Any:
    if facts["end_token_id"] is not None:
        metadata.stop_tokens.add().token_ids.ids.append(facts["end_token_id"])
    metadata.max_num_tokens = facts["cache_length"]
    metadata.llm_model_type.generic_model.SetInParent()
    metadata.supports_thinking = False
    metadata.supports_function_calling = False
    return metadata
