"""Latency by length and threads, and the memory of a bundle."""

import pytest

from kerasft import KerasftError, export
from tests.export.conftest import TEXTS


def test_rows_of_a_litert_folder_and_a_bundle(bundle, bundle_folder, tmp_path):
    export.litert(bundle, tmp_path / "phone", texts=TEXTS)
    rows = export.measure_latency(tmp_path / "phone", lengths=[8, 128], threads=[1, 2], runs=2)
    assert [(row["sequence_length"], row["threads"]) for row in rows] == [(8, 1), (24, 1), (8, 2), (24, 2)]
    assert all(0 < row["min_ms"] <= row["median_ms"] <= row["p90_ms"] for row in rows)
    assert rows[0]["size_bytes"] == (tmp_path / "phone" / "model.tflite").stat().st_size
    rows = export.measure_latency(bundle_folder, lengths=[8], runs=1)
    assert [(row["threads"], row["size_bytes"]) for row in rows] == [
        (None, (bundle_folder / "model.keras").stat().st_size)
    ]


@pytest.mark.slow
def test_a_models_memory_is_found_in_a_process_of_its_own(bundle_folder):
    found = export.measure_model(bundle_folder, lengths=[8], runs=1)
    assert found["format"] == "keras"
    assert 0 < found["memory"]["resident"] <= found["memory"]["peak"]


@pytest.mark.parametrize("arguments", [{"lengths": [0]}, {"threads": []}, {"runs": 0}])
def test_bad_arguments(bundle_folder, arguments):
    name = next(iter(arguments))
    with pytest.raises(KerasftError, match=rf"`{name}` must be whole numbers >= 1; received: "):
        export.measure_latency(bundle_folder, **arguments)
