"""Vectors of texts, their evaluation on pairs by SciPy's and hand-made numbers, search, exports."""

import numpy as np
import pytest
from scipy import stats

import kerasft
from kerasft import CheckpointError, DataError, KerasftError
from kerasft.export import litert, saved_model
from kerasft.pipelines import Search
from tests import tiny
from tests.export.conftest import trained

TEXTS = ["a good film", "bad", "please pay me my money", "where is the card"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    model = trained(kerasft.heads.sentence_embedding(tiny.backbone()))
    folder = tmp_path_factory.mktemp("embedder") / "bundle"
    kerasft.save_bundle(folder, model, tiny.tokenizer(), max_length=24, settings={"max_score": 5})
    return kerasft.load_bundle(folder)


@pytest.fixture(scope="module")
def embedder(bundle):
    return kerasft.pipelines.load(bundle)


def test_one_text_and_many(embedder):
    vectors = embedder.embed(TEXTS, batch_size=3)
    assert vectors.shape == (4, 16)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(embedder(TEXTS[0])["embedding"], vectors[0], atol=1e-6)
    assert [len(answer["embedding"]) for answer in embedder(TEXTS)] == [16] * 4
    assert embedder([]) == []


def test_long_texts_are_counted(bundle, caplog):
    embedder = kerasft.pipelines.load(bundle)
    embedder.embed(["good " * 50, "bad"])
    assert "1 of 2 texts (50.0 %) are longer than 24 tokens (max_length) and were truncated." in caplog.text
    assert embedder.num_truncated == 1


def test_what_is_no_text_is_refused(embedder):
    with pytest.raises(DataError, match=r"expected single texts, got a pair; received: .'a', 'b'."):
        embedder.embed([("a", "b")])
    with pytest.raises(DataError, match="expected a string, got int; received: 3"):
        embedder.embed(["a", 3])
    with pytest.raises(KerasftError, match="`texts` must be a list of texts; received: 'a'"):
        embedder.embed("a")
    with pytest.raises(KerasftError, match="`batch_size` must be a whole number >= 1; received: 0"):
        embedder.embed(["a"], batch_size=0)


def test_rated_pairs_are_measured_by_scipy(embedder):
    rows = [(a, b, float(score)) for score, (a, b) in enumerate(zip(TEXTS, TEXTS[1:] + TEXTS[:1]))]
    report = embedder.evaluate(rows)
    vectors = dict(zip(TEXTS, embedder.embed(TEXTS)))
    cosines, scores = [float(vectors[a] @ vectors[b]) for a, b, _ in rows], [score / 5 for *_, score in rows]
    assert report.metrics["spearman"] == pytest.approx(stats.spearmanr(cosines, scores).statistic, abs=1e-9)
    assert report.metrics["pearson"] == pytest.approx(stats.pearsonr(cosines, scores).statistic, abs=1e-4)
    assert embedder.evaluate([("a", "b", 1)]).metrics["spearman"] == 0.0


def test_retrieval_is_counted_by_hand(embedder):
    answers = ["film", "the card", "my money"]
    vectors = dict(zip([*TEXTS[:3], *answers], embedder.embed([*TEXTS[:3], *answers])))
    ranks = []
    for text, answer in zip(TEXTS, answers):
        scores = [float(vectors[text] @ vectors[other]) for other in answers]
        ranks.append(1 + sum(score > scores[answers.index(answer)] for score in scores))
    metrics = embedder.evaluate([{"question": text, "answer": other} for text, other in zip(TEXTS, answers)]).metrics
    assert metrics["accuracy_at_1"] == pytest.approx(np.mean(np.array(ranks) == 1))
    assert metrics["mrr_at_10"] == pytest.approx(np.mean(1 / np.array(ranks)))
    assert (metrics["recall_at_10"], metrics["num_answers"]) == (1.0, 3)


def test_every_answer_of_a_group_is_right(embedder):
    # Both answers belong to the first question, so whichever is found first is right for the two rows.
    rows = [("bad", "a good film"), ("bad", "film")]
    report = embedder.evaluate([{"question": question, "answer": answer} for question, answer in rows])
    assert report.metrics["accuracy_at_1"] == 1.0


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_one_vector_for_all_texts_finds_nothing(value):
    model = kerasft.heads.sentence_embedding(tiny.backbone())
    model.set_weights([np.full(weight.shape, value) for weight in model.weights])
    embedder = kerasft.pipelines.load(kerasft.make_bundle(model, tiny.tokenizer(), max_length=24))
    report = embedder.evaluate([{"text": text, "text_pair": f"{text} please"} for text in TEXTS])
    assert report.metrics["accuracy_at_1"] == 0.0
    assert report.metrics["mrr_at_10"] == pytest.approx(1 / 4)
    assert any("is no better than" in line for line in report.warnings)


@pytest.mark.slow
def test_every_form_gives_the_same_vectors(bundle, embedder, tmp_path):
    reports = [saved_model(bundle, tmp_path / "saved_model", texts=TEXTS)]
    reports += [
        litert(bundle, tmp_path / name, quantize=q, texts=TEXTS) for name, q in (("float", None), ("int8", "int8"))
    ]
    for report, cosine in zip(reports, (0.99999, 0.99999, 0.99)):
        assert report["finite"]
        assert cosine <= report["agreement"] <= 1 + 1e-6
        vectors = kerasft.pipelines.load(report["folder"]).embed(TEXTS)
        assert ((vectors * embedder.embed(TEXTS)).sum(axis=1) > cosine).all()


def test_search_finds_what_is_most_alike(embedder):
    search = Search(embedder, [{"text": text, "page": page} for page, text in enumerate(TEXTS)])
    (best, second) = search(TEXTS[2], top_k=2)
    assert (best["row"], best["page"], best["text"]) == (2, 2, TEXTS[2])
    assert best["score"] == pytest.approx(1.0, abs=1e-5)
    assert best["score"] >= second["score"]
    assert [answers[0]["row"] for answers in search(TEXTS)] == [0, 1, 2, 3]
    assert len(search("bad", top_k=99)) == 4
    assert search([]) == []
    assert search({"text": "bad"}) == search("bad")
    with pytest.raises(KerasftError, match="Expected keys: text"):
        search({"question": "bad"})
    with pytest.raises(KerasftError, match="`top_k` must be a whole number >= 1; received: 0"):
        search("bad", top_k=0)


def test_search_in_files(embedder, tmp_path):
    (tmp_path / "answers.txt").write_text("a good film\n\nbad\n", encoding="utf-8")
    assert Search(embedder, tmp_path / "answers.txt")("bad", top_k=1)[0]["text"] == "bad"
    (tmp_path / "faq.csv").write_text("topic,reply\ncard,a good film\nmoney,bad\n", encoding="utf-8")
    assert Search(embedder, str(tmp_path / "faq.csv"), column="reply")("bad", top_k=1)[0]["topic"] == "money"
    with pytest.raises(DataError, match=r"no column with this name; the columns are .'topic', 'reply'.; received: 'x'"):
        Search(embedder, str(tmp_path / "faq.csv"), column="x")


def test_an_index_comes_back_and_knows_its_model(embedder, tmp_path):
    search = Search(embedder, TEXTS)
    search.save(tmp_path / "index")
    assert Search.load(tmp_path / "index", embedder)("bad") == search("bad")
    search.save(tmp_path / "index")  # replaced
    model = trained(kerasft.heads.sentence_embedding(tiny.backbone()), seed=1)
    other = kerasft.pipelines.load(kerasft.make_bundle(model, tiny.tokenizer(), max_length=24))
    with pytest.raises(CheckpointError, match="was created with a different model"):
        Search.load(tmp_path / "index", other)
    (tmp_path / "index" / "index.npz").write_bytes(b"garbage")
    with pytest.raises(CheckpointError, match="is not an index: "):
        Search.load(tmp_path / "index", embedder)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes").write_text("mine")
    with pytest.raises(KerasftError, match="`folder` must be a new folder or an index to replace; received: "):
        search.save(tmp_path / "other")


def test_questions_and_entries_get_the_prompts_of_the_checkpoint(bundle, tmp_path):
    prompts = {"query": "where is ", "passage": "this is "}
    settings = bundle.settings | {"prompts": prompts, "default_prompt_name": None}
    made = kerasft.make_bundle(bundle.model, bundle.tokenizer, max_length=24, settings=settings)
    embedder = kerasft.pipelines.load(made)
    search = Search(embedder, ["the card", "my money"])
    (found,) = search("the card", top_k=1)
    question, *entries = embedder.embed(["where is the card", "this is the card", "this is my money"])
    assert found["score"] == pytest.approx(max(float(entry @ question) for entry in entries), abs=1e-5)
    search.save(tmp_path / "index")
    assert Search.load(tmp_path / "index", embedder)("the card", top_k=1) == [found]
