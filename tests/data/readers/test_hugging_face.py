"""Hugging Face's datasets: objects, `save_to_disk` folders, Parquet with features, dataset_info.json; always with class names."""

import json

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import pytest

from kerasft.data import read_rows, read_tags
from kerasft.errors import DataError

TAGS = ["O", "B-PER", "I-PER"]
ROWS = [{"tokens": ["Anna", "came"], "ner_tags": [1, 0], "label": 1}, {"tokens": ["No"], "ner_tags": [0], "label": 0}]
NAMED = {"tokens": [["Anna", "came"], ["No"]], "ner_tags": [["B-PER", "O"], ["O"]], "label": ["yes", "no"]}
FEATURES = {
    "tokens": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"},
    "ner_tags": {"feature": {"names": TAGS, "_type": "ClassLabel"}, "_type": "List"},
    "label": {"names": ["no", "yes"], "_type": "ClassLabel"},
}


class ClassLabel:
    def __init__(self, names):
        self.names = names


class Sequence:
    def __init__(self, feature):
        self.feature = feature


class Dataset:
    """What of a Dataset the reader uses."""

    column_names = list(ROWS[0])
    features = {"tokens": Sequence(None), "ner_tags": Sequence(ClassLabel(TAGS)), "label": ClassLabel(["no", "yes"])}

    def __getitem__(self, name):
        return [row[name] for row in ROWS]


class IterableDataset:
    """What of an IterableDataset the reader uses."""

    column_names, features = Dataset.column_names, Dataset.features

    def __iter__(self):
        return iter(ROWS)


def table():
    return pa.Table.from_pylist(ROWS).replace_schema_metadata(
        {"huggingface": json.dumps({"info": {"features": FEATURES}})}
    )


def save_to_disk(folder):
    folder.mkdir(parents=True)
    with pyarrow.ipc.new_stream(str(folder / "data-00000-of-00001.arrow"), table().schema) as writer:
        writer.write_table(table())
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}))
    (folder / "dataset_info.json").write_text(json.dumps({"features": FEATURES}))
    return folder


@pytest.mark.parametrize("dataset", [Dataset(), IterableDataset(), {"train": Dataset()}])
def test_objects_give_names(dataset):
    assert read_rows(dataset).columns == NAMED


def test_of_several_splits_one_must_be_named():
    with pytest.raises(DataError, match=r"DatasetDict.*\['train', 'test'\].*dataset\[\"train\"\]"):
        read_rows({"train": Dataset(), "test": Dataset()})


def test_files_give_names(tmp_path):
    pyarrow.parquet.write_table(table(), tmp_path / "a.parquet")
    with pyarrow.ipc.new_file(str(tmp_path / "a.arrow"), table().schema) as writer:
        writer.write_table(table())
    folder = save_to_disk(tmp_path / "saved")
    sources = [tmp_path / "a.parquet", tmp_path / "a.arrow", folder, folder / "data-00000-of-00001.arrow"]
    assert [read_rows(str(source)).columns for source in sources] == [NAMED] * 4


def test_names_beside_a_file(tmp_path, caplog):
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    assert read_rows(tmp_path / "a.jsonl").columns["label"] == [1, 0]
    (tmp_path / "dataset_infos.json").write_text(json.dumps({"default": {"features": FEATURES}}))
    assert read_rows(tmp_path / "a.jsonl").columns == NAMED
    assert "'ner_tags', 'label' are mapped to the names in dataset_infos.json" in caplog.text
    (tmp_path / "dataset_infos.json").write_text("[")
    assert read_rows(tmp_path / "a.jsonl").columns["label"] == [1, 0]


def test_the_viewer_gives_names(tmp_path):
    features = [{"feature_idx": i, "name": name, "type": kind} for i, (name, kind) in enumerate(FEATURES.items())]
    rows = [{"row_idx": i, "row": row, "truncated_cells": []} for i, row in enumerate(ROWS)]
    (tmp_path / "a.json").write_text(json.dumps({"features": features, "rows": rows}))
    assert read_rows(tmp_path / "a.json").columns == NAMED


