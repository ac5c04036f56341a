"""What a file of a stranger may hold before Keras, TensorFlow, LiteRT or tokenizers see it; docs/security.md is its page.

Each check raises a `CheckpointError` at what could do harm, and does nothing within `trust`.
"""

from kerasft.security.files import MAX_DEPTH, MAX_JSON_BYTES, check_regular_file, read_json
from kerasft.security.hdf5 import MAX_WEIGHTS, check_hdf5
from kerasft.security.keras_file import (
    MAX_LAYERS,
    bounded_variables,
    check_config,
    check_keras_file,
    check_preset,
    unlisted_names,
)
from kerasft.security.programs import check_litert_file, check_saved_model
from kerasft.security.tokenizer_file import check_tokenizer
from kerasft.security.trust import is_trusted, refuse, trust

__all__ = [
    "MAX_DEPTH",
    "MAX_JSON_BYTES",
    "MAX_LAYERS",
    "MAX_WEIGHTS",
    "bounded_variables",
    "check_config",
    "check_hdf5",
    "check_keras_file",
    "check_litert_file",
    "check_preset",
    "check_regular_file",
    "check_saved_model",
    "check_tokenizer",
    "is_trusted",
    "read_json",
    "refuse",
    "trust",
    "unlisted_names",
]
