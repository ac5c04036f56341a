"""Encoding of texts as token ids, shared by training and prediction: windows of long texts, entity markers."""
