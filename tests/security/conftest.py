"""A bundle to spoil, and how to write a model file with another config."""

import json
import shutil
import zipfile

import pytest

import kerasft
from tests import tiny


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    return kerasft.save_bundle(
        tmp_path_factory.mktemp("whole") / "bundle", tiny.classifier(), tiny.tokenizer(), max_length=12
    )


@pytest.fixture
def bundle(whole, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(whole, tmp_path / "bundle")


def rewrite(path, change=None, *, members=None, compression=zipfile.ZIP_STORED):
    """Write a `.keras` file again with its config changed, and members replaced, added or (None) left out."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    if change:
        config = json.loads(content["config.json"])
        content["config.json"] = json.dumps(change(config) or config).encode()
    content.update(members or {})
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in content.items():
            if data is not None:
                archive.writestr(name, data)
