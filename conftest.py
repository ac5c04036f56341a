"""The examples in docstrings: each runs in an empty folder of its own."""

import os

import pytest

os.environ.setdefault("KERASFT_CONVERT_IN_PROCESS", "1")  # else each export would start TensorFlow once more

# The first is whole only as a copy in a mobile bundle; the others warn on import, see tests/test_deprecated.py.
collect_ignore = ["kerasft/mobile", "kerasft/postprocessing.py", "kerasft/quantization.py"]


@pytest.fixture(autouse=True)
def _folder_of_an_example(request):
    if not isinstance(request.node, pytest.DoctestItem):
        return
    monkeypatch = request.getfixturevalue("monkeypatch")
    monkeypatch.chdir(request.getfixturevalue("tmp_path"))
    if "main(Options" in (request.node.dtest.docstring or ""):  # a slow machine would print a line more
        monkeypatch.setattr("kerasft.callbacks.ProgressLines.on_train_batch_end", lambda *args, **named: None)
