"""Exactly so many rows of every task's data, as its `evaluate` reads them."""

import json

import pytest

from kerasft.errors import KerasftError
from kerasft.pipelines import some_rows


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def sources(tmp_path):
    labelled = [{"text": f"text {n}", "label": "yes" if n % 5 else "no"} for n in range(20)]
    marked = [{"text": f"<e1>we</e1> lost <e2>card {n}</e2>", "label": "buys"} for n in range(20)]
    pairs = [{"source": f"a {n}", "target": f"b {n}"} for n in range(20)]
    asked = [
        {"question": f"what {n}?", "context": f"a good {n}", "answers": [{"text": "good", "answer_start": 2}]}
        for n in range(20)
    ]
    (tmp_path / "tags.conll").write_text("".join(f"w{n} O\nfilm B-WORK\n\n" for n in range(20)))
    (tmp_path / "texts.txt").write_text("".join(f"text {n}\n" for n in range(20)))
    return {
        "text-classification": lines(tmp_path / "labelled.jsonl", labelled),
        "relation-extraction": lines(tmp_path / "marked.jsonl", marked),
        "sentence-embedding": [(f"a {n}", f"b {n}", n / 20) for n in range(20)],
        "sequence-to-sequence": lines(tmp_path / "pairs.jsonl", pairs),
        "question-answering": lines(tmp_path / "asked.jsonl", asked),
        "token-classification": str(tmp_path / "tags.conll"),
        "masked-lm": str(tmp_path / "texts.txt"),
        "causal-lm": str(tmp_path / "texts.txt"),
    }


@pytest.mark.parametrize("task", [
    "text-classification", "relation-extraction", "sentence-embedding", "sequence-to-sequence", "question-answering",
    "token-classification", "masked-lm", "causal-lm",
])  # fmt: skip
def test_the_number_is_exact_and_the_seed_decides_which(sources, task):
    metadata = {"task": task, "problem": "single_label", "settings": {"documents": "line"}}
    draw = lambda count, seed=0: some_rows(sources[task], count, metadata=metadata, seed=seed)  # noqa: E731
    rows, total = draw(7)
    assert (len(rows), total) == (7, 20)
    assert repr(draw(7)[0]) == repr(rows)
    assert any(repr(draw(7, seed)[0]) != repr(rows) for seed in range(1, 4))
    assert len(draw(20)[0]) == len(draw(99)[0]) == 20


def test_classes_keep_their_share(sources):
    rows, _ = some_rows(sources["text-classification"], 10, metadata={"problem": "single_label"})
    assert sorted(rows.columns["label"]).count("no") == 2


@pytest.mark.parametrize("count", [0, -1, 1.5, True])
def test_a_count_below_one_is_refused(sources, count):
    with pytest.raises(KerasftError, match=f"`max_rows` must be a whole number >= 1; received: {count}"):
        some_rows(sources["text-classification"], count, metadata={})
