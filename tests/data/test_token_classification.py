"""From tagged words to what a token classifier reads: which token has which label, and what counts."""

import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasft import data, losses
from kerasft.answers.tags import spans_of, tags_of
from kerasft.data.batches.batching import Batching
from kerasft.data.token_classification import word_targets
from kerasft.encoding.windows import make_windows
from kerasft.errors import KerasftError
from kerasft.features import TOKEN_IDS, Labels, multi_label
from kerasft.tokenizers import train
from tests import tiny

LABELS = Labels(["O", "B-X", "I-X"])
ROWS = [(["paying", "card"], ["B-X", "I-X"]), (["xyz", "good"], ["O", "B-X"])]


def arrays(source, labels=LABELS, **options):
    (features, y, weights), *rest = data.token_classification(source, tiny.tokenizer(), labels=labels, **options)
    assert not rest
    tokens = [tiny.tokenizer().convert_ids_to_tokens(row) for row in features[TOKEN_IDS].numpy()]
    return tokens, y.numpy().tolist(), weights.numpy().tolist()


def test_the_first_sub_word_carries_the_label():
    tokens, y, weights = arrays(ROWS)
    assert tokens[0] == ["[CLS]", "p", "##a", "##y", "##ing", "card", "[SEP]"] or tokens[0][1].startswith("p")
    for row, tags in enumerate(([1, 2], [0, 1])):
        counted = [(label, weight) for label, weight in zip(y[row], weights[row], strict=True) if weight]
        assert counted == [(tag, 1.0) for tag in tags]
        starts = [not token.startswith("##") and not token.startswith("[") for token in tokens[row]]
        assert [bool(weight) for weight in weights[row]] == starts


def test_all_sub_words_are_labelled_if_asked():
    tokens, y, weights = arrays(ROWS, label_subwords="all")
    assert [bool(w) for w in weights[0]] == [not token.startswith("[") for token in tokens[0]]
    inner = [token.startswith("##") for token in tokens[0]]
    assert all(label == 2 for label, inside in zip(y[0], inner, strict=True) if inside)
    assert y[0][1] == 1
    _, y, _ = arrays(ROWS, Labels(["O", "B-X", "I-X", "E-X", "S-X"]), label_subwords="all")
    assert y[0][1] == 1
    with pytest.raises(KerasftError, match=r"`label_subwords` must be one of .*; received: 'last'"):
        arrays(ROWS, label_subwords="last")


def test_iobes_labels_get_iobes_targets():
    _, y, weights = arrays(ROWS, Labels(["O", "B-X", "I-X", "E-X", "S-X"]))
    assert [label for row in (0, 1) for label, w in zip(y[row], weights[row], strict=True) if w] == [1, 3, 0, 4]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["good", "xyz", "paying", "\x07", "card"]), min_size=1, max_size=25), st.data())
def test_every_word_counts_once_whatever_the_windows(words, draw):
    max_length = draw.draw(st.integers(5, 12))
    stride = draw.draw(st.integers(0, max_length - 3))
    tags = draw.draw(st.lists(st.sampled_from(["O", "B-X"]), min_size=len(words), max_size=len(words)))
    rows = data.read_tags([(words, tags)])
    windows = make_windows(tiny.tokenizer(), rows.columns["text"], max_length=max_length, stride=stride)
    values, weights = map(np.concatenate, word_targets(windows, rows, labels=LABELS))
    assert weights.sum() == sum(word != "\x07" for word in words)
    expected = [LABELS.index(tag) for word, tag in zip(words, tags, strict=True) if word != "\x07"]
    assert sorted(values[weights > 0]) == sorted(expected)
    ids = np.concatenate(windows.token_ids)
    assert not weights[np.isin(ids, (2, 3))].any()  # [CLS] and [SEP]


def test_words_without_tokens_are_counted(caplog):
    with caplog.at_level(logging.WARNING, "kerasft"):
        arrays([(["good", "\x07", "\x08"], ["O", "B-X", "O"])])
    assert "2 words of Python rows have no tokens (such as control characters) and are predicted as O; 1" in caplog.text


