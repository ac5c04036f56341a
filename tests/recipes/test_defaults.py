import dataclasses

import pytest

import kerasft
from kerasft.recipes.defaults import HIGHEST_RATE, LOWEST_RATE, RULES, choose, choose_training, size_of
from kerasft.recipes.options import TrainingOptions
from kerasft.recipes.text_classification import Options, main
from kerasft.recipes.training import epoch_chosen_on, make_optimizer
from tests import tiny

GIVEN = TrainingOptions(model="bert-base-uncased", train="train.csv")


@pytest.fixture(scope="module")
def backbone():
    return tiny.backbone()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return str(tiny.bert_folder(tmp_path_factory.mktemp("defaults") / "checkpoint"))


@pytest.mark.parametrize("kind", ["text", "words", "questions"])
@pytest.mark.parametrize(("width", "blocks", "lowest", "highest"), [(768, 12, 2e-5, 5e-5), (1024, 24, 1e-5, 3e-5)])
def test_large_models_on_many_rows_are_trained_by_about_the_published_recipe(kind, width, blocks, lowest, highest):
    chosen = choose(kind, width=width, blocks=blocks, rows=67_349, classes=2)
    assert lowest <= chosen["learning_rate"] <= highest
    assert (chosen["epochs"], chosen["batch_size"]) == (3, 32)


@pytest.mark.parametrize("kind", RULES)
def test_a_narrow_model_has_no_smaller_rate_than_a_wide_one_and_all_rates_are_within_limits(kind):
    rates = [
        choose(kind, width=width, blocks=6, rows=500)["learning_rate"] for width in (8, 128, 256, 384, 768, 1024, 8192)
    ]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] >= LOWEST_RATE
    assert rates[0] <= HIGHEST_RATE


@pytest.mark.parametrize("rows", [1, 10, 100, 420, 1000, 1500, 4999, 5000, 100_000])
@pytest.mark.parametrize("kind", ["text", "words", "questions", "embedding"])
def test_few_rows_have_more_epochs_so_that_there_are_steps_enough(kind, rows):
    rule, chosen = RULES[kind], choose(kind, width=384, blocks=6, rows=rows)
    steps = chosen["epochs"] * rows / chosen["batch_size"]
    assert rule.least_epochs <= chosen["epochs"] <= rule.most_epochs
    assert steps >= rule.least_steps or chosen["epochs"] == rule.most_epochs
    assert steps < rule.least_steps + rows / chosen["batch_size"] or chosen["epochs"] == rule.least_epochs


def test_a_deep_model_has_a_smaller_rate_and_many_classes_have_more_epochs():
    shallow, deep = (choose("text", width=384, blocks=blocks, rows=500)["learning_rate"] for blocks in (2, 12))
    assert shallow > deep
    few, many = (choose("text", width=384, blocks=6, rows=1500, classes=n)["epochs"] for n in (2, 77))
    assert few < many


def test_kerashubs_backbones_say_their_size():
    class Backbone:
        layers = ()
        hidden_dim = 256
        num_layers = 4

    assert size_of(Backbone()) == (256, 4)


def test_the_epochs_follow_a_given_batch_size_and_accumulation():
    small, large = (choose("text", width=384, blocks=6, rows=800, batch_size=size)["epochs"] for size in (8, 64))
    assert small < large
    assert choose("text", width=384, blocks=6, rows=800, batch_size=8, accumulated=8)["epochs"] == large


def test_what_is_given_stays_and_what_is_chosen_is_printed(backbone, capsys):
    chosen = choose_training(GIVEN, backbone, rows=1200, kind="text")
    line = capsys.readouterr().err
    assert f"learning rate 5e-4, {chosen.epochs} epochs, batch size {chosen.batch_size}. " in line
    assert "1,200 rows" in line
    assert "(2 blocks, hidden size 16)" in line
    assert "--learning-rate, --epochs, --batch-size" in line
    given = dataclasses.replace(GIVEN, learning_rate=3e-3, epochs=2)
    assert choose_training(given, backbone, rows=1200, kind="text") == dataclasses.replace(given, batch_size=16)
    assert "--batch-size" in (line := capsys.readouterr().err)
    assert "learning" not in line
    assert "epochs" not in line
    given = dataclasses.replace(given, batch_size=7)
    assert choose_training(given, backbone, rows=1200, kind="text") is given
    assert capsys.readouterr().err == ""


def test_a_token_budget_stands_in_for_the_batch_size(backbone):
    chosen = choose_training(dataclasses.replace(GIVEN, token_budget=512), backbone, rows=800, kind="text")
    assert chosen.batch_size is None
    assert chosen.epochs == choose("text", width=16, blocks=2, rows=800, batch_size=16)["epochs"]


def test_the_choice_goes_into_optimizer_and_selection(backbone):
    chosen = choose_training(GIVEN, backbone, rows=100, kind="text")
    rate = make_optimizer(chosen, steps_per_epoch=7)._learning_rate
    assert (rate.learning_rate, rate.total_steps) == (chosen.learning_rate, 7 * chosen.epochs)
    assert epoch_chosen_on(chosen) == "dev"


@pytest.mark.slow
def test_a_recipe_prints_its_choice_and_the_bundle_records_it(checkpoint, tmp_path, capsys):
    rows = "".join(f"{text},{label}\n" for text, label in [("good film", "yes"), ("bad film", "no")] * 20)
    (tmp_path / "train.csv").write_text("text,label\n" + rows)
    files = {"train": str(tmp_path / "train.csv"), "output": str(tmp_path / "bundle")}
    result = main(Options(model=checkpoint, **files, max_length=8, epochs=1))
    expected = choose("text", width=16, blocks=2, rows=36, classes=2)
    assert "36 rows of 2 classes and a model of" in (errors := capsys.readouterr().err)
    assert (
        "learning rate 5e-4, batch size 16, pooler pooling. To override: --learning-rate, --batch-size, --pooling."
        in errors
    )
    recorded = kerasft.load_bundle(result["bundle"]).metadata["provenance"]["options"]
    assert recorded["learning_rate"] == expected["learning_rate"]
    assert (recorded["epochs"], recorded["batch_size"]) == (1, expected["batch_size"])
