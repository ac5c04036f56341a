"""Marked texts: reading tags and spans, markers, windows, datasets; every fault of the data named."""

import json
import logging

import numpy as np
import pytest

import kerasft
from kerasft import DataError, KerasftError, data
from kerasft.answers.marked_texts import (
    ENTITY_MARKERS,
    Entity,
    EntityPair,
    entity_pair,
    mark,
    marked_sample,
)
from kerasft.data.relation_extraction import entity_store, negative_label, relation_names
from kerasft.encoding.entity_markers import encode_entities, marker_ids
from tests import tiny

LABELS = ["buys", "no"]


@pytest.fixture(scope="module")
def tokenizer():
    return kerasft.vocabulary.add_tokens(tiny.backbone(), tiny.tokenizer(), ENTITY_MARKERS, special=True)[1]


def pair(text):
    return entity_pair(text, fail=ValueError)


def tokens(tokenizer, text, max_length):
    encoded, num_split = encode_entities(tokenizer, [pair(text)], max_length=max_length)
    return tokenizer.convert_ids_to_tokens(encoded.token_ids[0]), encoded.num_truncated, num_split


@pytest.mark.parametrize(
    ("tagged", "text", "head", "tail"),
    [
        ("The <e1>author</e1> of a <e2>keygen</e2>.", "The author of a keygen.", (4, 10), (16, 22)),
        ("<e2>a</e2><e1>b</e1>", "ab", (1, 2), (0, 1)),
        ("<e1> my <e2>money</e2></e1>!", " my money!", (1, 9), (4, 9)),
        ("caf\u00e9 <e1>\U0001f600</e1> <e2>x y</e2>", "caf\u00e9 \U0001f600 x y", (5, 6), (7, 10)),
    ],
)
def test_tags_become_spans(tagged, text, head, tail):
    assert pair(tagged) == EntityPair(text, Entity(*head), Entity(*tail))


def test_spans_in_every_form_give_the_same_rows(tmp_path):
    text = "we lost my card"
    expected = [EntityPair(text, Entity(0, 2, "PER"), Entity(11, 15))]
    head, tail = {"start": 0, "end": 2, "type": "PER"}, {"start": 11, "end": 15}
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"text": text, "head": head, "tail": tail, "label": "no"}) + "\n")
    for source in (
        path,
        [{"text": text, "head": head, "tail": tail, "label": "no"}],
        [{"text": text, "head": (0, 2, "PER"), "tail": [10, 15], "label": "no"}],  # the space is not the entity's
    ):
        pairs, y = data.entity_pairs(source, labels=LABELS)
        assert (pairs, y.tolist()) == (expected, [1])
    assert data.entity_pairs([("<e1>we</e1> lost my <e2>card</e2>", "no")])[0][0].text == text


def test_rows_with_tags_and_rows_with_spans_may_be_mixed():
    rows = [{"text": "<e1>a</e1> <e2>b</e2>"}, {"text": "a b", "head": (0, 1), "tail": (2, 3)}]
    first, second = data.entity_pairs(rows)[0]
    assert first == second


def test_markers_keep_the_words_as_they_are(tokenizer):
    text = "The <e1>student</e1> <e2>association</e2>, is[E1] good"
    assert mark(pair(text)) == "The[E1] student[/E1][E2] association[/E2], is[ E1] good"
    marked = tokenizer.tokenize(mark(pair("we lost <e1>my card</e1> in the <e2>film</e2>")))
    assert [token for token in marked if token not in ENTITY_MARKERS] == tokenizer.tokenize(
        "we lost my card in the film"
    )
    assert [marked.index(marker) for marker in ENTITY_MARKERS] == [2, 5, 8, 10]


def test_a_short_text_is_whole_and_a_long_one_is_a_window_around_the_entities(tokenizer):
    text = "i i i i <e1>a</e1> we <e2>b</e2> you you"
    whole, cut, split = tokens(tokenizer, text, 32)
    assert whole == [
        "[CLS]",
        *["i", "i", "i", "i", "[E1]", "a", "[/E1]", "we", "[E2]", "b", "[/E2]", "you", "you"],
        "[SEP]",
    ]
    assert (cut, split) == (0, 0)
    assert tokens(tokenizer, text, len(whole))[0] == whole
    window = ["[CLS]", "i", "[E1]", "a", "[/E1]", "we", "[E2]", "b", "[/E2]", "you", "you", "[SEP]"]
    assert tokens(tokenizer, text, 12) == (window, 1, 0)
    assert tokens(tokenizer, text, 9)[0] == ["[CLS]", "[E1]", "a", "[/E1]", "we", "[E2]", "b", "[/E2]", "[SEP]"]


