"""Read Fairseq's RoBERTa (https://github.com/facebookresearch/fairseq/tree/main/examples/roberta): `model.pt`, `dict.txt`.

`model.pt` contains the tensors and the training arguments, from which the config is derived.
"""

import argparse
import json
import pathlib
import re
import tempfile
from collections.abc import Iterator

import numpy as np
from transformers import PreTrainedTokenizerFast

from kerasft import security, tokenizers
from kerasft.checkpoints.torch_reader import REOPEN_AFTER_BYTES, as_float32, check_tensor, load_pickle
from kerasft.errors import CheckpointError

MODEL_FILE = "model.pt"
DICTIONARY_FILE = "dict.txt"
_BPE_FILES = ("encoder.json", "vocab.bpe")
_NAMES = (  # the first match is replaced
    (r"^(decoder|encoder)\.sentence_encoder\.embed_tokens\.", "roberta.embeddings.word_embeddings."),
    (r"^(decoder|encoder)\.sentence_encoder\.embed_positions\.", "roberta.embeddings.position_embeddings."),
    (r"^(decoder|encoder)\.sentence_encoder\.(emb_layer_norm|layernorm_embedding)\.", "roberta.embeddings.LayerNorm."),
    (r"^(decoder|encoder)\.sentence_encoder\.layers\.", "roberta.encoder.layer."),
    (r"^(decoder|encoder)\.lm_head\.weight$", "lm_head.decoder.weight"),
    (r"^(decoder|encoder)\.lm_head\.", "lm_head."),
    (r"^classification_heads\.\w+\.", "classifier."),
)
_BLOCK = {
    "self_attn.q_proj": "attention.self.query",
    "self_attn.k_proj": "attention.self.key",
    "self_attn.v_proj": "attention.self.value",
    "self_attn.out_proj": "attention.output.dense",
    "self_attn_layer_norm": "attention.output.LayerNorm",
    "fc1": "intermediate.dense",
    "fc2": "output.dense",
    "final_layer_norm": "output.LayerNorm",
}
_FUSED = re.compile(r"(.*\.self_attn\.)in_proj_(weight|bias)$")
_NOT_WEIGHTS = re.compile(r"(^|\.)(version|_float_tensor)$")
_SEGMENTS = "roberta.embeddings.token_type_embeddings.weight"


class FairseqReader:
    """The tensors of a folder with Fairseq's `model.pt`, under the names of Hugging Face's RoBERTa.

    Args:
        folder: The checkpoint.

    Raises:
        CheckpointError: If PyTorch is not installed, or the file is corrupted or contains more than tensors, plain values and
            the `argparse.Namespace` of the arguments.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self._path = folder / MODEL_FILE
        self._open()
        for name in ("word_embeddings", "position_embeddings"):
            if f"roberta.embeddings.{name}.weight" not in self._tensors:
                raise CheckpointError(
                    f"{self._path}: not a Fairseq RoBERTa: {name} is missing. Choose another checkpoint."
                )

    def _open(self) -> None:
        content = load_pickle(self._path, safe_classes=(argparse.Namespace,))
        if not isinstance(content, dict) or not isinstance(content.get("model"), dict):
            raise CheckpointError(f"{self._path}: must be a Fairseq checkpoint with 'model' and 'args'.")
        cfg = content.get("cfg")
        args = content.get("args") or (cfg.get("model") if isinstance(cfg, dict) else None)
        self._args = args if isinstance(args, dict) else vars(args or argparse.Namespace())
        self._tensors = _split(content["model"], self._path)
        self._bytes_read = 0

    @staticmethod
    def fits(folder: pathlib.Path) -> bool:
        """Return whether the folder has this format."""
        return (folder / MODEL_FILE).is_file() and (folder / DICTIONARY_FILE).is_file()

    def __iter__(self) -> Iterator[str]:
        return iter([*self._tensors, _SEGMENTS])

    def __contains__(self, name: str) -> bool:
        return name in self._tensors or name == _SEGMENTS

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor."""
        if name == _SEGMENTS:
            return (1, self._tensors["roberta.embeddings.word_embeddings.weight"].shape[1])
        return tuple(self._tensors[name].shape)

    def read(self, name: str) -> np.ndarray:
        """Read one tensor as float32. The segment embedding, which Hugging Face's RoBERTa has and Fairseq's has not, is zero."""
        if name == _SEGMENTS:
            return np.zeros(self.shape(name), np.float32)
        if self._bytes_read > REOPEN_AFTER_BYTES:  # see torch_reader
            self._tensors = {}
            self._open()
        self._bytes_read += self._tensors[name].nbytes
        return as_float32(self._tensors[name], name, self._path)

    def config_fields(self) -> dict:
        """Return the fields of the equivalent Hugging Face `config.json`."""
        embeddings = self._tensors["roberta.embeddings.word_embeddings.weight"]
        blocks = {
            int(match[1]) for name in self._tensors if (match := re.match(r"roberta\.encoder\.layer\.(\d+)\.", name))
        }
        first = "roberta.encoder.layer.0.intermediate.dense.weight"
        args = self._args
        head = "classifier.out_proj.weight"
        return {
            "model_type": "roberta",
            "architectures": ["RobertaForSequenceClassification" if head in self._tensors else "RobertaForMaskedLM"],
            "vocab_size": embeddings.shape[0],
            "hidden_size": embeddings.shape[1],
            "num_hidden_layers": len(blocks),
            "num_attention_heads": args.get("encoder_attention_heads", 12),
            "intermediate_size": self._tensors[first].shape[0] if first in self._tensors else 0,
            "max_position_embeddings": self._tensors["roberta.embeddings.position_embeddings.weight"].shape[0],
            "type_vocab_size": 1,
            "pad_token_id": 1,
            "hidden_act": {"gelu_fast": "gelu_new", "gelu_accurate": "gelu_new"}.get(
                args.get("activation_fn", "gelu"), args.get("activation_fn", "gelu")
            ),
            "hidden_dropout_prob": args.get("dropout", 0.1),
            "attention_probs_dropout_prob": args.get("attention_dropout", 0.1),
            "layer_norm_eps": 1e-5,
            **({"num_labels": self._tensors[head].shape[0]} if head in self._tensors else {}),
        }


