"""The recipes of masked language models, sentence embedding and few-shot classification, one after the other's bundle."""

import numpy as np
import pytest

import kerasft
from kerasft import KerasftError
from kerasft.recipes import few_shot, masked_lm, sentence_embedding
from tests import tiny
from tests.cli.conftest import write_csv

TEXTS = ["a good film", "a great movie", "a bad film", "a poor movie", "please pay me my money", "where is my card"]


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipes")
    tiny.bert_folder(folder / "checkpoint")
    (folder / "texts.txt").write_text("\n".join(TEXTS * 10), encoding="utf-8")
    write_csv(
        folder / "rated.csv", [(a, b, i % 6) for i, a in enumerate(TEXTS) for b in TEXTS], header=("a", "b", "score")
    )
    write_csv(
        folder / "faq.csv", [(f"{text} {i}", text) for text in TEXTS for i in range(4)], header=("question", "answer")
    )
    rows = [(text, "film" if i < 4 else "service") for i, text in enumerate(TEXTS)] * 6
    write_csv(folder / "labelled.csv", rows)
    return folder


@pytest.fixture(scope="module")
def domain(work):
    options = {"model": str(work / "checkpoint"), "train": str(work / "texts.txt"), "max_length": 16, "epochs": 3}
    return masked_lm.main(
        masked_lm.Options(**options, output=str(work / "domain"), learning_rate=3e-3, whole_words=True)
    )


@pytest.mark.slow
def test_a_masked_language_model_learns_and_remembers_its_masks(domain):
    metrics = domain["metrics"]
    assert metrics["perplexity"] < metrics["perplexity_before"]
    assert (domain["split"], domain["best_epoch_chosen_on"]) == ("dev", "dev")
    bundle = kerasft.load_bundle(domain["bundle"])
    assert bundle.task == "masked-lm"
    assert bundle.settings["masking"]["whole_words"]
    assert domain["report"].is_file()


@pytest.mark.slow
def test_packed_blocks(work):
    options = {"model": str(work / "checkpoint"), "train": str(work / "labelled.csv"), "max_length": 16, "epochs": 1}
    result = masked_lm.main(masked_lm.Options(**options, output=str(work / "packed"), packed=True, max_train_rows=20))
    assert kerasft.load_bundle(result["bundle"]).settings["packed"]


@pytest.mark.slow
def test_pairs_with_scores(work, domain):
    options = sentence_embedding.Options(
        model=str(domain["bundle"]),
        train=str(work / "rated.csv"),
        output=str(work / "rated"),
        **{"text": "a", "text_pair": "b", "label": "score", "max_score": 5.0, "epochs": 1, "max_length": 16},
    )
    result = sentence_embedding.main(options)
    assert {"spearman", "pearson"} <= set(result["metrics"])
    assert "the mean score of the training rows" in result["baseline_answer"]
    columns = {"text": "a", "text_pair": "b", "label": "score"}
    assert kerasft.pipelines.load(result["bundle"]).evaluate(work / "rated.csv", columns=columns).rows == 36


@pytest.mark.slow
def test_pairs_without_scores_and_then_few_examples(work):
    options = {"train": str(work / "faq.csv"), "output": str(work / "faq"), "epochs": 1, "max_length": 16}
    result = sentence_embedding.main(
        sentence_embedding.Options(model=str(work / "checkpoint"), **options, symmetric=True)
    )
    assert {"accuracy_at_1", "mrr_at_10"} <= set(result["metrics"])
    for loss in ("ranking", "cosine"):
        options = {"train": str(work / "labelled.csv"), "output": str(work / loss), "max_length": 16, "loss": loss}
        options |= {"examples_per_class": 4, "partners": 2, "inverse_regularization": 100.0}
        few = few_shot.main(few_shot.Options(model=str(result["bundle"]), **options))
        assert (few["split"], few["best_epoch_chosen_on"]) == ("dev", None)
        bundle = kerasft.load_bundle(few["bundle"])
        assert (bundle.task, list(bundle.labels)) == ("text-classification", ["film", "service"])
        # Two classes: the head's two columns are one of scikit-learn's, halved.
        kernel, bias = bundle.model.get_layer("logits").get_weights()
        np.testing.assert_allclose(kernel[:, 0], -kernel[:, 1])
        np.testing.assert_allclose(bias[0], -bias[1])
        assert few["metrics"]["accuracy"] > 0.8


def test_nothing_left_to_report_on(work, tmp_path):
    train = write_csv(tmp_path / "train.csv", [("good", "a"), ("bad", "b")])
    options = few_shot.Options(model=str(work / "checkpoint"), train=train, output=str(tmp_path / "few"))
    with pytest.raises(KerasftError, match="`test` must be given if all rows of --train are examples; received: None"):
        few_shot.main(options)
