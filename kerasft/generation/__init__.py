"""Texts written token by token, over GPT-2 and T5 with a cache of keys and values."""

from kerasft.generation.generator import Generator
from kerasft.generation.options import Generated, GenerationOptions

__all__ = ["Generated", "GenerationOptions", "Generator"]
