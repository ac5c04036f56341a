"""What is written on the colours can be read, in a light and in a dark page, and they can be told apart."""

import itertools

import pytest

from kerasft.reports import colours


def channels(colour):
    return [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]


def luminance(colour):
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """As WCAG 2 has it, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("dark", "ink"), [(False, colours.INK), (True, colours.DARK_INK)])
def test_text_on_every_colour_has_the_contrast_of_wcag_aaa(dark, ink):
    assert min(contrast(colour, ink) for colour in colours.backgrounds(dark=dark)) >= 7


def test_the_lines_are_different_colours_and_as_many_as_the_backgrounds():
    assert len(set(colours.lines())) == len(colours.backgrounds()) == colours.NUM_HUES
    for one, other in itertools.combinations(colours.lines(), 2):
        assert sum(abs(a - b) for a, b in zip(channels(one), channels(other))) > 0.3


def test_mixing():
    assert colours.mixed("#102030", 1.0, "#ffffff") == "#102030"
    assert colours.mixed("#102030", 0.0, "#ffffff") == "#ffffff"
