"""Optimizers and learning-rate schedules of fine-tuning."""

from kerasft.optimizers.adamw import AdamW
from kerasft.optimizers.schedules import WarmupCosineDecay, WarmupLinearDecay, WarmupPolynomialDecay

__all__ = ["AdamW", "WarmupCosineDecay", "WarmupLinearDecay", "WarmupPolynomialDecay"]
