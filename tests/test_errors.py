import pytest

import kerasft
from kerasft.errors import CheckpointError, DataError, ExportError, KerasftError, bad_argument, bad_data


@pytest.mark.parametrize("kind", [DataError, CheckpointError, ExportError])
def test_one_base_that_is_a_value_error(kind):
    assert issubclass(kind, KerasftError)
    assert issubclass(KerasftError, ValueError)
    assert getattr(kerasft, kind.__name__) is kind


def test_bad_argument_names_expectation_value_and_remedy():
    error = bad_argument("epochs", "a whole number >= 1", 0, "Give 3.", kind=ExportError)
    assert type(error) is ExportError
    assert str(error) == "`epochs` must be a whole number >= 1; received: 0. Give 3."


def test_a_long_value_is_shortened():
    message = str(bad_argument("labels", "short", "x" * 1000, "Cut it."))
    assert "xxx... (1002 characters)" in message
    assert len(message) < 200


def test_bad_data_names_place_problem_and_value():
    assert str(bad_data("a.csv", "it is empty", "Fill it.")) == "a.csv: it is empty. Fill it."
    error = bad_data("a.csv", "it is no number", "Correct it.", line=3, value="x")
    assert type(error) is DataError
    assert str(error) == "a.csv, line 3: it is no number; received: 'x'. Correct it."


def test_an_empty_value_is_shown():
    assert "received: ''" in str(bad_data("a.csv", "no text", "Fill it.", line=2, value=""))
