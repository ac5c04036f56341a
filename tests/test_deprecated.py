"""Former names still work for one version, and say what to write instead."""

import importlib
import sys

import pytest

import kerasft
from kerasft import answers, calibration, data, demo, quantization_aware, tasks


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


@pytest.mark.parametrize(
    ("name", "room"), [("customer_service", demo), ("customer_service_tasks", demo), ("settled", tasks)]
)
def test_former_names_of_data(name, room):
    with pytest.warns(DeprecationWarning, match=f"is now {room.__name__}.{name}"):
        assert getattr(data, name) is getattr(room, name)
    with pytest.raises(AttributeError, match="nonsense"):
        data.nonsense  # noqa: B018
