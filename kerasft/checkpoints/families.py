"""Supported model families, by the `model_type` of `config.json`."""

import warnings
from collections.abc import Iterable

from kerasft.backbones import BackboneConfig
from kerasft.checkpoints import bert, distilbert, electra, gpt2, roberta, t5
from kerasft.checkpoints.config_file import ConfigFile
from kerasft.checkpoints.family import Family
from kerasft.checkpoints.tensors import open_tensors
from kerasft.errors import CheckpointError

_ALL = (
    bert.FAMILY,
    bert.ERNIE_FAMILY,
    distilbert.FAMILY,
    electra.FAMILY,
    gpt2.FAMILY,
    roberta.FAMILY,
    roberta.XLM_FAMILY,
    roberta.CAMEMBERT_FAMILY,
    roberta.DATA2VEC_FAMILY,
    t5.FAMILY,
    t5.MT5_FAMILY,
)
FAMILIES: dict[str, Family] = {family.model_type: family for family in _ALL}
# What may follow a family's prefix in a class name; anything else is a different model, such as RobertaPreLayerNorm.
_CLASSES = ("Model", "For", "LMHeadModel", "DoubleHeadsModel", "EncoderModel")


def family_of(config: BackboneConfig) -> Family:
    """Return the family of a backbone's configuration."""
    return FAMILIES[config.family]


def read_family(config: ConfigFile) -> Family:
    """Return the family of a checkpoint by its `model_type`, or infer it from the class or the tensor names, with a warning.

    Raises:
        CheckpointError: If the family is not supported, or cannot be inferred.
    """
    if "model_type" in config:
        return config.choice("model_type", None, choices=FAMILIES)
    classes = config.get("architectures", None, expected="", accept=lambda x: True)
    names = [name for name in classes if isinstance(name, str)] if isinstance(classes, list) else []
    matching = _by_class(names)
    reason = f"its 'architectures' are {names}"
    if not matching:
        matching = _by_tensors(open_tensors(config.path.parent))
        reason = f"the tensor names start with {matching[0].prefix!r}" if matching else ""
    if not matching:
        raise CheckpointError(
            f"{config.path}: field 'model_type' is missing, and cannot be inferred from 'architectures' or the tensor names. "
            f'Add it, such as "model_type": "bert"; it must be one of {", ".join(FAMILIES)}.'
        )
    family = matching[0]
    warnings.warn(
        f"{config.path}: field 'model_type' is missing; assuming {family.model_type!r}, since {reason}. Add the field.",
        stacklevel=2,
    )
    return family


def _by_class(names: list[str]) -> list[Family]:
    matching = [
        family
        for family in _ALL
        for name in names
        if name.removeprefix("TF").startswith(family.class_prefix)
        and name.removeprefix("TF").removeprefix(family.class_prefix).startswith(_CLASSES)
    ]
    return matching if len(set(map(id, matching))) == 1 else []


def _by_tensors(names: Iterable[str]) -> list[Family]:
    # Families with the same prefix, such as RoBERTa and XLM-RoBERTa, have the same graph, so the first one is used. Without a
    # prefix, BERT and RoBERTa have the same tensor names.
    names = [f".{name}" for name in names]
    return [
        family
        for family in _ALL
        if family.prefix and any(name.endswith(f".{family.prefix}{family.anchor}") for name in names)
    ]
