"""kerasft: fine-tune BERT, RoBERTa, DistilBERT, GPT-2 and T5 in Keras 3 on TensorFlow, and ship the result.

The names below load their part of the package when first used, so that `import kerasft` starts no TensorFlow. It is still
enough for `keras.models.load_model`: see serialization.py.
"""

import importlib
import logging

from kerasft.serialization import register_with_keras

__version__ = "0.1.0"

# transformers tells on import that models need PyTorch; kerasft takes its tokenizers only, and the line alarms users.
logging.getLogger("transformers").addFilter(lambda record: "PyTorch was not found" not in str(record.msg))

register_with_keras()

_SUBPACKAGES = (
    "adapters",
    "answers",
    "backbones",
    "bundles",
    "calibration",
    "callbacks",
    "checkpoints",
    "data",
    "demo",
    "distribution",
    "errors",
    "export",
    "features",
    "generation",
    "heads",
    "losses",
    "measuring",
    "metrics",
    "optimizers",
    "pipelines",
    "quantization_aware",
    "recipes",
    "reports",
    "security",
    "tasks",
    "tokenizers",
    "vocabulary",
)
_DEPRECATED = ("postprocessing", "quantization")
"""Deprecated module names, which still work and warn."""
_NAMES = {
    "CheckpointError": "kerasft.errors",
    "DataError": "kerasft.errors",
    "ExportError": "kerasft.errors",
    "KerasftError": "kerasft.errors",
    "Labels": "kerasft.features",
    "encode": "kerasft.encoding.model_inputs",
    "encode_map": "kerasft.encoding.model_inputs",
    "get_strategy": "kerasft.distribution",
    "load_bundle": "kerasft.bundles",
    "load_pretrained": "kerasft.checkpoints",
    "load_task_model": "kerasft.checkpoints",
    "make_bundle": "kerasft.bundles",
    "multi_label": "kerasft.features",
    "regression": "kerasft.features",
    "save_bundle": "kerasft.bundles",
}

__all__ = ["__version__", *_SUBPACKAGES, *_NAMES]


def __getattr__(name: str):
    if name in _SUBPACKAGES or name in _DEPRECATED:
        return importlib.import_module(f"kerasft.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'kerasft' has no attribute {name!r}; it has: {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted(__all__)
