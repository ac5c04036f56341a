"""Windows: every token of the context in them, the tokenizer's own rows, exact places; targets that mark the answers."""

import itertools
import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasft.data import question_answering, read_squad
from kerasft.data.question_answering import answer_tokens, mark_answers
from kerasft.encoding.question_windows import QuestionWindows
from kerasft.errors import DataError, KerasftError
from kerasft.features import SEGMENT_IDS, TOKEN_IDS
from tests import tiny
from tests.tokenizers.tiny_files import STRANGE, TEXTS, tokenizer

FAMILIES = ["bert", "roberta", "gpt2", "xlm-roberta"]
CONTEXT = "we love the film and the card, but not the money that she lost on this very bad movie and that film"


def question(context=CONTEXT, answer="the card", **changes):
    answers = [] if answer is None else [{"text": answer, "answer_start": context.index(answer)}]
    return {"question": "what is it?", "context": context, "answers": answers, **changes}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_rows_are_the_tokenizers_own_windows(family):
    ours = tokenizer(family)
    # Short ones, since ours are cut to half of a window; without space around, which ours lose.
    questions = [text[:16].strip() for text in TEXTS[:4] for _ in STRANGE]
    contexts = [text * 3 for text in STRANGE] * 4
    cut = QuestionWindows(ours, max_length=64, stride=5)
    windows = cut(questions, contexts)
    encoded = ours(
        questions,
        contexts,
        truncation="only_second",
        max_length=64,
        stride=5,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        return_token_type_ids=True,
    )
    assert [row.tolist() for row in windows.token_ids] == encoded["input_ids"]
    assert windows.owner.tolist() == encoded["overflow_to_sample_mapping"]
    padded = windows.pad(range(len(windows.token_ids)), 0)
    for row in range(len(windows.token_ids)):
        if cut.segments:
            assert padded[SEGMENT_IDS][row][: windows.lengths[row]].tolist() == encoded["token_type_ids"][row]
        inside = [i for i, which in enumerate(encoded.sequence_ids(row)) if which == 1]
        first, count, offset = windows.first[row], windows.count[row], windows.offset[row]
        assert inside == list(range(first, first + count))
        spans = windows.spans[windows.owner[row]][offset : offset + count]
        assert spans.tolist() == [list(encoded["offset_mapping"][row][i]) for i in inside]


