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
# What may follow a family's prefix in the name of a class; another word is another model, such as RobertaPreLayerNorm's.
_CLASSES = ("Model", "For", "LMHeadModel", "DoubleHeadsModel", "EncoderModel")


def family_of(config: BackboneConfig) -> Family:
    """Return the family of a backbone's configuration."""
    return FAMILIES[config.family]


def read_family(config: ConfigFile) -> Family:
    """Return the family of a checkpoint: by its `model_type`, or where that is missing by its class or its tensors' names.

    A family that was not named is said in a warning.

    Raises:
        CheckpointError: If kerasft has no such family, or nothing tells which it is.
    """
    if "model_type" in config:
        return config.choice("model_type", None, choices=FAMILIES)
    classes = config.get("architectures", None, expected="", accept=lambda x: True)
    names = [name for name in classes if isinstance(name, str)] if isinstance(classes, list) else []
    fitting = _by_class(names)
    why = f"its 'architectures' are {names}"
    if not fitting:
        fitting = _by_tensors(open_tensors(config.path.parent))
        why = f"the tensor names start with {fitting[0].prefix!r}" if fitting else ""
    if not fitting:
        raise CheckpointError(
            f"{config.path}: field 'model_type' is missing, and cannot be inferred from 'architectures' or the tensor names. "
            f'Add it, such as "model_type": "bert"; it must be one of {", ".join(FAMILIES)}.'
        )
    family = fitting[0]
    warnings.warn(
        f"{config.path}: field 'model_type' is missing; assuming {family.model_type!r}, since {why}. Add the field to be sure.",
        stacklevel=2,
    )
    return family


def _by_class(names: list[str]) -> list[Family]:
    fitting = [
        family
        for family in _ALL
        for name in names
        if name.removeprefix("TF").startswith(family.class_prefix)
        and name.removeprefix("TF").removeprefix(family.class_prefix).startswith(_CLASSES)
    ]
    return fitting if len(set(map(id, fitting))) == 1 else []


def _by_tensors(names: Iterable[str]) -> list[Family]:
    # Those with one prefix, such as RoBERTa and XLM-RoBERTa, are one graph: the first will do. Without a prefix a BERT and a
    # RoBERTa have the same names.
    names = [f".{name}" for name in names]
    return [
        family
        for family in _ALL
        if family.prefix and any(name.endswith(f".{family.prefix}{family.anchor}") for name in names)
    ]
