"""Readers of files and objects, one module per format."""