def test_a_window_at_the_end_of_the_text_takes_more_from_before(tokenizer):
    window = ["[CLS]", "i", "i", "[E1]", "a", "[/E1]", "[E2]", "b", "[/E2]", "[SEP]"]
    assert tokens(tokenizer, "i i i i i <e1>a</e1> <e2>b</e2>", 10)[0] == window
    window = ["[CLS]", "[E2]", "a", "[/E2]", "[E1]", "b", "[/E1]", "i", "i", "[SEP]"]
    assert tokens(tokenizer, "<e2>a</e2> <e1>b</e1> i i i i i", 10)[0] == window


def test_entities_too_far_apart_keep_their_start_markers(tokenizer):
    kept, cut, split = tokens(tokenizer, "<e1>a</e1> " + "i " * 50 + "<e2>b</e2> you", 12)
    assert kept == ["[CLS]", "[E1]", "a", "[/E1]", "i", "i", "i", "i", "[E2]", "b", "[/E2]", "[SEP]"]
    assert (cut, split) == (1, 1)
    ids = marker_ids(tokenizer)
    texts = [
        "<e1>" + "a " * 40 + "</e1> b <e2>c</e2>",
        "c <e2>" + "a " * 40 + "</e2> b <e1>" + "d " * 40 + "</e1>",
        "<e1>" + "a " * 40 + "<e2>" + "b " * 40 + "</e2> c</e1>",
    ]
    for max_length in (6, 7, 8, 13, 30):
        encoded, _ = encode_entities(tokenizer, [pair(text) for text in texts], max_length=max_length)
        for row in encoded.token_ids:
            assert len(row) <= max_length
            assert {ids[0], ids[2]} <= set(row)
            assert (row[0], row[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)


def test_the_dataset_and_its_report_of_what_was_cut(tokenizer, caplog):
    rows = [("<e1>a</e1> <e2>b</e2>", "no"), ("i " * 20 + "<e1>a</e1> " + "i " * 40 + "<e2>b</e2>", "buys")]
    dataset = data.relation_extraction(rows, tokenizer, labels=LABELS, max_length=16, batch_size=2)
    ((features, y),) = dataset
    assert y.numpy().tolist() == [1, 0]
    assert features["token_ids"].shape == (2, 16)
    assert features["padding_mask"].numpy().sum(1).tolist() == [8, 16]
    assert not features["segment_ids"].numpy().any()
    (note,) = caplog.messages
    assert note.startswith(
        "1 of 2 texts (50.0 %) are longer than 16 tokens (max_length) and were truncated between their entities, which are too "
        "far apart for one window. "
    )
    assert isinstance(next(iter(data.relation_extraction(rows[:1], tokenizer))), dict)
    assert entity_store(tokenizer, [pair(rows[0][0])]).truncated == 0


def test_a_dataset_is_shuffled_by_its_seed(tokenizer):
    rows = [(f"<e1>{'a ' * (i % 5 + 1)}</e1> <e2>b</e2>", LABELS[i % 2]) for i in range(40)]
    orders = [
        [y.numpy().tolist() for _, y in data.relation_extraction(
            rows, tokenizer, labels=LABELS, batch_size=8, shuffle=True, seed=seed)]
        for seed in (0, 0, 1)
    ]  # fmt: skip
    assert orders[0] == orders[1] != orders[2]
    assert sorted(np.concatenate(orders[0])) == [0] * 20 + [1] * 20


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"text": "no <e1>tail</e1>"},
            r"the tags <e1>, </e1>, <e2>, </e2> must occur exactly once each; received: 'no <e1>tail</e1>'",
        ),
        ({"text": "<e1>a</e1> <e1>b</e1> <e2>c</e2>"}, "the tags"),
        ({"text": "</e1>a<e1> <e2>c</e2>"}, r"entity offsets out of range \(0 to 3\); received: \(1, 0\)"),
        ({"text": "<e1> </e1> <e2>c</e2>"}, "entity offsets out of range"),
        ({"text": "a b", "head": {"start": 0, "end": 9}, "tail": (2, 3)}, r"received: \{'start': 0, 'end': 9\}"),
        ({"text": "a b", "head": {"start": 0.5, "end": 1}, "tail": (2, 3)}, r"entity offsets out of range \(0 to 3\)"),
        ({"text": "a b", "head": {"start": True, "end": 2}, "tail": (2, 3)}, "entity offsets out of range"),
        (
            {"text": "a b", "head": {"start": 0, "end": 1, "text": "b"}, "tail": (2, 3)},
            "entity text 'b' does not match the text at its offsets, 'a'",
        ),
        ({"text": "a b", "head": "a", "tail": (2, 3)}, r"offsets out of range \(0 to 3\); received: 'a'"),
        ({"text": "a b", "head": (0, 1), "tail": None}, "expected two entities, got one"),
        ({"text": 7}, "expected a valid Unicode string; received: 7"),
    ],
)
def test_faults_are_named_with_their_row(row, message):
    good = {"text": "a b", "head": (0, 1), "tail": (2, 3)} if "head" in row else {"text": "<e1>a</e1> <e2>b</e2>"}
    with pytest.raises(DataError, match=f"Python rows, line 2: .*{message}"):
        data.entity_pairs([good, row])


