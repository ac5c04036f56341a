"""The pages of a mobile bundle say what the training's numbers said of the model."""

import pytest

from kerasft.export.mobile_pages import write_pages

REPORT = {"task": "text-classification", "quantize": "int8", "size_bytes": 2_000_000, "agreement": 1.0, "num_texts": 8}
REPORT |= {"max_difference": 0.1, "latency_ms": {}, "operators": []}
SIGNATURE = {"signatures": {"serving_default": {"inputs": {}, "outputs": {}}}, "lengths": [], "max_length": 16}


@pytest.mark.parametrize("warnings", [[], ["accuracy 0.3400 is no better than 0.4200 <b>"]])
def test_a_model_that_is_no_better_than_the_baseline_is_named(tmp_path, warnings):
    write_pages(tmp_path, REPORT | {"model_warnings": warnings}, SIGNATURE)
    readme, page = ((tmp_path / name).read_text("utf-8") for name in ("README.md", "report.html"))
    assert ("**Warning: accuracy 0.3400 is no better than 0.4200" in readme) == bool(warnings)
    assert ("accuracy 0.3400 is no better than 0.4200 &lt;b&gt;" in page) == bool(warnings)
