"""BLEU and chrF of translations, as sacrebleu computes them."""

from collections.abc import Sequence

from sacrebleu.metrics import BLEU, CHRF

from kerasft.metrics.text_scores import TextScores, check_texts


def translation_scores(generated: Sequence[str], references: Sequence[Sequence[str]]) -> TextScores:
    """Score a corpus of translations by BLEU and chrF, from 0 to 100.

    BLEU: Papineni et al. 2002, https://aclanthology.org/P02-1040; chrF (character 6-grams, no words, beta 2): Popovic 2015,
    https://aclanthology.org/W15-3049; both by sacrebleu (Post 2018, https://arxiv.org/abs/1804.08771) with its defaults, on
    plain texts: it splits words itself. Counts are summed over the corpus, so a score is no mean of rows. With several
    references BLEU takes each n-gram's highest count among them, chrF each row's best reference.

    Args:
        generated: N texts.
        references: For each, one or more texts; rows may have different numbers of them.

    Returns:
        `metrics`: `bleu` and `chrf`; `signatures`: sacrebleu's, without which a BLEU cannot be compared.

    Raises:
        KerasftError: If there is no text, or a row without reference.

    Example:

    >>> scores = translation_scores(["Je joue au tennis ce soir."], [["Je vais jouer au tennis ce soir."]])
    >>> round(scores.metrics["bleu"], 2), scores.signatures["bleu"].split("|")[:4]
    (55.78, ['nrefs:1', 'case:mixed', 'eff:no', 'tok:13a'])
    """
    check_texts(generated, references)
    most = max(map(len, references))
    # sacrebleu takes one list a reference, with None where a row has fewer.
    streams = [[texts[i] if i < len(texts) else None for texts in references] for i in range(most)]
    metrics, signatures = {}, {}
    for name, metric in (("bleu", BLEU()), ("chrf", CHRF())):
        metrics[name] = float(metric.corpus_score(list(generated), streams).score)
        signatures[name] = str(metric.get_signature())
    return TextScores(metrics, signatures)
