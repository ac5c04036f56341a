"""Sources and targets: what the model reads, how batches are cut, what is refused."""

import logging

import numpy as np
import pytest

import kerasft
from kerasft import KerasftError
from kerasft.data import Batching, each_reference, read_sources, sequence_to_sequence, sources_and_references
from tests import tiny

WORDS = ["good", "bad", "film", "movie", "card", "money", "please", "how", "where", "she", "they"]


def rows(number=23, seed=0):
    """Sources of 1 to 9 words, targets of 1 to 6."""
    rng = np.random.default_rng(seed)
    return [(" ".join(rng.choice(WORDS, rng.integers(1, 10))), " ".join(rng.choice(WORDS, rng.integers(1, 7))))
            for _ in range(number)]  # fmt: skip


def ids(text):
    return tiny.tokenizer()(text)["input_ids"]


def dataset(source, **options):
    return sequence_to_sequence(source, tiny.tokenizer(), **options)


def contents(batches):
    """Every row's source ids, target ids and decoder inputs, without padding, in order."""
    found = []
    for features, y, weight in batches:
        for row in range(len(y)):
            source = features["encoder_token_ids"][row][features["encoder_padding_mask"][row] == 1]
            real = features["decoder_padding_mask"][row] == 1
            np.testing.assert_array_equal(real, weight[row] == 1)
            found.append((source.tolist(), y[row][real].tolist(), features["decoder_token_ids"][row][real].tolist()))
    return found


def test_the_decoder_reads_the_target_shifted_by_the_start_token():
    data = rows(5)
    batches = list(dataset(data, prefix="please ", batch_size=5).as_numpy_iterator())
    expected = [(ids(f"please {s}"), ids(t), [0, *ids(t)[:-1]]) for s, t in data]
    assert contents(batches) == expected
    features, y, weight = batches[0]
    assert {value.dtype.name for value in (y, *features.values())} == {"int32"}
    assert weight.dtype.name == "float32"
    assert features["encoder_token_ids"].shape == (5, max(len(source) for source, _, _ in expected))
    padding = features["decoder_padding_mask"] == 0
    assert padding.any()
    assert (features["decoder_token_ids"][padding] == 0).all()
    assert (y[padding] == 0).all()


@pytest.mark.parametrize("batch_size", [4, Batching(tokens=60), Batching(size=4, pad_to_multiple_of=4)])
@pytest.mark.parametrize("shuffle", [False, True])
def test_every_epoch_has_every_row_once_and_len_is_exact(batch_size, shuffle):
    data = rows()
    expected = [(ids(s), ids(t), [0, *ids(t)[:-1]]) for s, t in data]
    batches = dataset(data, batch_size=batch_size, shuffle=shuffle, seed=3)
    orders = []
    for _ in range(2):
        epoch = list(batches.as_numpy_iterator())
        assert len(epoch) == len(batches)
        orders.append(contents(epoch))
        assert sorted(orders[-1]) == sorted(expected)
        if isinstance(batch_size, Batching) and batch_size.tokens:
            sizes = [f["encoder_token_ids"].size + y.size for f, y, _ in epoch]
            assert max(sizes) <= 60
            assert len(epoch) <= 14
        if isinstance(batch_size, Batching) and batch_size.pad_to_multiple_of:
            assert all(f["encoder_token_ids"].shape[1] % 4 == y.shape[1] % 4 == 0 for f, y, _ in epoch)
    assert (orders[0] == orders[1] == expected) is not shuffle
    again = contents(dataset(data, batch_size=batch_size, shuffle=shuffle, seed=3).as_numpy_iterator())
    assert again == orders[0]


def test_rows_of_like_lengths_share_a_batch():
    batches = dataset(rows(600), batch_size=16, shuffle=True)
    sizes = [(f["encoder_token_ids"].size + y.size, f["encoder_padding_mask"].sum() + w.sum()) for f, y, w in
             batches.as_numpy_iterator()]  # fmt: skip
    padded, real = np.sum(sizes, axis=0)
    assert real / padded > 0.9


def test_fixed_shapes():
    batching = Batching(size=4, fixed_length=True, drop_remainder=True)
    batches = dataset(rows(10), batch_size=batching, max_source_length=16, max_target_length=12)
    features, y, weight = batches.element_spec
    assert tuple(features["encoder_token_ids"].shape) == (4, 16)
    assert {tuple(spec.shape) for spec in (features["decoder_token_ids"], y, weight)} == {(4, 12)}
    assert len(batches) == 2


