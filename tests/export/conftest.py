"""One tiny bundle with weights large enough that every difference shows, and its exports, made once."""

import numpy as np
import pytest

from kerasft import bundles
from tests import tiny

TEXTS = ["a good film", "", "the bad movie was not what we love " * 9, "caf\u00e9 \U0001f600", "please pay me my money"]


def trained(model, seed=0):
    """Give a model random weights as large as trained ones."""
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        if "norm" not in variable.path:
            variable.assign(rng.normal(0, 0.3, variable.shape))
    return model


def make_bundle(folder, labels=("negative", "positive"), **metadata):
    return bundles.save_bundle(folder, trained(tiny.classifier(labels)), tiny.tokenizer(), max_length=24, **metadata)


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("bundle") / "reviews")


@pytest.fixture(scope="session")
def bundle(bundle_folder):
    return bundles.load_bundle(bundle_folder)
