"""Change the vocabulary of a model and its tokenizer: add tokens, or drop tokens that an app does not need.

Each function returns a new model and a new tokenizer; the given ones are unchanged.
"""

import dataclasses
from collections.abc import Callable, Iterable

import keras
import numpy as np
from transformers import PreTrainedTokenizerFast

from kerasft.backbones import BackboneConfig, TokenEmbedding, config_of
from kerasft.backbones.rebuild import rebuild
from kerasft.encoding.encoded import encode
from kerasft.errors import bad_argument
from kerasft.features import is_unicode
from kerasft.heads import OutputBias
from kerasft.tokenizers.load import copied
from kerasft.tokenizers.prune import prune


def add_tokens(
    model: keras.Model, tokenizer: PreTrainedTokenizerFast, tokens: Iterable[str], *, special: bool = False
) -> tuple[keras.Model, PreTrainedTokenizerFast]:
    """Add tokens to the vocabulary of a model and its tokenizer.

    New rows of the embeddings, and of an output matrix and bias, are initialized to the mean of the existing ones, so that a new
    token has about average probability (Hewitt 2021, https://nlp.stanford.edu/~johnhew/vocab-expansion.html). The tokenization
    of texts without the new tokens is unchanged.

    Args:
        model: A backbone of kerasft, or a model with a head; it is not changed.
        tokenizer: Its tokenizer; it is not changed.
        tokens: The new tokens. Tokens that are already in the vocabulary are skipped.
        special: Whether they are special tokens: never split, never lowercased, and skipped in decoding.

    Returns:
        The new `(model, tokenizer)`; the model is not compiled.

    Raises:
        KerasftError: If a token is empty or not a string, or the model has no kerasft backbone.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer, backbone = tiny.tokenizer(), tiny.backbone()
    >>> larger, new_tokenizer = add_tokens(backbone, tokenizer, ["<e1>", "</e1>"])
    >>> new_tokenizer.tokenize("a <e1>good</e1> film"), config_of(larger).vocabulary_size - len(tokenizer)
    (['a', '<e1>', 'good', '</e1>', 'film'], 2)
    """
    tokens = [tokens] if isinstance(tokens, str) else list(tokens)
    invalid = [token for token in tokens if not isinstance(token, str) or not token.strip() or not is_unicode(token)]
    if invalid:
        raise bad_argument("tokens", "non-empty strings", invalid[0], "Remove it.")
    size = config_of(model).vocabulary_size
    old_ids = np.array(sorted(set(tokenizer.get_vocab().values())))
    new_tokenizer = copied(tokenizer)
    new_tokenizer.add_tokens(tokens, special_tokens=special)
    new_ids = np.array(sorted(set(new_tokenizer.get_vocab().values()) - set(old_ids.tolist())), int)

    # T5's table has unused rows, which new tokens use first.
    new_size = max(size, int(new_ids.max(initial=-1)) + 1)

    def rows(table: np.ndarray) -> np.ndarray:
        grown = np.resize(table, (new_size, *table.shape[1:]))
        grown[:size] = table
        grown[size:] = table[old_ids].mean(axis=0)
        grown[new_ids] = table[old_ids].mean(axis=0)
        return grown

    return _with_rows(model, new_size, rows), new_tokenizer


def drop_tokens(
    model: keras.Model,
    tokenizer: PreTrainedTokenizerFast,
    *,
    texts: Iterable[str] | None = None,
    keep: Iterable[str] = (),
) -> tuple[keras.Model, PreTrainedTokenizerFast]:
    """Drop tokens that do not occur in given texts, for smaller files: BERT's table of 30,522 rows is a fifth of its weights.

    The vocabulary keeps the texts' tokens, special and added tokens, single characters or bytes, and intermediate tokens (see
    `kerasft.tokenizers.prune`). If all tokens of a text are kept, the outputs are unchanged; other words are split into shorter
    tokens, and no additional words become unknown. Fine-tune the model if such words matter.

    Args:
        model: A backbone of kerasft, or a model with a head; it is not changed.
        tokenizer: Its tokenizer; it is not changed.
        texts: Texts from the model's domain: the training texts, or more.
        keep: Additional tokens to keep, such as `["good", "##ness"]`.

    Returns:
        The new `(model, tokenizer)`; the order of ids is unchanged; the model is not compiled.

    Raises:
        KerasftError: If neither `texts` nor `keep` is given, a token of `keep` is not in the vocabulary, or the model has
            no kerasft backbone.
        DataError: If a text is not valid Unicode.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer, backbone = tiny.tokenizer(), tiny.backbone()
    >>> smaller, new_tokenizer = drop_tokens(backbone, tokenizer, texts=["a good film"])
    >>> new_tokenizer.tokenize("a good film"), len(new_tokenizer) < len(tokenizer)
    (['a', 'good', 'film'], True)
    """
    if isinstance(texts, str) or isinstance(keep, str):
        raise bad_argument("texts", "a list of texts (`keep`: a list of tokens)", texts or keep, "Put it in a list.")
    texts = list(texts or ())
    needed = set(keep)
    if not texts and not needed:
        raise bad_argument("texts", "one or more texts", texts, "Give the training texts.")
    config = config_of(model)
    used = encode(tokenizer, texts, max_length=2**31).token_ids if texts else []
    ids = {token for row in used for token in row}
    # RoBERTa counts positions from the padding token's id, which therefore must not change.
    ids |= set(range(getattr(config, "padding_id", -1) + 1))
    needed |= {token for token in tokenizer.convert_ids_to_tokens(sorted(ids)) if token is not None}
    new_tokenizer, old_ids = prune(tokenizer, needed)
    return _with_rows(model, len(old_ids), lambda table: table[np.array(old_ids)]), new_tokenizer


def _with_rows(model: keras.Model, new_size: int, rows: Callable[[np.ndarray], np.ndarray]) -> keras.Model:
    """Rebuild the model for another vocabulary; `rows` computes the new table from the old one."""
    config = config_of(model)
    new_config: BackboneConfig = dataclasses.replace(config, vocabulary_size=new_size)

    def has_rows(layer: keras.layers.Layer) -> bool:
        is_matrix = type(layer) is keras.layers.Dense and layer.name == "logits"  # an output matrix that is not tied
        return is_matrix or isinstance(layer, TokenEmbedding | OutputBias)

    def change(layer: keras.layers.Layer, fields: dict) -> dict:
        if isinstance(layer, TokenEmbedding):
            return {**fields, "config": new_config}
        return {**fields, "units": new_size} if has_rows(layer) and "units" in fields else fields

    names = {layer.name for layer in model.layers if has_rows(layer)}

    def resize(path: str, table: np.ndarray) -> np.ndarray:
        if path.split("/")[0] not in names:
            return table
        return (
            rows(table.T).T if path.endswith("/kernel") else rows(table)
        )  # a kernel is (H, V), the others (V, H) or (V,)

    return rebuild(model, change, resize=resize)
