"""Make squad.json: SQuAD's scores of random answers, by transformers 4, the last version that had them.

    pip install transformers==4.57.6 && python tests/parity/make_squad.py

`squad_metrics` there is the official script of SQuAD 2.0 (arXiv:1806.03822) in the form that the field uses.
"""

import json
import pathlib
import random
import types
import unicodedata

from transformers.data.metrics import squad_metrics

WORDS = """
a an the The AN A. the-end theatre another Paris PARIS, paris! 1984 $5.3 3,000 U.S. it's it\u2019s \u201cquoted\u201d
na\u00efve \u00c9cole \u0130stanbul stra\u00dfe STRASSE \u4e2d\u6587 \u65e5\u672c a\u0301 A\u030a \ufb01sh \u2014 \u2026
of-the-a (the) [an] {a} a_an the_the t.h.e \u0391\u03a3 \u03b1\u03c2 \u1e9e \u200b \U0001f600 x y z x
"""
WORDS = [*WORDS.split(), "\u00a0", "\u3000"]
SPACES = (" ", " ", " ", "  ", "\n", "\t", "", "\u00a0", "-", ".", "_")


def text(rng: random.Random) -> str:
    if rng.random() < 0.15:  # any characters at all
        points = [rng.randrange(0x20, rng.choice((0x7F, 0x250, 0x2100, 0x10000))) for _ in range(rng.randrange(12))]
        return "".join(chr(point) for point in points if unicodedata.category(chr(point)) != "Cs")
    return "".join(rng.choice(WORDS) + rng.choice(SPACES) for _ in range(rng.choice((0, 1, 1, 2, 3, 4, 6))))


def changed(rng: random.Random, answer: str) -> str:
    """An answer that is near another one."""
    words = answer.split()
    kind = rng.randrange(6)
    if kind == 0:
        return answer.upper()
    if kind == 1:
        return answer + rng.choice(".,!?")
    if kind == 2:
        return f"the {answer} {rng.choice(WORDS)}"
    return " ".join(rng.sample(words, rng.randrange(len(words) + 1)) + rng.choices(WORDS, k=rng.randrange(3)))


def case(rng: random.Random) -> dict:
    truths = [text(rng) for _ in range(rng.choice((0, 1, 1, 2, 3)))]
    predicted = changed(rng, rng.choice(truths)) if truths and rng.random() < 0.8 else text(rng)
    example = types.SimpleNamespace(qas_id="1", answers=[{"text": truth} for truth in truths])
    exact, f1 = squad_metrics.get_raw_scores([example], {"1": predicted})
    return {"predicted": predicted, "truths": truths, "exact": exact["1"], "f1": f1["1"]}


def threshold_case(rng: random.Random) -> dict:
    """A search for the best threshold; no-answer scores differ and lie in (0, 1), as the script expects them."""
    size = rng.randrange(1, 25)
    names = [str(i) for i in range(size)]
    answerable = {name: rng.random() < 0.6 for name in names}
    # Above 0 for all, so that the script's 0 ("answer none") is below all of them, as ours is.
    none = {name: rng.random() for name in names}
    scores = {name: rng.choice((0.0, 1.0, rng.random())) if answerable[name] else 0.0 for name in names}
    best, threshold = squad_metrics.find_best_thresh(dict.fromkeys(names, "answer"), scores, none, answerable)
    values = {"none": none.values(), "scores": scores.values(), "answerable": answerable.values()}
    return {name: list(column) for name, column in values.items()} | {"best": best, "threshold": threshold}


def main() -> None:
    rng = random.Random(0)
    content = {"cases": [case(rng) for _ in range(2000)], "thresholds": [threshold_case(rng) for _ in range(150)]}
    path = pathlib.Path(__file__).with_name("squad.json")
    path.write_text(json.dumps(content, separators=(",", ":")), "utf-8")


if __name__ == "__main__":
    main()