def test_byte_level_tokens_belong_to_the_words_they_begin_in():
    texts = ["New York is good", "caf\u00e9 \U0001f600 x"] * 20
    tokenizer = train(texts, "bpe", family="roberta", vocabulary_size=300)
    rows = [(["New", "York", "caf\u00e9", "\U0001f600"], ["B-X", "I-X", "O", "B-X"])]
    features, y, weights = next(iter(data.token_classification(rows, tokenizer, labels=LABELS, max_length=64)))
    ids = features[TOKEN_IDS].numpy()[0][weights.numpy()[0] > 0]
    assert len(ids) == 4
    assert y.numpy()[0][weights.numpy()[0] > 0].tolist() == [1, 2, 0, 1]
    assert "segment_ids" not in features


def test_words_with_tags_that_the_model_lacks_weigh_nothing(caplog):
    rows = [(["good", "card", "film"], ["B-Y", "B-X", "I-X"]), (["good"], ["O"])]
    with caplog.at_level(logging.WARNING, "kerasft"):
        _, y, weights = arrays(rows, ["O", "B-X"])
    assert y[0] == [0, 0, 1, 0, 0]
    assert weights[0] == [0.0, 0.0, 1.0, 0.0, 0.0]
    assert (
        "1 of 2 rows of Python rows has tags that do not occur in the training rows: B-Y (1), I-X (1); they count as errors."
        in caplog.text
    )
    _, y, weights = arrays([(["paying", "xyz"], ["B-Y", "B-X"])], ["O", "B-X"], label_subwords="all")
    assert [label for label, weight in zip(y[0], weights[0], strict=True) if weight] == [1] * int(sum(weights[0]))
    assert 1 <= sum(weights[0]) < len(weights[0]) - 3  # those of "xyz" alone


def test_labels_that_are_no_tags():
    with pytest.raises(KerasftError, match="`labels` must be tags: O, and prefixes"):
        arrays(ROWS, ["no", "yes"])
    with pytest.raises(KerasftError, match="`labels` must be tags with one label per token"):
        arrays(ROWS, multi_label(LABELS))


def test_class_weights_count_the_words_that_count():
    dataset = data.token_classification(ROWS * 3, tiny.tokenizer(), labels=LABELS, batch_size=Batching(size=4))
    counts = np.array([3.0, 6.0, 3.0])  # O, B-X, I-X of the words
    expected = counts.sum() / (3 * counts)
    np.testing.assert_allclose(losses.class_weights(dataset, 3), expected)


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_the_focal_loss_with_class_weights_is_right_per_token(gamma):
    dataset = data.token_classification(ROWS, tiny.tokenizer(), labels=LABELS)
    _, y, weights = next(iter(dataset))
    logits = np.random.default_rng(0).normal(size=(*y.shape, 3)).astype("float32")
    alpha = losses.class_weights(dataset, 3)
    loss = losses.for_labels(LABELS, focal_gamma=gamma, alpha=alpha)(y, logits, sample_weight=weights)
    chances = np.exp(logits.astype("float64"))
    chances /= chances.sum(-1, keepdims=True)
    true = np.take_along_axis(chances, y.numpy()[..., None], -1)[..., 0]
    terms = np.array(alpha)[y.numpy()] * (1 - true) ** gamma * -np.log(true)
    expected = (terms * weights.numpy()).sum() / weights.numpy().sum()
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_the_order_of_shuffled_rows_is_seeded():
    rows = [([f"{'good ' * (i % 5)}film".strip()], ["O"]) for i in range(20)]
    order = {"labels": LABELS, "shuffle": True, "batch_size": 4}
    first, second = (
        [
            batch[0][TOKEN_IDS].numpy().tolist()
            for batch in data.token_classification(rows, tiny.tokenizer(), seed=s, **order)
        ]
        for s in (1, 1)
    )
    assert first == second
    assert len(first) == 5


def test_the_scheme_of_the_labels_does_not_change_the_spans():
    tags = ["B-X", "I-X", "O", "B-X"]
    assert spans_of(tags_of(spans_of(tags), 4, "IOBES")) == spans_of(tags)
