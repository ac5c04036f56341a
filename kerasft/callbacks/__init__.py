"""Keras callbacks: progress and TensorBoard, early stopping, checkpoints, resuming.

All of them go into `model.fit(callbacks=[...])`, in any order, beside Keras' own; only `Evaluation` has to stand before those
that use its numbers.
"""

from kerasft.callbacks.checkpoints import best_checkpoint, best_epoch, early_stopping, load_best_weights
from kerasft.callbacks.evaluation import Evaluation
from kerasft.callbacks.non_finite import StopOnNonFinite
from kerasft.callbacks.progress_lines import ProgressLines
from kerasft.callbacks.resumable import Resumable
from kerasft.callbacks.resuming import resume
from kerasft.callbacks.tensorboard import TensorBoard
from kerasft.callbacks.throughput import Throughput

__all__ = [
    "Evaluation",
    "ProgressLines",
    "Resumable",
    "StopOnNonFinite",
    "TensorBoard",
    "Throughput",
    "best_checkpoint",
    "best_epoch",
    "early_stopping",
    "load_best_weights",
    "resume",
]
