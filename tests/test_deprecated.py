"""Former names still work for one version, and say what to write instead."""

import importlib
import sys

import pytest

import kerasft
from kerasft import answers, calibration, data, demo, quantization_aware


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("postprocessing", answers, answers.__all__),
        ("postprocessing", calibration, ("best_temperature", "best_thresholds")),
        ("quantization", quantization_aware, ("fake_quantize", "quantization_aware")),
    ],
)
def test_former_modules_warn_and_have_the_same_objects(old, new, names):
    sys.modules.pop(f"kerasft.{old}", None)
    with pytest.warns(DeprecationWarning, match=rf"kerasft\.{old} is now {new.__name__}|and {new.__name__}"):
        module = importlib.import_module(f"kerasft.{old}")
    assert all(getattr(module, name) is getattr(new, name) for name in names)
    assert getattr(kerasft, old) is module


@pytest.mark.parametrize("name", ["customer_service", "customer_service_tasks"])
def test_the_demo_data_was_in_data(name):
    with pytest.warns(DeprecationWarning, match=f"is now kerasft.demo.{name}"):
        module = getattr(data, name)
    assert module is importlib.import_module(f"{demo.__name__}.{name}")
    with pytest.raises(AttributeError, match="nonsense"):
        data.nonsense  # noqa: B018
