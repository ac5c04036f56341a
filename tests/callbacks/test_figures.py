import warnings

import matplotlib
import numpy as np
import pytest

from kerasft.callbacks import figures


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_confusion_matrix_shows_counts_where_there_are_any():
    figure = figures.confusion_matrix([[5, 1, 0], [0, 4, 0], [0, 0, 7]], ["a", "b", "c"])
    assert texts(figure) == ["5", "1", "4", "7"]
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "truth")


def test_mistakes_are_orange_and_hits_blue():
    colours = figures._confusion_colours(np.array([[1, 1], [0, 2]]))
    red, _, blue = colours[0, 0]
    assert blue > red
    red, _, blue = colours[0, 1]
    assert red > blue
    np.testing.assert_array_equal(colours[1, 0], 1.0)


@pytest.mark.parametrize("count", [2, 20, 77])
def test_any_number_of_classes_can_be_drawn(count):
    names = [f"intent_with_a_rather_long_name_number_{index}" for index in range(count)]
    figure = figures.confusion_matrix(np.eye(count, dtype=int), names)
    drawn = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert len(set(drawn)) == count  # cut names still differ
    height, width, channels = figures.to_array(figure, dpi=40).shape
    assert channels == 4
    assert 0.9 < width / height < 1.1


def test_a_class_without_rows_is_drawn():
    assert texts(figures.confusion_matrix([[0, 0], [0, 3]], ["a", "b"])) == ["3"]


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "$5_or_$6", "日本語", "a & b", "\\frac{", "tab\tand\nline"]
)
def test_hostile_names(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg = figures.to_svg(figures.confusion_matrix([[1, 0], [0, 1]], [name, "plain"]))
        figures.to_array(figures.class_scores({name: 0.5}))
    assert "<script" not in svg
    assert svg.startswith("<svg")
    assert "<!DOCTYPE" not in svg


def test_svg_is_the_same_each_time_and_keeps_text():
    first, second = (figures.to_svg(figures.confusion_matrix([[1, 0], [0, 1]], ["left", "right"])) for _ in range(2))
    assert first == second
    assert ">left</text>" in first


def test_style_is_not_global():
    before = dict(matplotlib.rcParams)
    figures.to_svg(figures.class_scores({"a": 0.1}))
    assert dict(matplotlib.rcParams) == before


def test_scatter_has_a_panel_for_each_target():
    rng = np.random.default_rng(0)
    figure = figures.scatter(rng.normal(size=(20, 3)), rng.normal(size=(20, 3)), ["a", "b", "c"])
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["a", "b", "c"]
