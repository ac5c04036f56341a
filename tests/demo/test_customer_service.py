"""The embedded demo set: what it contains, that it is reproducible, and that a bag of words does not solve it."""

import csv
import hashlib
import json
from collections import Counter

import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from kerasft.demo import customer_service
from kerasft.errors import KerasftError


@pytest.fixture(scope="module")
def examples():
    return customer_service.generate()


def _part(examples, split):
    part = [example for example in examples if example["split"] == split]
    return [example["text"] for example in part], [example["intent"] for example in part]


def test_size_and_shares(examples):
    counts = Counter(example["intent"] for example in examples)
    assert len(examples) >= 2000
    assert len(counts) >= 8
    assert set(counts) == set(customer_service.INTENTS)
    assert max(counts.values()) >= 0.2 * len(examples)
    assert min(counts.values()) <= 0.04 * len(examples)


def test_every_split_has_every_intent(examples):
    for split in customer_service.SPLITS:
        _, intents = _part(examples, split)
        assert set(intents) == set(customer_service.INTENTS)
        assert len(intents) >= 0.14 * len(examples)


def test_no_text_occurs_twice_in_any_casing(examples):
    texts = [example["text"].lower() for example in examples]
    assert len(set(texts)) == len(texts)


def test_half_of_dev_and_test_has_templates_unseen_in_train(examples):
    seen = {example["template"] for example in examples if example["split"] == "train"}
    for split in ("dev", "test"):
        unseen = [example["template"] not in seen for example in examples if example["split"] == split]
        assert 0.45 <= sum(unseen) / len(unseen) <= 0.6


def test_no_word_of_the_grammar_is_only_in_dev_and_test(examples):
    def words(split):
        masked = []
        for example in examples:
            if example["split"] == split:
                text = example["text"]
                for entity in reversed(example["entities"]):
                    text = text[: entity["start"]] + text[entity["end"] :]
                masked.extend(text.lower().replace("'", "").split())
        return Counter(word.strip(".,!?") for word in masked)

    train, dev = words("train"), words("dev")
    unknown = [word for word, count in dev.items() if word not in train and count > 2]
    assert unknown == []  # a typing error is seldom made three times


def test_entities_are_exact(examples):
    kinds = Counter()
    for example in examples:
        end = 0
        for entity in sorted(example["entities"], key=lambda entity: entity["start"]):
            surface = example["text"][entity["start"] : entity["end"]]
            assert end <= entity["start"] < entity["end"] <= len(example["text"])
            assert surface == surface.strip()
            assert _looks_like(entity["label"], surface), (entity, example["text"])
            end = entity["end"]
            kinds[entity["label"]] += 1
    assert set(kinds) == set(customer_service.ENTITY_LABELS)
    assert min(kinds.values()) >= 50


def _looks_like(label, surface):
    grammar = customer_service.grammar
    if label in ("CITY", "PRODUCT"):
        known = grammar.CITIES if label == "CITY" else grammar.PRODUCTS
        return surface.lower() in {name.lower() for name in known}
    if label == "EMAIL":
        return "@" in surface and " " not in surface
    if label == "DATE":
        return any(character.isdigit() for character in surface) or surface.lower().endswith("day")
    return sum(character.isdigit() for character in surface) >= (5 if label == "ORDER" else 1)


def test_texts_vary_in_casing_and_have_no_braces_left(examples):
    texts = [example["text"] for example in examples]
    assert not any("{" in text or "}" in text for text in texts)
    assert sum(text.islower() for text in texts) > 0.1 * len(texts)
    assert sum(text.isupper() for text in texts) > 0.01 * len(texts)
    assert sum(not text.isascii() for text in texts) > 10


def test_same_bag_of_words_two_intents():
    intents_of = {}
    for example in customer_service.generate(rows=8000):
        words = tuple(sorted(example["text"].lower().replace(",", " ").rstrip(".!").split()))
        intents_of.setdefault(words, set()).add(example["intent"])
    assert sum(len(intents) > 1 for intents in intents_of.values()) >= 5


def test_a_bag_of_words_does_not_solve_it():
    examples = customer_service.generate(rows=2400)
    train, dev = _part(examples, "train"), _part(examples, "dev")
    majority = Counter(dev[1]).most_common(1)[0][1] / len(dev[1])
    model = make_pipeline(CountVectorizer(), LogisticRegression(solver="newton-cg", tol=1e-2)).fit(*train)
    accuracy = model.score(*dev)
    print(f"majority {majority:.3f}, bag of words {accuracy:.3f}")
    assert majority <= 0.25
    assert 0.5 <= accuracy <= 0.85


def test_same_seed_same_bytes_as_ever():
    data = json.dumps(customer_service.generate(rows=500, seed=3), ensure_ascii=False, sort_keys=True)
    assert (
        hashlib.sha256(data.encode()).hexdigest() == "b79b3f0c91c6ecc53a0370626f18bd1c70367ece9e1d929276dc515a08b451b9"
    )
    assert data != json.dumps(customer_service.generate(rows=500, seed=4), ensure_ascii=False, sort_keys=True)


def test_any_number_of_rows_is_exact():
    for rows in (400, 401, 1234):
        assert len(customer_service.generate(rows=rows)) == rows


def test_write_gives_files_that_read_back(tmp_path):
    files = customer_service.write(tmp_path / "new" / "folder", rows=500, seed=7)
    expected = customer_service.generate(rows=500, seed=7)
    for split, path in files.items():
        texts, intents = _part(expected, split)
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["text"] for row in rows] == texts
        assert [row["intent"] for row in rows] == intents
        lines = (path.parent / f"{split}.entities.jsonl").read_text(encoding="utf-8").splitlines()
        assert [json.loads(line)["text"] for line in lines] == texts
        entities = [example["entities"] for example in expected if example["split"] == split]
        assert [json.loads(line)["entities"] for line in lines] == entities
    assert {path.name for path in files.values()} == {"train.csv", "dev.csv", "test.csv"}
    assert b"\r" not in files["train"].read_bytes()


@pytest.mark.parametrize("rows", [0, 399, 60_000, 2400.0, True, "many"])
def test_bad_rows_are_named(rows):
    with pytest.raises(KerasftError, match=f"`rows` must be .* received: {rows!r}"):
        customer_service.generate(rows=rows)


@pytest.mark.parametrize("seed", [-1, 1.5, False])
def test_bad_seed_is_named(seed):
    with pytest.raises(KerasftError, match=f"`seed` must be .* received: {seed!r}"):
        customer_service.generate(seed=seed)


def test_write_checks_its_arguments_before_it_makes_the_folder(tmp_path):
    with pytest.raises(KerasftError, match="received: 3"):
        customer_service.write(tmp_path / "new", rows=3)
    assert not (tmp_path / "new").exists()