def test_places_that_are_floats_are_read():
    row = {"text": "a b", "head": {"start": 0.0, "end": 1.0, "text": "a"}, "tail": (2, 3)}
    assert data.entity_pairs([row])[0] == [EntityPair("a b", Entity(0, 1), Entity(2, 3))]


def test_relations_that_the_model_lacks_weigh_nothing_and_are_said(tokenizer, caplog):
    rows = [("<e1>a</e1> <e2>b</e2>", label) for label in ("no", "owns", "buys")]
    with caplog.at_level(logging.WARNING, "kerasft"):
        _, y, weights = next(iter(data.relation_extraction(rows, tokenizer, labels=LABELS)))
    assert (y.numpy().tolist(), weights.numpy().tolist()) == ([1, -1, 0], [1.0, 0.0, 1.0])
    assert (
        "1 of 3 rows of Python rows has relations that do not occur in the training rows: owns (1); they count as errors."
        in caplog.text
    )
    assert relation_names(rows, labels=LABELS) == ["no", "owns", "buys"]
    loss = kerasft.losses.for_labels(kerasft.Labels(LABELS))
    assert np.isfinite(loss(y, np.zeros((3, 2), "float32"), sample_weight=weights))
    with pytest.raises(DataError, match="unknown label; expected one of: "):  # another column, or another set
        data.entity_pairs([("<e1>a</e1> <e2>b</e2>", "7")], labels=LABELS)


def test_a_tokenizer_without_markers_and_a_length_without_room(tokenizer):
    rows = [("<e1>a</e1> <e2>b</e2>", "no")]
    with pytest.raises(KerasftError, match=r"`tokenizer` must be one with the markers .*received: .*\[/E2\]"):
        data.relation_extraction(rows, tiny.tokenizer(), labels=LABELS)
    with pytest.raises(KerasftError, match="`max_length` must be at least 6, including the markers; received: 5"):
        data.relation_extraction(rows, tokenizer, labels=LABELS, max_length=5)


def test_the_negative_label_is_found_or_named():
    assert negative_label(["a", "Other"]) == "Other"
    assert negative_label(["a", "Other", "none"]) is None  # which of them?
    assert negative_label(["a", "b"], "b") == "b"
    with pytest.raises(KerasftError, match=r"`negative_label` must be one of the labels \(a, b\); received: 'Other'"):
        negative_label(["a", "b"], "Other")


def test_texts_to_try_an_export_on():
    assert marked_sample("") == "[E1][/E1][E2][/E2]"
    assert marked_sample("[E1]a[/E1][E2]b[/E2]") == "[E1]a[/E1][E2]b[/E2]"
    assert marked_sample("[E1]abcd").count("[E1]") == 1