def test_what_was_cut_is_said_for_each_side(caplog):
    with caplog.at_level(logging.WARNING, logger="kerasft"):
        batches = dataset([("good " * 9, "bad"), ("bad", "good " * 9), ("bad", "bad " * 9)], max_source_length=8,
                          max_target_length=5)  # fmt: skip
    assert caplog.messages == [
        "1 of 3 sources (33.3 %) are longer than 8 tokens (max_source_length) and were truncated. To avoid truncation, train "
        "with a larger max_source_length (--max-source-length), or split them.",
        "2 of 3 targets (66.7 %) are longer than 5 tokens (max_target_length) and were truncated. To avoid truncation, train "
        "with a larger max_target_length (--max-target-length), or split them.",
    ]
    _, y, _ = next(batches.as_numpy_iterator())
    assert y.shape == (3, 5)
    assert y[1, -1] == ids("")[-1]  # a cut target still ends with the end token


def test_several_references_and_sentences():
    data = {"source": [["A film.", "Good."], ["Bad."]], "target": [["one", "two"], ["three"]], "year": [1, 2]}
    texts = sources_and_references(data)
    assert texts.sources == ["A film. Good.", "Bad."]
    assert texts.references == [["one", "two"], ["three"]]
    first = contents(dataset(data).as_numpy_iterator())
    assert [target for _, target, _ in first] == [ids("one"), ids("three")]
    each = each_reference(data)
    assert each.columns == {"source": ["A film. Good."] * 2 + ["Bad."], "target": ["one", "two", "three"]}
    assert each.place(2) == ("Python rows", 2)
    assert len(contents(dataset(each).as_numpy_iterator())) == 3


@pytest.mark.parametrize(
    ("table", "columns", "roles"),
    [
        ({"article": ["a"], "summary": ["b"]}, None, ("article", "summary")),
        ({"Document": ["a"], "id": ["x"], "TARGET": ["b"]}, None, ("Document", "TARGET")),
        ({"en": ["a"], "fr": ["b"]}, {"source": "en", "target": "fr"}, ("en", "fr")),
        ({"en": ["a"], "fr": ["b"]}, {"text": "en", "label": "fr"}, ("en", "fr")),
        ({"en": ["a"], "target": ["b"]}, {"source": "en"}, ("en", "target")),
    ],
)
def test_columns(table, columns, roles):
    assert tuple(read_sources(table, columns).roles.values()) == roles


def test_a_file_without_header(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("Hello.\tBonjour.\nThanks.\tMerci.\n", "utf-8")
    columns = {"source": 0, "target": 1}
    assert sources_and_references(path, columns=columns).references == [["Bonjour."], ["Merci."]]
    read = read_sources(path, columns)
    train, dev, _ = kerasft.data.split(read, dev=1, problem="regression")
    assert sources_and_references(train).sources + sources_and_references(dev).sources == ["Hello.", "Thanks."]


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ([("a", "")], {}, "Python rows, line 1: the text in column 'label' is empty; received: ''"),
        ([("a", "b"), (" ", "b")], {}, "line 2: the text in column 'text' is empty; received: ' '"),
        ([("a", None)], {}, "line 1: expected a string in column 'label'"),
        ([("a", ["b", 3])], {}, "line 1: expected a string in column 'label'; received: 3"),
        ([("a", [])], {}, r"line 1: column 'label' has no reference; received: \[\]"),
        ([("a", "\ud800")], {}, "line 1: invalid Unicode in the text .*received: '.ud800'"),
        ({"en": ["a"], "fr": ["b"]}, {}, r"no column detected as the source; received: \['en', 'fr'\]"),
        ({"source": ["a"], "fr": ["b"]}, {}, r"no column detected as the target; received: \['source',"),
        (
            [("a", "b")],
            {"columns": {"from": 0}},
            "`columns` must be a dictionary with keys among .*received: {'from': 0}",
        ),
        ([("a", "b")], {"prefix": None}, "`prefix` must be a string; received: None"),
        ([("a", "b")], {"prefix": "\ud800"}, "`prefix` must be a string; received: '.ud800'"),
        ([("a", "b")], {"max_source_length": 2}, "`max_source_length` must be a whole number >= 3,.*received: 2"),
        ([("a", "b")], {"max_target_length": 99}, "`max_target_length` must be at most 32,.*received: 99"),
        ([("a", "b")], {"batch_size": 0}, "`batch_size` must be a whole number >= 1; received: 0"),
    ],
)
def test_what_is_refused(source, options, message):
    with pytest.raises(KerasftError, match=message):
        dataset(source, **options)
