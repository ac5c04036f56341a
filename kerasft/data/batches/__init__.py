"""Batches of token ids, from memory or from files."""
