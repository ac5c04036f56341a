"""BLEU and chrF against sacrebleu's own functions."""

import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasft import KerasftError
from kerasft.metrics import translation_scores

TEXT = "a the cat dog, sat on mat . ! we're caf\u00e9 d\u00e9j\u00e0 2,5 % \u4e2d\u6587 \u201cyes\u201d"
WORDS = TEXT.split()


def corpus(random_):
    """Rows of random words, with 1 to 3 references a row: some texts right, some empty."""
    text = lambda: " ".join(random_.choices(WORDS, k=random_.randrange(9)))  # noqa: E731
    references = [[text() for _ in range(random_.choice((1, 1, 2, 3)))] for _ in range(random_.randint(1, 6))]
    generated = [random_.choice(row) if random_.random() < 0.3 else text() for row in references]
    return generated, references


@settings(max_examples=1000, deadline=None)
@given(st.randoms(use_true_random=True))
def test_equals_sacrebleu_on_random_corpora(random_):
    generated, references = corpus(random_)
    most = max(map(len, references))
    streams = [[row[i] if i < len(row) else None for row in references] for i in range(most)]
    scores = translation_scores(generated, references).metrics
    assert scores["bleu"] == sacrebleu.corpus_bleu(generated, streams).score
    assert scores["chrf"] == sacrebleu.corpus_chrf(generated, streams).score


def test_the_signature_says_how():
    signatures = translation_scores(["a b"], [["a b"]]).signatures
    assert signatures["bleu"].startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:")
    assert signatures["chrf"].startswith("nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:")
    assert translation_scores(["a", "b"], [["a"], ["b", "c"]]).signatures["bleu"].startswith("nrefs:var|")


def test_a_right_translation_has_100_points():
    scores = translation_scores(["Je vais jouer au tennis."], [["Non.", "Je vais jouer au tennis."]]).metrics
    assert scores == pytest.approx({"bleu": 100, "chrf": 100})


@pytest.mark.parametrize(
    ("generated", "references", "message"),
    [
        ([], [], r"`generated` must be a non-empty list of texts; received: \[\]"),
        ("text", [["a"]], "`generated` must be a non-empty list of texts; received: 'text'"),
        ([None], [["a"]], r"`generated` must be a non-empty list of texts; received: \[None\]"),
        (["a"], [["a"], ["b"]], r"`references` must be as many as the generated texts \(1\); received: 2"),
        (["a"], ["a"], "`references` must be a non-empty list of texts per row; received: 'a'"),
        (["a"], [[]], r"`references` must be a non-empty list of texts per row; received: \[\]"),
        (["a"], [[3]], r"`references` must be a non-empty list of texts per row; received: \[3\]"),
    ],
)
def test_what_is_refused(generated, references, message):
    with pytest.raises(KerasftError, match=message):
        translation_scores(generated, references)
