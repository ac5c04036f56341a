"""The checkpoint's own fast tokenizer: exact ids, character offsets, no PyTorch."""

from kerasft.tokenizers.load import load, save

__all__ = ["load", "save"]
