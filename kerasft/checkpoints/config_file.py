"""Read `config.json` and validate every field: nothing is ignored silently."""

import pathlib
import warnings
from collections.abc import Callable

from kerasft import security
from kerasft.errors import CheckpointError, is_number

CONFIG_FILE = "config.json"
_HARMLESS_FIELDS = """
    _name_or_path architectures model_type transformers_version torch_dtype dtype torchscript use_bfloat16 use_cache
    kerasft_version gradient_checkpointing chunk_size_feed_forward return_dict output_attentions output_hidden_states output_past
    _attn_implementation attn_implementation _attn_implementation_autoset sentence_transformers
    pad_token_id bos_token_id eos_token_id sep_token_id cls_token_id mask_token_id unk_token_id tokenizer_class prefix
    id2label label2id num_labels problem_type classifier_dropout finetuning_task task_specific_params
    seq_classif_dropout qa_dropout tie_weights_ summary_type summary_use_proj summary_activation summary_last_dropout
    tie_word_embeddings tie_encoder_decoder is_encoder_decoder
    directionality pooler_fc_size pooler_num_attention_heads pooler_num_fc_layers pooler_size_per_head pooler_type
    bad_words_ids begin_suppress_tokens decoder_start_token_id diversity_penalty do_sample early_stopping
    encoder_no_repeat_ngram_size exponential_decay_length_penalty forced_bos_token_id forced_eos_token_id
    length_penalty max_length min_length no_repeat_ngram_size num_beam_groups num_beams num_return_sequences
    output_scores remove_invalid_values repetition_penalty return_dict_in_generate suppress_tokens temperature
    tf_legacy_loss top_k top_p typical_p
    max_new_tokens min_new_tokens stop_strings epsilon_cutoff eta_cutoff min_p top_h penalty_alpha constraints guidance_scale
    encoder_repetition_penalty force_words_ids forced_decoder_ids renormalize_logits sequence_bias max_time dola_layers
    watermarking_config
    summary_activation summary_first_dropout summary_proj_to_labels summary_type summary_use_proj n_ctx n_positions
"""
# Fields that do not change an encoder's outputs: provenance and runtime settings; fields of the tokenizer or of a head; fields
# of Google's converter that the reference implementation ignores; generation options, which old versions of transformers wrote
# into every config (read by generation_files.py); GPT-2's multiple-choice head and its alias of n_positions, which T5 has too
# but does not use.
HARMLESS_FIELDS = frozenset(_HARMLESS_FIELDS.split())


class ConfigFile:
    """The fields of a `config.json`; each getter validates the value, and `finish` warns about unused fields.

    Args:
        path: The file.
        fields: Its content, if already known; None: read the file.

    Raises:
        CheckpointError: If the file is missing or is not a JSON object.
    """

    def __init__(self, path: pathlib.Path, fields: dict | None = None):
        self.path = path
        self._fields = read_fields(path) if fields is None else fields
        self._used = set()

    def __contains__(self, field: str) -> bool:
        return field in self._fields

    def get(self, field: str, default: object, *, expected: str, accept: Callable[[object], bool]):
        """Return a field's value.

        Args:
            field: The name.
            default: The reference implementation's default.
            expected: What the value must be, to be read after "must be".
            accept: Returns whether a value is valid.

        Raises:
            CheckpointError: If the value is invalid; the message names file, field and value.
        """
        self._used.add(field)
        value = self._fields.get(field, default)
        if not _accepts(accept, value):
            raise CheckpointError(
                f"{self.path}: field {field!r} must be {expected}; received: {value!r}. "
                "kerasft would compute different outputs than this checkpoint; choose another one."
            )
        return value

    def size(self, field: str, default: int) -> int:
        """Return a whole number >= 1."""
        return self.get(field, default, expected="a whole number >= 1", accept=_is_size)

    def optional_size(self, field: str, default: int) -> int:
        """Return a whole number >= 1, or the default if the field is null."""
        value = self.get(field, None, expected="a whole number >= 1 or null", accept=lambda x: x is None or _is_size(x))
        return default if value is None else value

    def flag(self, field: str, default: bool) -> bool:
        """Return true or false."""
        return self.get(field, default, expected="true or false", accept=lambda value: isinstance(value, bool))

    def rate(self, field: str, default: float) -> float:
        """Return a number in [0, 1)."""
        return float(self.get(field, default, expected="a number in [0, 1)", accept=_is_rate))

    def positive(self, field: str, default: float) -> float:
        """Return a number > 0."""
        return float(self.get(field, default, expected="a number > 0", accept=_is_positive))

    def choice(self, field: str, default: object, *, choices: dict):
        """Return the value in `choices` for the field's value, a string."""
        listed = ", ".join(repr(choice) for choice in choices)

        def accept(value):
            return isinstance(value, str) and value in choices

        return choices[self.get(field, default, expected=f"one of {listed}", accept=accept)]

    def only(self, field: str, *accepted) -> None:
        """Raise if the field is present with any other value than these."""
        if field in self._fields:
            self.get(field, None, expected=" or ".join(map(repr, accepted)), accept=lambda value: value in accepted)
        self._used.add(field)

    def finish(self) -> None:
        """Warn about unused fields that are not known to be harmless."""
        unknown = sorted(set(self._fields) - self._used - HARMLESS_FIELDS)
        if unknown:
            warnings.warn(f"{self.path}: unknown fields, ignored: {', '.join(unknown)}.", stacklevel=2)


def read_fields(path: pathlib.Path) -> dict:
    """Read a file that contains a JSON object.

    Raises:
        CheckpointError: If it is missing or contains anything else.
    """
    if not path.exists():
        raise CheckpointError(
            f"{path.parent}: no {path.name} found. Give a folder with all files of a Hugging Face checkpoint."
        )
    fields = security.read_json(path)
    if not isinstance(fields, dict):
        raise CheckpointError(
            f"{path}: must contain a JSON object; received: {type(fields).__name__}. Copy the file again."
        )
    return fields


def _accepts(accept: Callable[[object], bool], value: object) -> bool:
    try:
        return accept(value)
    except (TypeError, ValueError, AttributeError, LookupError, OverflowError):  # a value of another type
        return False


def _is_size(value: object) -> bool:
    return type(value) is int and value >= 1


def _is_rate(value: object) -> bool:
    return is_number(value) and 0 <= value < 1


def is_rate_or_none(value: object) -> bool:
    """Return whether a value is null or a number in [0, 1)."""
    return value is None or _is_rate(value)


def _is_positive(value: object) -> bool:
    return is_number(value) and value > 0
