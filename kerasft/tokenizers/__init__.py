"""Load a checkpoint's own fast tokenizer, with exact ids and character offsets, without PyTorch; or train a new one."""

from kerasft.tokenizers.load import FILES, load, save
from kerasft.tokenizers.train import train

__all__ = ["FILES", "load", "save", "train"]
