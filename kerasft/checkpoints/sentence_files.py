"""Read and write the files of sentence-transformers: pooling, maximum length and prompts.

modules.json                         the modules in order, each with its folder
1_Pooling/config.json                pooling
2_Dense/                             a dense layer on the pooled vector: config.json and weights
2_Normalize/                         L2 normalization, without files
sentence_bert_config.json            maximum sequence length, lowercasing
config_sentence_transformers.json    prompts, similarity

Every setting that affects the embeddings is either supported or an error.
https://sbert.net/docs/package_reference/sentence_transformer/models.html
"""

import json
import pathlib
import re
import warnings
from collections.abc import Mapping

import numpy as np
from safetensors.numpy import save_file
from tokenizers import normalizers
from transformers import PreTrainedTokenizerFast

from kerasft import security
from kerasft.checkpoints.config_file import CONFIG_FILE, ConfigFile
from kerasft.checkpoints.safetensors_reader import SINGLE_FILE
from kerasft.checkpoints.tensors import open_tensors
from kerasft.errors import CheckpointError, bad_argument
from kerasft.heads import Projection, SentenceEncoder

MODULES_FILE = "modules.json"
PROMPTS_FILE = "config_sentence_transformers.json"
LENGTH_FILE = "sentence_bert_config.json"
_OLD_LENGTH_FILES = tuple(
    f"sentence_{name}_config.json"
    for name in ("roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet", "transformers")
)
_POOLINGS = {"cls": "cls", "mean": "mean", "lasttoken": "last"}
_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_ACTIVATIONS = {
    "Identity": "linear",
    "Tanh": "tanh",
    "ReLU": "relu",
    "GELU": "gelu",
    "Sigmoid": "sigmoid",
    "SiLU": "silu",
}
_TORCH = {"linear": "torch.nn.modules.linear.Identity"}
_TORCH |= {ours: f"torch.nn.modules.activation.{name}" for name, ours in _ACTIVATIONS.items() if ours != "linear"}
_ORDER = ("Transformer", "Pooling", "Dense", "Normalize")
_PACKAGE = "sentence_transformers.models"


def transformer_folder(folder: pathlib.Path) -> pathlib.Path:
    """Return the backbone's folder: the folder itself, or the one in `modules.json` (`0_Transformer`).

    Raises:
        CheckpointError: If `modules.json` is invalid or has an unsupported module.

    Example:

    >>> from kerasft.demo import tiny
    >>> checkpoint = tiny.checkpoint("tiny_bert")
    >>> transformer_folder(pathlib.Path(checkpoint)).name
    'tiny_bert'
    """
    return _modules(folder)[0][1] if is_sentence_encoder(folder) else folder


def is_sentence_encoder(folder: pathlib.Path) -> bool:
    """Return whether a folder is a checkpoint of sentence-transformers.

    Example:

    >>> from kerasft.demo import tiny
    >>> checkpoint = tiny.checkpoint("tiny_bert")
    >>> is_sentence_encoder(pathlib.Path(checkpoint))
    False
    """
    return (folder / MODULES_FILE).is_file()


def read_sentence_encoder(folder: pathlib.Path) -> SentenceEncoder:
    """Read the embedding settings of a sentence-transformers folder.

    Raises:
        CheckpointError: If a file is invalid, or a setting is not supported.
    """
    pooling = None
    projections = []
    normalize = False
    for kind, module_folder in _modules(folder):
        if kind == "Pooling":
            pooling, with_prompt = _read_pooling(module_folder)
        elif kind == "Dense":
            projections.append(_read_dense(module_folder))
        elif kind == "Normalize":
            normalize = True
    prompts, default = _read_prompts(folder)
    if not with_prompt and any(prompts.values()):
        raise CheckpointError(
            f"{folder}: 1_Pooling has include_prompt=false, so a prompt's tokens are not pooled; kerasft pools all tokens. "
            f"Remove the prompts {sorted(prompts)} of {PROMPTS_FILE} if texts have none."
        )
    length = _length_file(transformer_folder(folder))
    longest = None
    if length is not None:
        length.only("transformer_task", "feature-extraction", None)
        longest = length.get(
            "max_seq_length", None, expected="a whole number >= 1 or null", accept=lambda x: x is None or _is_size(x)
        )
    return SentenceEncoder(
        pooling=pooling,
        normalize=normalize,
        projections=tuple(projections),
        max_length=longest,
        prompts=prompts,
        default_prompt_name=default,
    )


