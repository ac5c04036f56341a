"""Checkpoints of other libraries in, backbone and tokenizer out."""

from kerasft.checkpoints.load import load_pretrained
from kerasft.checkpoints.new_bert import new_bert

__all__ = ["load_pretrained", "new_bert"]
