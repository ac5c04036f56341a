"""Deprecated: use `kerasft.quantization_aware`. This module will be removed in the next version."""

import warnings

from kerasft.quantization_aware import fake_quantize, quantization_aware

__all__ = ["fake_quantize", "quantization_aware"]

warnings.warn("kerasft.quantization is now kerasft.quantization_aware.", DeprecationWarning, stacklevel=2)