def fit_tokenizer(folder: pathlib.Path, tokenizer: PreTrainedTokenizerFast) -> None:
    """Add lowercasing to a tokenizer if the folder sets `do_lower_case` and the tokenizer does not lowercase yet."""
    length = _length_file(folder)
    lower = length is not None and length.flag("do_lower_case", False)
    backend = tokenizer.backend_tokenizer
    if lower and not _lower_cases(tokenizer):
        lowercase = normalizers.Lowercase()
        backend.normalizer = normalizers.Sequence([lowercase, *([backend.normalizer] if backend.normalizer else [])])


def write_sentence_files(
    folder: pathlib.Path, encoder: SentenceEncoder, *, hidden_dim: int, max_length: int | None
) -> None:
    """Add the files of sentence-transformers to a checkpoint, for the same embeddings.

    Args:
        folder: The checkpoint's folder.
        encoder: The settings to write.
        hidden_dim: H, the hidden size of the backbone.
        max_length: Maximum sequence length in tokens.

    Raises:
        KerasftError: If sentence-transformers does not support the pooling or activation.
    """
    names = {ours: theirs for theirs, ours in _POOLINGS.items()}
    if encoder.pooling not in names:
        raise bad_argument(
            "model",
            f"one with pooling in {list(names)}",
            encoder.pooling,
            "sentence-transformers has no other pooling.",
        )
    pooling = {"word_embedding_dimension": hidden_dim}
    pooling |= {flag: name == names[encoder.pooling] for flag, name in _FLAGS.items()} | {"include_prompt": True}
    contents = {"1_Pooling": pooling}
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
    for projection in encoder.projections:
        name = f"{len(modules)}_Dense"
        contents[name] = _dense_config(projection)
        modules.append((name, "Dense"))
    if encoder.normalize:
        contents[f"{len(modules)}_Normalize"] = None
        modules.append((f"{len(modules)}_Normalize", "Normalize"))
    for name, content in contents.items():
        (folder / name).mkdir()
        if content is not None:
            _write(folder / name / CONFIG_FILE, content)
    for projection, (name, _) in zip(encoder.projections, modules[2:]):
        tensors = {"linear.weight": np.ascontiguousarray(projection.kernel.T)}
        tensors |= {} if projection.bias is None else {"linear.bias": projection.bias}
        save_file(tensors, folder / name / SINGLE_FILE, {"format": "pt"})
    rows = [
        {"idx": index, "name": str(index), "path": path, "type": f"{_PACKAGE}.{kind}"}
        for index, (path, kind) in enumerate(modules)
    ]
    _write(folder / MODULES_FILE, rows)
    _write(folder / LENGTH_FILE, {"max_seq_length": max_length or encoder.max_length, "do_lower_case": False})
    prompts = {"prompts": dict(encoder.prompts), "default_prompt_name": encoder.default_prompt_name}
    _write(folder / PROMPTS_FILE, {**prompts, "similarity_fn_name": "cosine"})


def _modules(folder: pathlib.Path) -> list[tuple[str, pathlib.Path]]:
    """The types of the modules in order, each with its folder."""
    path = folder / MODULES_FILE
    try:
        rows = sorted(security.read_json(path), key=lambda row: row["idx"])
        modules = [(str(row["type"]), str(row["path"])) for row in rows]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path}: expected a list of modules ({error!r}). Copy the file again.") from error
    kinds = []
    for kind, subfolder in modules:
        package, _, name = kind.rpartition(".")
        if not package.startswith("sentence_transformers") or name not in (*_ORDER, "Dropout"):
            raise CheckpointError(
                f"{path}: the modules must be among {', '.join(_ORDER)}; received: {kind!r}. kerasft would compute different "
                "embeddings than this checkpoint; choose another one, or load its backbone folder without modules.json."
            )
        # A plain name or empty: modules must be inside the folder.
        if subfolder and (not re.fullmatch(r"\w[\w.-]*", subfolder, re.ASCII) or ".." in subfolder):
            raise CheckpointError(f"{path}: a module's path must be a folder name; received: {subfolder!r}.")
        if name != "Dropout":  # no effect at inference
            kinds.append((name, folder / subfolder))
    names = [name for name, _ in kinds]
    if (
        names[:2] != ["Transformer", "Pooling"]
        or names != sorted(names, key=_ORDER.index)
        or names.count("Pooling") > 1
    ):
        raise CheckpointError(
            f"{path}: the modules must be Transformer, Pooling, and optionally Dense and Normalize; received: {names}. "
            "Choose another checkpoint."
        )
    return kinds


