"""Keras callbacks: what happened during training, on screen and in TensorBoard; stopping, checkpoints, resuming.

All of them go into `model.fit(callbacks=[...])`, in any order, beside Keras' own.
"""

from kerasft.callbacks.checkpoints import best_checkpoint, early_stopping, resume
from kerasft.callbacks.non_finite import StopOnNonFinite
from kerasft.callbacks.progress_lines import ProgressLines
from kerasft.callbacks.tensorboard import TensorBoard
from kerasft.callbacks.throughput import Throughput

__all__ = [
    "ProgressLines",
    "StopOnNonFinite",
    "TensorBoard",
    "Throughput",
    "best_checkpoint",
    "early_stopping",
    "resume",
]
