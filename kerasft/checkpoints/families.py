"""The families that kerasft reads and writes, by the `model_type` of `config.json`."""

from kerasft.backbones import BackboneConfig
from kerasft.checkpoints import bert, gpt2
from kerasft.checkpoints.family import Family

FAMILIES: dict[str, Family] = {family.model_type: family for family in (bert.FAMILY, gpt2.FAMILY)}


def family_of(config: BackboneConfig) -> Family:
    """Return the family of a backbone's configuration."""
    return FAMILIES[config.family]