def _read_pooling(folder: pathlib.Path) -> tuple[str, bool]:
    config = ConfigFile(folder / CONFIG_FILE)
    named = config.get("pooling_mode", None, expected="a pooling mode", accept=lambda x: _is_text(x) or x is None)
    flags = {flag: config.flag(flag, flag == "pooling_mode_mean_tokens" and named is None) for flag in _FLAGS}
    modes = [_FLAGS[flag] for flag, chosen in flags.items() if chosen] if named is None else [named]
    if len(modes) != 1 or modes[0] not in _POOLINGS:
        raise CheckpointError(
            f"{config.path}: the pooling must be one of {', '.join(_POOLINGS)}; received: {' + '.join(modes) or 'none'}. "
            "kerasft would compute different embeddings than this checkpoint; choose another one."
        )
    for field in ("word_embedding_dimension", "embedding_dimension"):
        config.get(field, None, expected="a whole number", accept=lambda x: x is None or _is_size(x))
    with_prompt = config.flag("include_prompt", True)
    config.finish()
    return _POOLINGS[modes[0]], with_prompt


def _read_dense(folder: pathlib.Path) -> Projection:
    config = ConfigFile(folder / CONFIG_FILE)
    names = [*_TORCH.values(), *(name.replace("modules.activation.", "") for name in _TORCH.values())]
    activation = config.get(
        "activation_function", _TORCH["tanh"], expected=f"one of {', '.join(names)}", accept=lambda x: x in names
    )
    shape = (config.size("in_features", 1), config.size("out_features", 1))
    with_bias = config.flag("bias", True)
    for field, usual in (("module_input_name", "sentence_embedding"), ("module_output_name", "sentence_embedding")):
        config.only(field, usual, None)
    config.finish()
    tensors = open_tensors(folder)
    expected = {"linear.weight": shape[::-1]} | ({"linear.bias": shape[1:]} if with_bias else {})
    received = {name: tensors.shape(name) for name in tensors}
    if received != expected:
        raise CheckpointError(f"{folder}: the weights must be {expected}; received: {received}. Copy the folder again.")
    bias = tensors.read("linear.bias") if with_bias else None
    return Projection(tensors.read("linear.weight").T, bias, _ACTIVATIONS[activation.rpartition(".")[2]])


def _dense_config(projection: Projection) -> dict:
    if projection.activation not in _TORCH:
        raise bad_argument("activation", f"one of {', '.join(_TORCH)}", projection.activation, "Use 'tanh'.")
    inputs, outputs = projection.kernel.shape
    return {
        "in_features": inputs,
        "out_features": outputs,
        "bias": projection.bias is not None,
        "activation_function": _TORCH[projection.activation],
    }


def _read_prompts(folder: pathlib.Path) -> tuple[Mapping[str, str], str | None]:
    if not (folder / PROMPTS_FILE).is_file():
        return {}, None
    config = ConfigFile(folder / PROMPTS_FILE)
    prompts = config.get(
        "prompts",
        {},
        expected="an object of name: text",
        accept=lambda x: x is None or (isinstance(x, dict) and all(map(_is_text, x.values()))),
    )
    prompts = dict(prompts or {})
    default = config.get(
        "default_prompt_name",
        None,
        expected=f"one of {sorted(prompts)} or null",
        accept=lambda x: x is None or x in prompts,
    )
    similarity = config.get(
        "similarity_fn_name", None, expected="a name or null", accept=lambda x: x is None or _is_text(x)
    )
    config.only("truncate_dim", None)
    if similarity not in (None, "cosine"):
        warnings.warn(
            f"{config.path}: similarity_fn_name is {similarity!r}; kerasft compares embeddings by cosine similarity.",
            stacklevel=2,
        )
    return prompts, default


def _length_file(folder: pathlib.Path) -> ConfigFile | None:
    files = [folder / name for name in (LENGTH_FILE, *_OLD_LENGTH_FILES) if (folder / name).is_file()]
    return ConfigFile(files[0]) if files else None


def _lower_cases(tokenizer: PreTrainedTokenizerFast) -> bool:
    normalizer = tokenizer.backend_tokenizer.normalizer
    return normalizer is not None and "A" not in normalizer.normalize_str("A")


def _is_size(value: object) -> bool:
    return type(value) is int and value >= 1


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _write(path: pathlib.Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
