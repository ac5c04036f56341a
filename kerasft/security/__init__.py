"""Checks of untrusted files before Keras, TensorFlow, LiteRT or tokenizers read them; see docs/security.md.

Each check raises a `CheckpointError` for content that could be harmful, and is disabled within `trust`.
"""

from kerasft.security.files import check_regular_file, finite, read_bounded, read_json
from kerasft.security.hdf5 import check_hdf5
from kerasft.security.keras_file import (
    bounded_variables,
    check_config,
    check_keras_file,
    check_preset,
    unlisted_names,
)
from kerasft.security.programs import check_litert_file, check_saved_model
from kerasft.security.tables import check_cells, check_columns, check_table, check_text_file, check_texts
from kerasft.security.tf1_index import check_tf1_index
from kerasft.security.tokenizer_file import check_ids, check_tokenizer
from kerasft.security.trust import is_trusted, refuse, trust

__all__ = [
    "bounded_variables",
    "check_cells",
    "check_columns",
    "check_config",
    "check_hdf5",
    "check_ids",
    "check_keras_file",
    "check_litert_file",
    "check_preset",
    "check_regular_file",
    "check_saved_model",
    "check_table",
    "check_text_file",
    "check_texts",
    "check_tf1_index",
    "check_tokenizer",
    "finite",
    "is_trusted",
    "read_bounded",
    "read_json",
    "refuse",
    "trust",
    "unlisted_names",
]
