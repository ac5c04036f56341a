"""Texts written token by token, over GPT-2 and T5 with a cache of keys and values."""

__all__: list[str] = []
