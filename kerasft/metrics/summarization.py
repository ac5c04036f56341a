"""ROUGE of summaries, computed by the package rouge-score."""

import importlib.metadata
import re
import warnings
from collections.abc import Sequence
from statistics import fmean

from rouge_score.rouge_scorer import RougeScorer

from kerasft.metrics.text_scores import TextScores, check_texts

ROUGE_TYPES = ("rouge1", "rouge2", "rougeL", "rougeLsum")
"""Unigram overlap, bigram overlap, longest common subsequence, and sentence-level longest common subsequence."""


def summarization_scores(
    generated: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    use_stemmer: bool = True,
    split_sentences: bool = False,
) -> TextScores:
    """Compute the F1 of ROUGE-1, -2, -L and -Lsum, from 0 to 1, averaged over rows.

    ROUGE: Lin 2004, https://aclanthology.org/W04-1013, by the package rouge-score; with several references, the highest F1
    counts, separately for each metric. `rougeL` treats each text as one sequence. `rougeLsum`, which most papers on
    summarization call ROUGE-L, is computed by sentence, and each *line* is a sentence: for texts without line breaks, the two
    are equal.

    Args:
        generated: N texts.
        references: One or more references per text.
        use_stemmer: Whether to stem English words (Porter's stemmer), as in most papers.
        split_sentences: Whether to split lines after `.`, `!` and `?` first, for `rougeLsum` (commonly done with nltk's
            splitter, which treats abbreviations differently).

    Returns:
        `metrics`: `rouge1`, `rouge2`, `rougeL`, `rougeLsum`; `signatures`: the configuration of each metric.

    Raises:
        KerasftError: If there are no texts, or a row has no references.

    Example:

    >>> scores = summarization_scores(["the cat was found"], [["the cat was under the bed", "a dog"]])
    >>> {name: round(value, 3) for name, value in scores.metrics.items()}
    {'rouge1': 0.6, 'rouge2': 0.5, 'rougeL': 0.6, 'rougeLsum': 0.6}
    """
    check_texts(generated, references)
    _warn_of_other_scripts(references)
    scorer = RougeScorer(list(ROUGE_TYPES), use_stemmer=use_stemmer)
    form = _one_sentence_per_line if split_sentences else str
    rows = [scorer.score_multi(list(map(form, texts)), form(text)) for text, texts in zip(generated, references)]
    signature = "|".join(
        (
            f"nrefs:{_span(map(len, references))}",
            "best:f1",
            f"stemmer:{'porter' if use_stemmer else 'no'}",
            f"sentences:{'split' if split_sentences else 'lines'}",
            f"rouge-score:{importlib.metadata.version('rouge-score')}",
        )
    )
    metrics = {name: fmean(row[name].fmeasure for row in rows) for name in ROUGE_TYPES}
    return TextScores(metrics, dict.fromkeys(ROUGE_TYPES, signature))


def _one_sentence_per_line(text: str) -> str:
    return re.sub(r"(?<=[.!?])\s+", "\n", text)


def _span(counts) -> str:
    least, *_, most = sorted([*counts] * 2)
    return str(least) if least == most else f"{least}-{most}"


def _warn_of_other_scripts(references: Sequence[Sequence[str]]) -> None:
    """Warn because rouge-score treats all characters except a-z and 0-9 as spaces: other scripts score 0, accents split words."""
    texts = [text for row in references for text in row]
    empty = sum(re.search("[a-z0-9]", text.lower()) is None for text in texts)
    if empty:
        warnings.warn(
            f"{empty} of {len(texts)} references contain no ASCII letters or digits, the only characters ROUGE counts: they "
            "score 0. Use chrF (translation_scores) for such texts.",
            stacklevel=3,
        )