@given(
    st.integers(0, 12), st.integers(0, 60), st.integers(10, 32), st.integers(0, 15), st.sampled_from(("bert", "gpt2"))
)
@settings(max_examples=150, deadline=None)
def test_every_token_of_the_context_is_in_a_window_with_the_question(asked, told, max_length, stride, family):
    stride = min(stride, (max_length - 1) // 2)
    cut = QuestionWindows(tokenizer(family), max_length=max_length, stride=stride)
    windows = cut([" ".join(["good"] * (asked + 1))], [" ".join(str(i % 10) for i in range(told))])
    whole = len(windows.spans[0])
    seen = [set(range(o, o + c)) for o, c in zip(windows.offset, windows.count)]
    assert set().union(*seen) == set(range(whole))
    assert max(windows.lengths) <= max_length
    for one, other in itertools.pairwise(seen):
        shared = len(one & other)
        assert shared == min(stride, len(one) // 2)  # less than the stride only beside a long question
        assert len(other - one) >= 1
    full = windows.token_ids[0][windows.first[0] :][: windows.count[0]]
    if len(seen) == 1:
        assert len(full) == whole
    heads = {tuple(row[:first]) for row, first in zip(windows.token_ids, windows.first)}
    assert len(heads) == 1
    assert windows.num_cut == (len(tokenizer(family).tokenize(" ".join(["good"] * (asked + 1)))) > cut.max_question)


@given(st.text(min_size=1, max_size=40), st.data(), st.sampled_from(FAMILIES))
@settings(max_examples=150, deadline=None)
def test_a_marked_answer_lies_whole_in_the_tokens_that_mark_it(context, data, family):
    start = data.draw(st.integers(0, len(context) - 1))
    end = data.draw(st.integers(start + 1, len(context)))
    windows = QuestionWindows(tokenizer(family), max_length=24, stride=8)(["good?"], [context])
    spans = windows.spans[0]
    tokens = answer_tokens(spans, start, end)
    covered = {i for a, b in spans for i in range(a, b)}
    asked = covered & set(range(start, end))
    if tokens is None:
        assert not asked
        return
    first, last = tokens
    assert asked <= set(range(spans[first][0], spans[last][1]))
    assert spans[first][1] > start  # nothing that could be left out
    assert spans[last][0] < end


@pytest.mark.parametrize("family", FAMILIES)
def test_targets_mark_the_answer_and_weights_what_may_be_chosen(family):
    ours = tokenizer(family)
    rows = [question(), question(answer=None), question(context="good film", answer="film")]
    dataset = question_answering(rows, ours, max_length=64, stride=8, batch_size=100)
    features, y, weights = next(iter(dataset))
    assert len(dataset) == 1
    assert y.dtype == "int32"
    assert y.shape == (*features[TOKEN_IDS].shape, 2) == (*weights.shape, 2)
    windows = QuestionWindows(ours, max_length=64, stride=8)(
        [row["question"] for row in rows], [row["context"] for row in rows]
    )
    np.testing.assert_array_equal(y.numpy().sum(1), 1)
    found = 0
    for row, owner in enumerate(windows.owner):
        first, count = windows.first[row], windows.count[row]
        allowed = {int(windows.no_answer[row]), *range(first, first + count)}
        assert set(np.flatnonzero(weights[row])) == allowed
        start, end = y[row].numpy().argmax(0)
        assert weights.numpy()[row, start] == weights.numpy()[row, end] == 1
        if start != windows.no_answer[row]:
            places = windows.spans[owner][windows.offset[row] :]
            text = rows[owner]["context"][places[start - first][0] : places[end - first][1]]
            assert text.strip() == rows[owner]["answers"][0]["text"]
            found += 1
        else:
            assert end == start
    assert found >= 2


def test_no_answer_is_at_cls_or_first():
    for family in FAMILIES:
        ours = tokenizer(family)
        windows = QuestionWindows(ours, max_length=32)(["good?"], ["film"])
        assert windows.no_answer.tolist() == [0]
        if ours.cls_token_id is not None:
            assert windows.token_ids[0][0] == ours.cls_token_id


def test_the_first_answer_that_a_window_holds_is_taken():
    long, short = CONTEXT[8:-9], "the card"
    answers = [{"text": text, "answer_start": CONTEXT.index(text)} for text in (long, short)]
    questions = read_squad([question(answer=None) | {"answers": answers}])
    windows = QuestionWindows(tiny.tokenizer(), max_length=24, stride=8)(["what is it?"], [CONTEXT])
    marks = mark_answers(windows, questions)
    assert marks.holds_answer.any()
    assert not marks.lost.any()
    row = int(np.flatnonzero(marks.holds_answer)[0])
    place = windows.spans[0][windows.offset[row] :]
    assert CONTEXT[place[marks.start[row] - windows.first[row]][0] :].startswith(short)


def test_windows_without_the_answer_can_be_dropped():
    rows = [question(), question(answer=None)]
    sizes = {}
    for choice in ("keep", "drop"):
        dataset = question_answering(
            rows, tiny.tokenizer(), max_length=24, stride=4, batch_size=1, windows_without_answer=choice
        )
        starts = [int(y.numpy()[0].argmax(0)[0]) for _, y, _ in dataset]
        sizes[choice] = (sum(start > 0 for start in starts), sum(start == 0 for start in starts))
    assert sizes["keep"][0] == sizes["drop"][0] >= 1
    assert 1 <= sizes["drop"][1] < sizes["keep"][1]  # those of the question without answer stay


def test_what_is_cut_or_lost_is_counted(caplog):
    rows = [question(question="what " * 40), question(answer=CONTEXT[:-5]), question(context="\u200b", answer=None)]
    with caplog.at_level(logging.WARNING, "kerasft"):
        dataset = question_answering(rows, tiny.tokenizer(), max_length=24, stride=4, batch_size=1)
    assert "1 of 3 questions (33.3 %) are longer than 12 tokens (half of max_length) and were truncated" in caplog.text
    assert (
        "1 of 3 questions (33.3 %) are skipped: none of their answers fits into a window of max_length=24 tokens"
        in caplog.text
    )
    assert len(dataset) >= 2
    with pytest.raises(DataError, match="none of the answers to the 1 questions fits into a window of 24 tokens"):
        question_answering([question(answer=CONTEXT[:-5])], tiny.tokenizer(), max_length=24)


def test_arguments_out_of_range_are_named():
    with pytest.raises(
        KerasftError, match=r"`stride` must be a whole number in \[0, max_length / 2 = 12\).*received: 12"
    ):
        question_answering([question()], tiny.tokenizer(), max_length=24, stride=12)
    with pytest.raises(KerasftError, match=r"`max_length` must be a whole number >= 5.*received: 4"):
        question_answering([question()], tiny.tokenizer(), max_length=4)
    with pytest.raises(KerasftError, match=r"`max_length` must be at most 32, .*received: 64"):
        question_answering([question()], tiny.tokenizer(), max_length=64)
    with pytest.raises(KerasftError, match=r"`windows_without_answer` must be one of .*received: 'ignore'"):
        question_answering([question()], tiny.tokenizer(), windows_without_answer="ignore")


def test_shuffled_batches_hold_the_same_windows():
    rows = [question(context=f"{CONTEXT} {i}") for i in range(12)]

    def targets(**options):
        dataset = question_answering(rows, tiny.tokenizer(), max_length=24, stride=8, batch_size=5, **options)
        return sorted(
            (tuple(ids[ids > 0]), tuple(t.argmax(0)))
            for f, y, _ in dataset
            for ids, t in zip(f[TOKEN_IDS].numpy(), y.numpy())
        )

    assert targets(shuffle=True, seed=3) == targets()
