"""Checkpoints of other libraries in, backbone and tokenizer out."""

from kerasft.checkpoints.load import load_pretrained

__all__ = ["load_pretrained"]
