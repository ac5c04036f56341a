"""The checkpoint's own fast tokenizer: exact ids, character offsets, no PyTorch; and new ones, learned from texts."""

from kerasft.tokenizers.load import FILES, load, save
from kerasft.tokenizers.train import train

__all__ = ["FILES", "load", "save", "train"]
