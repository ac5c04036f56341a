"""Text generation with GPT-2 and T5, with a key/value cache."""

from kerasft.generation.generator import Generator
from kerasft.generation.options import Generated, GenerationOptions

__all__ = ["Generated", "GenerationOptions", "Generator"]
