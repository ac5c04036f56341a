"""Blocks of packed documents, prompts with completions: nothing lost, the right tokens asked for."""

import pytest

from kerasft import KerasftError
from kerasft.data import causal_lm, hold_out, read_documents
from kerasft.features import PADDING_MASK, TOKEN_IDS
from kerasft.tokenizers import train

LINES = ["where is my parcel", "the parcel is lost", "where is the film"]


@pytest.fixture(scope="module")
def tokenizer():
    return train(LINES * 3, "bpe", vocabulary_size=300)


def tokens(dataset):
    """Each row's real ids, targets and weights."""
    for features, y, weight in dataset.as_numpy_iterator():
        for ids, mask, targets, counts in zip(features[TOKEN_IDS], features[PADDING_MASK], y, weight):
            real = mask.astype(bool)
            assert not counts[~real].any()
            yield ids[real].tolist(), targets[real].tolist(), counts[real].tolist()


@pytest.mark.parametrize("block_size", [2, 3, 5, 7, 64])
def test_blocks_hold_every_token_and_ask_for_all_but_the_first(tokenizer, block_size):
    rows = list(tokens(causal_lm(LINES, tokenizer, block_size=block_size, batch_size=2)))
    end = tokenizer.eos_token_id
    stream = [token for line in LINES for token in [*tokenizer.encode(line), end]]
    assert [token for ids, _, _ in rows for token in ids] == stream[:-1]
    assert [token for _, targets, _ in rows for token in targets] == stream[1:]
    assert all(count == 1 for _, _, counts in rows for count in counts)
    assert {len(ids) for ids, _, _ in rows[:-1]} <= {block_size}


def test_only_the_completion_counts(tokenizer):
    rows = [("where is", " my parcel"), ("the film is", " lost")]
    for (prompt, completion), (ids, targets, counts) in zip(rows, tokens(causal_lm(rows, tokenizer, block_size=30))):
        wanted = [*tokenizer.encode(completion), tokenizer.eos_token_id]
        assert [token for token, count in zip(targets, counts) if count] == wanted
        assert ids == tokenizer.encode(prompt) + wanted[:-1]


def test_long_pairs_lose_their_beginning_first_and_are_counted(tokenizer, caplog):
    rows = [("where is my parcel where is my film", " lost"), ("where", " the parcel is lost the film is lost")]
    (ids, targets, counts), (long_ids, _, long_counts) = tokens(causal_lm(rows, tokenizer, block_size=4))
    assert len(ids) == len(long_ids) == 4
    assert targets[-1] == tokenizer.eos_token_id
    assert sum(counts) == len(tokenizer.encode(" lost")) + 1
    assert sum(long_counts) == 4
    assert "are longer than 4 tokens (block_size) and were truncated from the left. " in caplog.text
    assert (
        "1 of 2 completions (50.0 %) are longer than 4 tokens (block_size) and were truncated from the right. "
        in caplog.text
    )


def test_shuffling_changes_the_order_and_nothing_else(tokenizer):
    texts = LINES * 10
    plain = list(tokens(causal_lm(texts, tokenizer, block_size=4)))
    mixed = list(tokens(causal_lm(texts, tokenizer, block_size=4, shuffle=True, seed=1)))
    assert plain != mixed
    assert sorted(plain) == sorted(mixed)


def test_documents_of_a_text_file(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("one\ntwo\n\nthree\n")
    assert read_documents(path) == ["one\ntwo\n\nthree\n"]
    assert read_documents([str(path)] * 2, documents="paragraph") == ["one\ntwo", "three"] * 2
    assert read_documents(path, documents="line") == ["one", "two", "three"]


def test_columns_of_a_table(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("prompt,completion,q\na,b,c\n")
    assert read_documents(path) == [("a", "b")]
    assert read_documents(path, columns={"prompt": "q", "completion": "prompt"}) == [("c", "a")]
    assert read_documents(path, columns={"text": "q"}) == ["c"]


def test_held_out_text(tokenizer):
    rest, part = hold_out(["one two three four five six"], 0.5)
    assert rest[0] + part[0] == "one two three four five six"
    assert rest[0].endswith(" ")
    rest, part = hold_out([str(number) for number in range(40)], 0.25, seed=3)
    assert (len(rest), len(part)) == (30, 10)
    assert not set(rest) & set(part)
    with pytest.raises(
        KerasftError, match=r"`dev_fraction` must be large enough that no split is empty; received: 0.5"
    ):
        hold_out([("only", "pair")], 0.5)


def test_wrong_arguments_are_refused(tokenizer, tmp_path):
    with pytest.raises(KerasftError, match=r"`block_size` must be a whole number from 2 to 512, .*; received: 1"):
        causal_lm(LINES, tokenizer, block_size=1)
    with pytest.raises(KerasftError, match=r"`documents` must be one of .*; received: 'book'"):
        read_documents(LINES, documents="book")
    with pytest.raises(KerasftError, match=r"`columns` must be a dictionary with text, .*; received: {'label': 'x'}"):
        read_documents(LINES, columns={"label": "x"})
    with pytest.raises(KerasftError, match="received: ''"):
        read_documents([("prompt", "")])
