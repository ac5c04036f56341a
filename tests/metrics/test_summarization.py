"""ROUGE against rouge-score's own scorer."""

from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from kerasft import KerasftError
from kerasft.metrics import summarization_scores

TEXT = "running run the Cats cat were sleeping, sleep on 2 mats. \n flies! caf\u00e9"
WORDS = TEXT.split(" ")
NAMES = ["rouge1", "rouge2", "rougeL", "rougeLsum"]


def corpus(random_):
    text = lambda: "a " + " ".join(random_.choices(WORDS, k=random_.randrange(12)))  # noqa: E731
    references = [[text() for _ in range(random_.choice((1, 2, 3)))] for _ in range(random_.randint(1, 4))]
    return ["" if random_.random() < 0.1 else text() for _ in references], references


@settings(max_examples=1000, deadline=None)
@given(st.randoms(use_true_random=True), st.booleans())
def test_equals_rouge_score_on_random_corpora(random_, stemmed):
    generated, references = corpus(random_)
    scorer = RougeScorer(NAMES, use_stemmer=stemmed)
    rows = [scorer.score_multi(row, text) for text, row in zip(generated, references)]
    scores = summarization_scores(generated, references, use_stemmer=stemmed).metrics
    assert scores == {name: fmean(row[name].fmeasure for row in rows) for name in NAMES}


def test_rouge_l_and_lsum_are_two_numbers():
    generated, references = ["c d. a b."], [["a b. c d."]]
    lines = summarization_scores(["c d.\na b."], [["a b.\nc d."]]).metrics
    assert lines["rougeL"] == 0.5
    assert lines["rougeLsum"] == 1.0
    joined = summarization_scores(generated, references).metrics
    assert joined["rougeL"] == joined["rougeLsum"] == 0.5
    assert summarization_scores(generated, references, split_sentences=True).metrics == lines


def test_the_best_reference_counts_and_the_stemmer_is_said():
    scores = summarization_scores(["cats"], [["dog", "cat"]])
    assert scores.metrics["rouge1"] == 1.0
    assert scores.signatures["rougeL"].startswith("nrefs:2|best:f1|stemmer:porter|sentences:lines|rouge-score:0")
    plain = summarization_scores(["cats", "a"], [["dog", "cat"], ["a"]], use_stemmer=False, split_sentences=True)
    assert plain.metrics["rouge1"] == 0.5
    assert plain.signatures["rouge1"].startswith("nrefs:1-2|best:f1|stemmer:no|sentences:split|")


def test_other_scripts_are_warned_of():
    with pytest.warns(UserWarning, match="2 of 3 references contain no ASCII letters or digits"):
        scores = summarization_scores(["\u4e2d\u6587", "a"], [["\u4e2d\u6587"], ["a", "\u043d\u0435\u0442"]])
    assert scores.metrics["rouge1"] == 0.5


def test_rows_must_fit():
    with pytest.raises(KerasftError, match=r"`references` must be as many as the generated texts \(2\); received: 1"):
        summarization_scores(["a", "b"], [["a"]])