def load_tokenizer(folder: pathlib.Path) -> PreTrainedTokenizerFast:
    """Create the tokenizer from `dict.txt` (the model's ids of GPT-2's tokens) and GPT-2's `encoder.json` and `vocab.bpe`.

    Raises:
        CheckpointError: If a file is missing or corrupted.
    """
    missing = [name for name in _BPE_FILES if not (folder / name).is_file()]
    if missing:
        raise CheckpointError(
            f"{folder}: Fairseq's {DICTIONARY_FILE} refers to GPT-2's tokens, whose files are required too; missing: "
            f"{', '.join(missing)}. Copy them from Fairseq's gpt2_bpe into this folder, or copy a tokenizer.json."
        )
    try:
        tokens = {str(number): token for token, number in security.read_json(folder / "encoder.json").items()}
        lines = (
            security.read_bounded(folder / DICTIONARY_FILE).decode().split("\n")
        )  # not splitlines: U+2028 is a token
        listed = [line.rsplit(" ", 1)[0] for line in lines if line.strip()]
        merges = security.read_bounded(folder / "vocab.bpe").decode()
    except (ValueError, AttributeError, OSError, RecursionError) as error:
        raise CheckpointError(f"{folder}: the tokenizer files are corrupted ({error}). Copy them again.") from error
    names = ["<s>", "<pad>", "</s>", "<unk>", *(tokens.get(number, number) for number in listed), "<mask>"]
    with tempfile.TemporaryDirectory() as temporary:
        target = pathlib.Path(temporary)
        (target / "vocab.json").write_text(json.dumps({name: index for index, name in enumerate(names)}), "utf-8")
        (target / "merges.txt").write_text(merges, "utf-8")
        (target / "tokenizer_config.json").write_text('{"tokenizer_class": "RobertaTokenizer"}', "utf-8")
        return tokenizers.load(target)


def _split(stored: dict, path: pathlib.Path) -> dict:
    """Rename tensors, and split fused query-key-value matrices (rows in this order)."""
    tensors = {}
    for name, tensor in stored.items():
        if not isinstance(name, str) or not hasattr(tensor, "is_floating_point"):
            raise CheckpointError(
                f"{path}: 'model' must contain named tensors; received: {name!r}. Choose another checkpoint."
            )
        check_tensor(tensor, name, path)
        fused = _FUSED.match(name)
        if fused and tensor.ndim and tensor.shape[0] % 3 == 0:
            for letter, chunk in zip("qkv", tensor.chunk(3)):
                tensors[_hugging_face_name(f"{fused[1]}{letter}_proj.{fused[2]}")] = chunk
        elif not _NOT_WEIGHTS.search(name):
            tensors[_hugging_face_name(name)] = tensor
    return tensors


def _hugging_face_name(name: str) -> str:
    """Convert a tensor name of Fairseq to Hugging Face's.

    Example:

    >>> _hugging_face_name("decoder.sentence_encoder.layers.3.self_attn.q_proj.bias")
    'roberta.encoder.layer.3.attention.self.query.bias'
    """
    for pattern, replacement in _NAMES:
        name, replaced = re.subn(pattern, replacement, name)
        if replaced:
            break
    block = re.match(r"(roberta\.encoder\.layer\.\d+\.)(.+)\.(\w+)$", name)
    return f"{block[1]}{_BLOCK.get(block[2], block[2])}.{block[3]}" if block else name
