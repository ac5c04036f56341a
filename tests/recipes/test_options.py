import dataclasses

import pytest

from kerasft.errors import KerasftError
from kerasft.recipes.options import TrainingOptions, check_option, column, defaults_of, names, option
from kerasft.recipes.text_classification import Options

GIVEN = {"model": "bert-base-uncased", "train": "train.csv"}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (None, None),
        ("sentence", "sentence"),
        ("0", 0),
        ("toxic,insult", ["toxic", "insult"]),
        ("1, 2", [1, 2]),
        ("-1", -1),
        ("0,-1", [0, -1]),
        ("\u00b2", "\u00b2"),
    ],
)
def test_a_column_as_it_is_typed(typed, meant):
    assert column(typed) == meant


def test_every_default_passes_its_own_check():
    assert Options(**GIVEN).model == GIVEN["model"]


@pytest.mark.parametrize(
    "name", ["dev_fraction", "learning_rate", "warmup", "weight_decay", "global_clipnorm", "dropout"]
)
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "0.1", True])
def test_a_number_is_finite_and_in_range(name, value):
    with pytest.raises(KerasftError, match=f"`{name}` must be a number .* received: "):
        Options(**GIVEN, **{name: value})


@pytest.mark.parametrize(
    "name",
    ["epochs", "batch_size", "max_length", "token_budget", "max_train_rows", "gradient_accumulation", "patience"],
)
@pytest.mark.parametrize("value", [-1, 1.5, "3", True])
def test_a_count_is_whole_and_in_range(name, value):
    with pytest.raises(KerasftError, match=f"`{name}` must be a whole number >= .* received: "):
        Options(**GIVEN, **{name: value})


@pytest.mark.parametrize(
    "values",
    [
        {"warmup": 0},
        {"global_clipnorm": 0.0},
        {"weight_decay": 0},
        {"patience": 0},
        {"patience": None},
        {"dropout": 0.0},
        {"seed": 2**32 - 1},
        {"pooling": None},
    ],
)
def test_the_ends_of_the_ranges(values):
    options = Options(**GIVEN, **values)
    assert {name: getattr(options, name) for name in values} == values


@pytest.mark.parametrize("values", [{"warmup": 1.0}, {"dev_fraction": 1.0}, {"dropout": 1.0}, {"seed": 2**32}])
def test_beyond_the_ends(values):
    with pytest.raises(KerasftError, match=r" and < "):
        Options(**GIVEN, **values)


@pytest.mark.parametrize("name", ["schedule", "keep", "precision", "strategy", "problem", "pooling", "class_weights"])
def test_a_choice_is_one_of_the_choices(name):
    with pytest.raises(KerasftError, match=f"`{name}` must be one of .* received: 'bogus'"):
        Options(**GIVEN, **{name: "bogus"})


def test_class_weights_are_for_classes():
    with pytest.raises(KerasftError, match="`class_weights` must be omitted for regression; received: 'balanced'"):
        Options(**GIVEN, problem="regression", class_weights="balanced")


def test_none_only_where_it_is_the_default():
    with pytest.raises(KerasftError, match="`dev_fraction` must be a number > 0 and < 1; received: None"):
        TrainingOptions(**GIVEN, dev_fraction=None)


def test_an_option_without_limits_takes_anything():
    @dataclasses.dataclass
    class Free:
        name: str = option("a name", default="x")

    check_option(dataclasses.fields(Free)[0], object())


def test_the_defaults_of_a_recipe():
    options = TrainingOptions(model="m", train="t.csv", epochs=2)
    found = defaults_of(options)
    assert found.keys() == {field.name for field in dataclasses.fields(options)} - {"model", "train"}
    assert (found["epochs"], found["schedule"], found["resume"]) == (None, "linear", False)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.txt", "\ufeffO\nB-PER\r\n\n"),
        ("labels.json", '\ufeff["O", "B-PER"]'),
        ("labels.json", '{"1": "B-PER", "0": "O"}'),
        ("config.json", '{"model_type": "bert", "id2label": {"0": "O", "1": "B-PER"}}'),
    ],
)
def test_names_may_be_in_a_file(tmp_path, name, content):
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert names(str(tmp_path / name)) == names("O, B-PER") == ["O", "B-PER"]


@pytest.mark.parametrize("content", ["[", "[1, 2]", '{"labels": 3}', "[]"])
def test_a_file_without_names_is_refused(tmp_path, content):
    (tmp_path / "labels.json").write_text(content)
    with pytest.raises(KerasftError, match="`label_names` must be comma-separated names, or a file of names"):
        names(str(tmp_path / "labels.json"))
