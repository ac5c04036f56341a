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
    """Normalize an answer as in SQuAD: lowercase, without punctuation, articles and extra whitespace.

    Rajpurkar et al. 2016 (arXiv:1606.05250, section 6.1), in the order of the official script: convert to lowercase, delete
    ASCII punctuation, replace the words a, an, the by a space, and collapse whitespace.

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
    """Return 1 if two answers are equal after normalization, otherwise 0 (arXiv:1606.05250, section 6.1).

    Example:

    >>> answer_exact_match("the tower", "Tower."), answer_exact_match("tower", "the big tower")
    (1, 0)
    """
    return int(normalize_answer(predicted) == normalize_answer(truth))


def answer_f1(predicted: str, truth: str) -> float:
    """Return the word-level F1 of two answers after normalization (arXiv:1606.05250, section 6.1), in [0, 1].

        F1 = 2 P R / (P + R),    P = shared words / predicted words,    R = shared words / gold words

    Answers are bags of words. If both have no words, F1 is 1; if one has none, F1 is 0, as in the script of SQuAD 2.0 (in that
    of 1.1, it is always 0).

    Example:

    >>> answer_f1("the big tower", "tower of Paris")
    0.4
    """
    words = normalize_answer(predicted).split()
    gold_words = normalize_answer(truth).split()
    if not words or not gold_words:
        return float(words == gold_words)
    shared = (collections.Counter(words) & collections.Counter(gold_words)).total()
    if not shared:
        return 0.0
    precision = shared / len(words)
    recall = shared / len(gold_words)
    return 2 * precision * recall / (precision + recall)


def answer_scores(predicted: str, truths: Sequence[str]) -> tuple[int, float]:
    """Return the maximum exact match and F1 over several gold answers.

    Args:
        predicted: The predicted answer; "" for no answer.
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
    """Compute the official metrics of SQuAD 1.1 and 2.0, as fractions (the official script prints percentages).

    Rajpurkar et al. 2016, arXiv:1606.05250; 2018, arXiv:1806.03822. Means over all questions and, for data with unanswerable
    questions, over answerable and unanswerable questions.

    Args:
        predicted: The predicted answer to each question, by id; "" for no answer.
        truths: The gold answers of each question, by id; empty for unanswerable questions.

    Returns:
        `exact_match` and `f1`; for data with unanswerable questions also `has_answer_exact_match`, `has_answer_f1` and
        `no_answer_accuracy`.

    Raises:
        KerasftError: If the ids differ, or there are no questions.

    Example:

    >>> squad_scores({"1": "Paris", "2": "in Rome"}, {"1": ["Paris"], "2": ["Rome"]})
    {'exact_match': 0.5, 'f1': 0.8333333333333333}
    """
    missing = sorted(truths.keys() ^ predicted.keys())
    if missing or not truths:
        fix = "Provide one answer per question; an empty text means no answer."
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
    """Find the no-answer threshold with the best mean score, as in the script of SQuAD 2.0.

    A question is answered if its no-answer score is at most the threshold. Candidates are the no-answer scores of all
    questions, and "answer none" (arXiv:1806.03822, and its official script). There are two differences, in cases where the
    script's threshold does not give the reported score: questions with equal no-answer scores are treated alike, and "answer
    none" is a threshold below all scores, not 0.

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
        fix = "Use three arrays of equal length."
        raise bad_argument("scores", "one per question, like the others", shapes, fix)
    order = np.argsort(none_scores, kind="stable")
    gain = np.where(answerable, scores, -1.0)[
        order
    ]  # change of the total by answering: an unanswerable question was correct before
    total = np.concatenate([[0.0], np.cumsum(gain)]) + np.count_nonzero(~answerable)  # (N + 1,)
    ordered = none_scores[order]
    reachable = np.concatenate(
        [[True], ordered[1:] > ordered[:-1], [True]]
    )  # there is no threshold between equal scores
    best = int(np.argmax(np.where(reachable, total, -np.inf)))
    threshold = ordered[0] - 1.0 if best == 0 else ordered[best - 1]
    return float(total[best] / len(order)), float(threshold)
