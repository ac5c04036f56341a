"""Benchmarks of LiteRT files without TensorFlow: latency, memory, operators and time per kernel.

Files are measured in subprocesses that import ai-edge-litert and numpy only.
"""

from kerasft.measuring.litert_file import measure_litert
from kerasft.measuring.operators import count_operators
from kerasft.measuring.phone import adb_commands

__all__ = ["adb_commands", "count_operators", "measure_litert"]
