"""Tokenization: one encoder for training and prediction, windows of long texts, entity markers."""
