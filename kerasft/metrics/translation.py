"""BLEU and chrF of translations, computed by sacrebleu."""

from collections.abc import Sequence

from sacrebleu.metrics import BLEU, CHRF

from kerasft.metrics.text_scores import TextScores, check_texts


def translation_scores(generated: Sequence[str], references: Sequence[Sequence[str]]) -> TextScores:
    """Compute corpus-level BLEU and chrF of translations, from 0 to 100.

    BLEU: Papineni et al. 2002, https://aclanthology.org/P02-1040; chrF (character 6-grams, no words, beta 2): Popovic 2015,
    https://aclanthology.org/W15-3049; both by sacrebleu (Post 2018, https://arxiv.org/abs/1804.08771) with its defaults, on
    untokenized texts. Counts are summed over the corpus, so a score is not the mean over rows. With several references, BLEU
    uses the maximum count of each n-gram, chrF the best reference of each row.

    Args:
        generated: N texts.
        references: One or more references per text; their number may differ.

    Returns:
        `metrics`: `bleu` and `chrf`; `signatures`: sacrebleu's signatures, without which BLEU scores are not comparable.

    Raises:
        KerasftError: If there are no texts, or a row has no references.

    Example:

    >>> scores = translation_scores(["Je joue au tennis ce soir."], [["Je vais jouer au tennis ce soir."]])
    >>> round(scores.metrics["bleu"], 2), scores.signatures["bleu"].split("|")[:4]
    (55.78, ['nrefs:1', 'case:mixed', 'eff:no', 'tok:13a'])
    """
    check_texts(generated, references)
    most = max(map(len, references))
    # sacrebleu takes one list per reference, with None for rows that have fewer.
    streams = [[texts[i] if i < len(texts) else None for texts in references] for i in range(most)]
    metrics, signatures = {}, {}
    for name, metric in (("bleu", BLEU()), ("chrf", CHRF())):
        metrics[name] = float(metric.corpus_score(list(generated), streams).score)
        signatures[name] = str(metric.get_signature())
    return TextScores(metrics, signatures)
