"""`--skip-invalid` in every recipe: what cannot be used is left out of training, counted, and listed beside the bundle."""

import importlib
import json

import pytest

from kerasft.errors import DataError
from kerasft.recipes import reading

ENTITIES = "<e1>Ann</e1> and <e2>Bo</e2> met {0}"
SPANS = [{"start": 0, "end": 3, "label": "PER"}]
WORDS = {"tokens": ["Ann", "{0}"], "tags": ["B-PER", "O"]}
QUESTION = {"context": "In Paris {0}", "answers": {"text": ["Paris"], "answer_start": [3]}}
RECIPES = {  # the function that reads, a good row, another, and one that cannot be used
    "text_classification": ("read_rows", {"text": "{0}", "label": "a"}, {"label": "b"}, {"text": ""}),
    "few_shot": ("read_examples", {"text": "{0}", "label": "a"}, {"label": "b"}, {"label": None}),
    "relation_extraction": ("read_rows", {"text": ENTITIES, "label": "a"}, {"label": "b"}, {"text": "no entities"}),
    "token_classification": ("read_tagged_rows", WORDS, {}, {"tags": ["O"]}),
    "intent_and_slots": ("read_tagged_rows", {"text": "Ann {0}", "spans": SPANS, "intent": "a"}, {}, {"intent": None}),
    "question_answering": ("read_questions", {"question": "{0}?", **QUESTION}, {}, {"answers": None}),
    "sequence_to_sequence": ("read_source_target", {"source": "{0}", "target": "a"}, {}, {"target": " "}),
    "sentence_embedding": ("read_text_pairs", {"text": "{0}", "text_pair": "b", "score": 0.5}, {}, {"score": "high"}),
    "masked_lm": ("read_rows", {"text": "{0}"}, {}, {"text": None}),
    "causal_lm": ("read_texts", {"prompt": "{0}", "completion": "b"}, {}, {"completion": ""}),
}


def lines(row, change, bad):
    for number in range(20):
        yield json.dumps(row | (change if number % 2 else {})).replace("{0}", f"x{number}")
    yield json.dumps(row | bad)
    yield '{"text":'


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_leaves_out_what_cannot_be_used(recipe, tmp_path, capsys):
    read, *rows = RECIPES[recipe]
    module = importlib.import_module(f"kerasft.recipes.{recipe}")
    path = tmp_path / "train.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines(*rows)))
    given = {"model": "none", "train": str(path), "dev": str(path), "output": str(tmp_path / "out")}
    columns = [{}] if getattr(module, read) is reading.read_rows else []
    named = {"task": "relation-extraction"} if recipe == "relation_extraction" else {}
    with pytest.raises(DataError, match="--skip-invalid"):
        getattr(module, read)(module.Options(**given), *columns, **named)
    found = getattr(module, read)(module.Options(**given, skip_invalid=True), *columns, **named)
    assert (found.split, len(found.reported)) == ("dev", 20)
    said = capsys.readouterr().err
    listed = tmp_path / "out.run" / "skipped_rows.jsonl"
    assert "2 rows were skipped (--skip-invalid):" in said
    assert f"{path}, line 21" in said
    assert str(listed) in said
    assert [bool(row["reason"]) for row in map(json.loads, listed.read_text().splitlines())] == [True, True]
