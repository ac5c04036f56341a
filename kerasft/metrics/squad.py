"""Exact match and F1 of answers, as defined by SQuAD's official scripts."""

import collections
import re
import string
from collections.abc import Mapping, Sequence

import numpy as np

from kerasft.errors import bad_argument

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalize_answer(text: str) -> str:
    """Normalize an answer as in SQuAD: lowercase, without punctuation, articles and extra white space.

    Rajpurkar et al. 2016 (arXiv:1606.05250, section 6.1), in the order of the official script: lowercase, delete ASCII
    punctuation, replace the words a, an, the by a space, and collapse white space.

    Args:
        text: An answer.

    Returns:
        The normalized answer, which may be empty.

    Example:

    >>> normalize_answer("The  Eiffel-Tower!")
    'eiffeltower'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


def answer_exact_match(predicted: str, truth: str) -> int:
    """1 if two answers are equal after normalization, else 0 (arXiv:1606.05250, section 6.1).

    Example:

    >>> answer_exact_match("the tower", "Tower."), answer_exact_match("tower", "the big tower")
    (1, 0)
    """
    return int(normalize_answer(predicted) == normalize_answer(truth))


def answer_f1(predicted: str, truth: str) -> float:
    """F1 of the words in common between two answers after normalization (arXiv:1606.05250, section 6.1), in [0, 1].

        F1 = 2 P R / (P + R),    P = shared / words predicted,    R = shared / gold words

    Words are bags. If an answer has no words, the F1 is 1 if neither has any, as in the script of SQuAD 2.0 (0 in that of
    1.1).

    Example:

    >>> answer_f1("the big tower", "tower of Paris")
    0.4
    """
    words, true_words = normalize_answer(predicted).split(), normalize_answer(truth).split()
    if not words or not true_words:
        return float(words == true_words)
    shared = (collections.Counter(words) & collections.Counter(true_words)).total()
    if not shared:
        return 0.0
    precision, recall = shared / len(words), shared / len(true_words)
    return 2 * precision * recall / (precision + recall)


def answer_scores(predicted: str, truths: Sequence[str]) -> tuple[int, float]:
    """Maximum exact match and F1 over several gold answers.

    Args:
        predicted: The answer; "" for none.
        truths: Gold answers. Those without words after normalization are ignored; if none is left, only "" is correct.

    Returns:
        Exact match (0 or 1) and F1 in [0, 1].

    Example:

    >>> answer_scores("in Paris", ["Paris", "Paris, France"]), answer_scores("Paris", [])
    ((0, 0.6666666666666666), (0, 0.0))
    """
    truths = [truth for truth in truths if normalize_answer(truth)] or [""]
    return (
        max(answer_exact_match(predicted, truth) for truth in truths),
        max(answer_f1(predicted, truth) for truth in truths),
    )


def squad_scores(predicted: Mapping[str, str], truths: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """The official metrics of SQuAD 1.1 and 2.0, as fractions (the official script prints percentages).

    Rajpurkar et al. 2016, arXiv:1606.05250; 2018, arXiv:1806.03822. Means over all questions, and for data with unanswerable
    questions, over those with and without answer.

    Args:
        predicted: The answer to each question, by id; "" for no answer.
        truths: The gold answers of each question, by id; none for an unanswerable question.

    Returns:
        `exact_match` and `f1`; for data with unanswerable questions also `has_answer_exact_match`, `has_answer_f1` and
        `no_answer_accuracy`.

    Raises:
        KerasftError: If the ids differ, or there are none.

    Example:

    >>> squad_scores({"1": "Paris", "2": "in Rome"}, {"1": ["Paris"], "2": ["Rome"]})
    {'exact_match': 0.5, 'f1': 0.8333333333333333}
    """
    missing = sorted(truths.keys() ^ predicted.keys())
    if missing or not truths:
        fix = "Give one answer per question; an empty text means no answer."
        raise bad_argument("predicted", f"answers to the {len(truths)} questions", missing[:5], fix)
    scores = np.array([answer_scores(predicted[name], truths[name]) for name in truths])  # (N, 2)
    answerable = np.array([any(normalize_answer(text) for text in texts) for texts in truths.values()])
    averages = dict(zip(("exact_match", "f1"), scores.mean(0).tolist()))
    if answerable.all():
        return averages
    if answerable.any():
        averages |= dict(zip(("has_answer_exact_match", "has_answer_f1"), scores[answerable].mean(0).tolist()))
    return averages | {"no_answer_accuracy": float(scores[~answerable, 1].mean())}


def best_no_answer_threshold(
    no_answer_scores: Sequence[float], scores: Sequence[float], answerable: Sequence[bool]
) -> tuple[float, float]:
    """The no-answer threshold with the best mean score, searched as in the script of SQuAD 2.0.

    A question is answered if its no-answer score is at most the threshold. Candidates are the scores of all questions, and
    "answer none" (arXiv:1806.03822, and its official script). There are two differences, where the script's threshold does
    not give the reported score: equal no-answer scores are treated together, and "answer none" is a threshold below all
    scores, not 0.

    Args:
        no_answer_scores: Null score minus best answer score of each question, (N,).
        scores: Exact match or F1 of each question's best answer, (N,).
        answerable: Whether each question is answerable, (N,).

    Returns:
        The best mean score in [0, 1], and its threshold.

    Raises:
        KerasftError: If the arrays differ in length, or are empty.

    Example:

    >>> best_no_answer_threshold([-2.0, 3.0, 1.0], [1.0, 0.0, 0.5], [True, False, True])
    (0.8333333333333334, 1.0)
    """
    none_scores, scores = np.asarray(no_answer_scores, np.float64), np.asarray(scores, np.float64)  # (N,)
    answerable = np.asarray(answerable, bool)
    if not none_scores.size or not none_scores.shape == scores.shape == answerable.shape:
        shapes = [none_scores.shape, scores.shape, answerable.shape]
        raise bad_argument("scores", "one per question, like the others", shapes, "Give three arrays of equal length.")
    order = np.argsort(none_scores, kind="stable")
    gain = np.where(answerable, scores, -1.0)[order]  # what answering it changes: an unanswerable one was right before
    total = np.concatenate([[0.0], np.cumsum(gain)]) + np.count_nonzero(~answerable)  # (N + 1,)
    ordered = none_scores[order]
    reachable = np.concatenate([[True], ordered[1:] > ordered[:-1], [True]])  # no threshold lies between equal scores
    best = int(np.argmax(np.where(reachable, total, -np.inf)))
    threshold = ordered[0] - 1.0 if best == 0 else ordered[best - 1]
    return float(total[best] / len(order)), float(threshold)
