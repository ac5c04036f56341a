"""Numbers of files of strangers."""

import math
from decimal import Decimal
from fractions import Fraction

import pytest

from kerasft.security import finite


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, 10**400, Fraction(10**400), True, "1", None, [1], Decimal(1)]
)
def test_what_is_no_finite_number(value):
    assert finite(value) is None


@pytest.mark.parametrize("value", [0, -3, 1.5, 2**70])
def test_finite_numbers(value):
    assert finite(value) == float(value)
