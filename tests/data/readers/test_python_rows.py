"""Python rows: a missing value is None, however its library writes it."""

import numpy as np
import pytest

from kerasft.data import read_rows, text_classification, texts_and_labels
from kerasft.data.readers.python_rows import known
from kerasft.errors import DataError
from tests import tiny


class NAType:
    """Stands for pandas.NA, which is true of nothing: even `bool(NA)` and `NA != NA` raise or give NA again."""

    def __bool__(self):
        raise TypeError("boolean value of NA is ambiguous")

    def __eq__(self, other):
        return self

    def __ne__(self, other):
        return self

    __hash__ = None

    def __str__(self):
        return "<NA>"


class NaTType(NAType):
    pass


MISSING = [NAType(), NaTType(), float("nan"), np.float32("nan"), None, np.datetime64("NaT"), np.timedelta64("NaT")]


@pytest.mark.parametrize("value", MISSING, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("role", ["text", "label"])
def test_missing_values_are_named_by_row(value, role):
    rows = [{"text": "good", "label": "a"}, {"text": "bad", "label": "b"}, {"text": "good", "label": "a", role: value}]
    for source in (rows, {name: [row[name] for row in rows] for name in rows[0]}):
        assert read_rows(source).columns[role][2] is None
        with pytest.raises(
            DataError, match=r"Python rows, line 3: (expected a string in column 'text'|expected one label)"
        ):
            texts_and_labels(source, labels=["a", "b"])


class Frame(dict):
    """Stands for a pandas table: `columns`, and a column for a name."""

    columns = property(dict.keys)


def test_a_table_with_nullable_columns():
    frame = Frame(text=["good", "bad"], label=[1, 0], other=[NAType(), 2])
    rows = read_rows(frame)
    assert rows.columns["other"] == [None, 2]
    assert len(text_classification(frame, tiny.tokenizer(), labels=["0", "1"], batch_size=2)) == 1


def test_missing_values_in_json_and_parquet(tmp_path):
    import pyarrow
    import pyarrow.parquet

    (tmp_path / "a.jsonl").write_text('{"text": "a", "label": NaN}\n{"text": "b", "label": null}\n')
    assert read_rows(tmp_path / "a.jsonl").columns["label"] == [None, None]
    table = pyarrow.table({"text": ["a", None], "label": [1.5, float("nan")]})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    assert read_rows(tmp_path / "a.parquet").columns == {"text": ["a", None], "label": [1.5, None]}


def test_known_values_stay():
    for value in ("nan", "<NA>", "", 0, 0.0, False, b"nan", ["a"], np.int64(3)):
        assert known(value) is value
