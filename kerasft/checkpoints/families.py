"""The families that kerasft reads and writes, by the `model_type` of `config.json`."""

from kerasft.backbones import BackboneConfig
from kerasft.checkpoints import bert, distilbert, electra, gpt2, roberta, t5
from kerasft.checkpoints.family import Family

_ALL = (
    bert.FAMILY,
    distilbert.FAMILY,
    electra.FAMILY,
    gpt2.FAMILY,
    roberta.FAMILY,
    roberta.XLM_FAMILY,
    t5.FAMILY,
    t5.MT5_FAMILY,
)
FAMILIES: dict[str, Family] = {family.model_type: family for family in _ALL}


def family_of(config: BackboneConfig) -> Family:
    """Return the family of a backbone's configuration."""
    return FAMILIES[config.family]
