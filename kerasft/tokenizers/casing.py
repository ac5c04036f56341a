"""Check that a tokenizer's casing matches its vocabulary: a wrong setting silently lowers accuracy."""

from tokenizers import models
from transformers import PreTrainedTokenizerFast

_SHARE = 0.01  # a vocabulary with a larger fraction of tokens with capitals is cased; uncased ones have none


def casing_problem(tokenizer: PreTrainedTokenizerFast) -> str | None:
    """Describe a mismatch between a tokenizer's casing and its vocabulary, with numbers; None if there is none.

    Args:
        tokenizer: The checkpoint's fast tokenizer.

    Returns:
        A sentence with the problem and its fix, or None.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> casing_problem(tokenizer) is None
    True
    """
    backend = tokenizer.backend_tokenizer
    special = set(tokenizer.all_special_tokens)
    tokens = [token for token in backend.get_vocab() if token not in special and not token.startswith(("[", "<"))]
    capitals = sum(token != token.lower() for token in tokens)
    lowers = backend.normalizer is not None and backend.normalizer.normalize_str("A").strip(" \u2581") == "a"
    if lowers and capitals > _SHARE * len(tokens):
        return (
            f"The tokenizer lowercases all texts, but {capitals:,} of the vocabulary's {len(tokens):,} tokens have capital "
            "letters and will never be used: the checkpoint is cased. Set do_lower_case to false in "
            "tokenizer_config.json."
        )
    has_letters = any(token.isalpha() for token in tokens)
    if not lowers and not capitals and has_letters and isinstance(backend.model, models.WordPiece):
        return (
            f"The tokenizer keeps capital letters, but none of the vocabulary's {len(tokens):,} tokens has any: every word "
            f"with a capital becomes {tokenizer.unk_token}. Set do_lower_case to true in tokenizer_config.json."
        )
    return None
