"""Deprecated: use `kerasft.answers` and `kerasft.calibration`. This module will be removed in the next version."""

import warnings

from kerasft.answers import *  # noqa: F403
from kerasft.answers import __all__ as _answers
from kerasft.calibration import best_temperature, best_thresholds

__all__ = [*_answers, "best_temperature", "best_thresholds"]

warnings.warn(
    "kerasft.postprocessing is now kerasft.answers and kerasft.calibration.", DeprecationWarning, stacklevel=2
)