def test_a_saved_dataset_dict_says_its_splits(tmp_path):
    save_to_disk(tmp_path / "saved" / "train")
    (tmp_path / "saved" / "dataset_dict.json").write_text(json.dumps({"splits": ["train"]}))
    assert read_rows(tmp_path / "saved" / "train").columns == NAMED
    with pytest.raises(DataError, match=r"a single split.*Use a single split, such as .*saved.train"):
        read_rows(tmp_path / "saved")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("state.json", "{", "invalid JSON"),
        ("state.json", '{"_data_files": [{"filename": "../a.arrow"}]}', "lists no data files in this folder"),
        ("state.json", '{"_data_files": [{"filename": "b.arrow"}]}', "b.arrow is missing"),
        ("data-00000-of-00001.arrow", "no arrow", "not a readable Arrow file"),
    ],
)
def test_a_damaged_folder_is_refused(tmp_path, name, content, message):
    (save_to_disk(tmp_path / "saved") / name).write_text(content)
    with pytest.raises(DataError, match=message):
        read_rows(tmp_path / "saved")


def test_a_number_without_a_name_is_refused(tmp_path):
    features = FEATURES | {"label": {"names": ["no"], "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    pyarrow.parquet.write_table(table().replace_schema_metadata(metadata), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="line 1: no name for this number; names are given for 0 to 0: no; received: 1"):
        read_rows(tmp_path / "a.parquet")


def test_names_of_tags_can_be_said():
    rows = [{"tokens": row["tokens"], "ner_tags": row["ner_tags"]} for row in ROWS]
    assert read_tags(rows, tag_names=TAGS).columns["tags"] == [["B-PER", "O"], ["O"]]
    with pytest.raises(DataError, match="given for 0 to 0"):
        read_tags(rows, tag_names=["O"])


def test_with_the_package_itself(tmp_path):
    datasets = pytest.importorskip("datasets", reason="Hugging Face's datasets are not installed")
    features = datasets.Features(
        {
            "tokens": datasets.Sequence(datasets.Value("string")),
            "ner_tags": datasets.Sequence(datasets.ClassLabel(names=TAGS)),
            "label": datasets.ClassLabel(names=["no", "yes"]),
        }
    )
    dataset = datasets.Dataset.from_list(ROWS, features=features)
    assert read_rows(dataset).columns == NAMED
    assert read_rows(dataset.to_iterable_dataset()).columns == NAMED
    assert read_rows(datasets.DatasetDict(train=dataset)).columns == NAMED
    dataset.save_to_disk(str(tmp_path / "saved"))
    dataset.to_parquet(str(tmp_path / "a.parquet"))
    dataset.to_json(str(tmp_path / "a.json"))
    datasets.DatasetDict(train=dataset).save_to_disk(str(tmp_path / "dict"))
    for name in ("saved", "a.parquet", "dict/train"):
        assert read_rows(tmp_path / name).columns == NAMED
    assert read_rows(tmp_path / "a.json").columns["ner_tags"] == [[1, 0], [0]]


@pytest.mark.parametrize("new", [pyarrow.ipc.new_stream, pyarrow.ipc.new_file])
def test_a_small_arrow_file_that_unpacks_to_gigabytes_is_refused(tmp_path, new):
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int8()), pa.array(["long " * 20_000]))
    for name, column, match in (
        ("texts", texts, "KERASFT_MAX_DATA_BYTES"),
        ("nothing", pa.nulls(2 * 10**9), "KERASFT_MAX_CELLS"),  # takes no byte in the file
    ):
        batch = pa.record_batch({"text": column})
        with new(str(tmp_path / f"{name}.arrow"), batch.schema) as writer:
            writer.write_batch(batch)
        with pytest.raises(DataError, match=match):
            read_rows(tmp_path / f"{name}.arrow")
