"""Every kind of source gives the same rows, and says clearly what is wrong with it."""

import json
import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasft.data import Rows, collect_labels, read_rows, texts_and_labels
from kerasft.data.readers import parquet_tfrecord
from kerasft.errors import DataError, KerasftError

ROWS = [{"text": "good", "label": 1}, {"text": "schl\u00e9cht", "label": 0}, {"text": "so so", "label": 1}]
TEXTS = [row["text"] for row in ROWS]


def example(row):
    features = {
        "text": tf.train.Feature(bytes_list=tf.train.BytesList(value=[row["text"].encode()])),
        "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[row["label"]])),
        "tags": tf.train.Feature(float_list=tf.train.FloatList(value=[0.5, 1.0])),
        "none": tf.train.Feature(),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def write_tfrecord(path, rows=ROWS, compression=None):
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for row in rows:
            writer.write(example(row))
    return path


def write_jsonl(path, rows=ROWS):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_parquet(path, rows=ROWS):
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), path)
    return path


class Frame:
    """What of a DataFrame the reader uses."""

    columns = ("text", "label")

    def __getitem__(self, name):
        return (row[name] for row in ROWS)


def every_kind(folder):
    yield "jsonl", write_jsonl(folder / "a.jsonl")
    yield "parquet", write_parquet(folder / "a.parquet")
    yield "tfrecord", str(write_tfrecord(folder / "a.tfrecord"))
    yield "sharded tfrecord", write_tfrecord(folder / "a.tfrecord-00000-of-00001")
    yield "gzip tfrecord", write_tfrecord(folder / "b.tfrecord.gz", compression="GZIP")
    yield "dictionaries", ROWS
    yield "tuples", [tuple(row.values()) for row in ROWS]
    yield "generator", (row for row in ROWS)
    yield "columns", {name: [row[name] for row in ROWS] for name in ROWS[0]}
    yield "frame", Frame()
    yield "dataset", tf.data.Dataset.from_tensor_slices({name: [row[name] for row in ROWS] for name in ROWS[0]})
    yield "dataset of tuples", tf.data.Dataset.from_tensor_slices((TEXTS, [1, 0, 1]))
    yield "dataset of (dict, y)", tf.data.Dataset.from_tensor_slices(({"text": TEXTS}, [1, 0, 1]))


def test_every_kind_gives_the_same(tmp_path):
    for kind, source in every_kind(tmp_path):
        rows = read_rows(source)
        assert isinstance(rows, Rows), kind
        texts, y = texts_and_labels(rows, labels=["bad", "good"])
        assert (texts, y.tolist()) == (TEXTS, [1, 0, 1]), kind
        assert list(collect_labels(rows)) == ["0", "1"], kind
        assert rows.place(2)[1] == 3, kind
        assert read_rows(rows) is rows


def test_tfrecord_lists_and_absent_features(tmp_path):
    columns = read_rows(write_tfrecord(tmp_path / "a.tfrecord")).columns
    assert columns["tags"][0] == [0.5, 1.0]
    assert columns["none"] == [None] * 3


def test_patterns_and_lists_of_paths(tmp_path):
    for name in "ab":
        write_jsonl(tmp_path / f"{name}.jsonl", [{"text": name, "label": name}])
    rows = read_rows(str(tmp_path / "*.jsonl"))
    assert rows.columns["text"] == ["a", "b"]
    assert [pathlib.Path(rows.place(i)[0]).name for i in range(2)] == ["a.jsonl", "b.jsonl"]
    rows = read_rows([tmp_path / "b.jsonl", str(tmp_path / "a.jsonl")])
    assert rows.columns["text"] == ["b", "a"]
    assert rows.name.endswith("b.jsonl and 1 more")
    write_jsonl(tmp_path / "c.jsonl", [{"words": "c", "label": "c"}])
    with pytest.raises(DataError, match=r"c\.jsonl: expected the columns .* received: \['words', 'label'\]"):
        read_rows(str(tmp_path / "*.jsonl"))


def test_texts_are_not_taken_for_paths():
    assert read_rows(["good film", "bad film"]).columns == {"text": ["good film", "bad film"]}


def test_missing_files_say_what_is_there(tmp_path):
    write_jsonl(tmp_path / "train.jsonl")
    with pytest.raises(
        DataError, match=r"trian\.jsonl: the file does not exist\. The folder .* contains: train\.jsonl"
    ):
        read_rows(tmp_path / "trian.jsonl")
    with pytest.raises(DataError, match=r"no file matches this pattern\. The folder .* contains: train\.jsonl"):
        read_rows(str(tmp_path / "*.csv"))
    with pytest.raises(DataError, match=r"this is a folder\. .* contains: train\.jsonl"):
        read_rows(tmp_path)
    with pytest.raises(DataError, match="does not exist either"):
        read_rows(tmp_path / "no" / "a.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty' is empty"):
        read_rows(tmp_path / "empty" / "a.csv")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(DataError, match=r"one of the extensions \['\.csv', .* received: '.*a\.txt'"):
        read_rows(tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"text": "a"}\n{"text": \n', r"a\.jsonl, line 2: invalid JSON .* received: '\{\"text\": '"),
        ('{"text": "a"}\n\n["b"]\n', r"line 3: expected a JSON object; received: '\[\"b\"\]'"),
        ("[" * 100_000, r"line 1: invalid JSON .*recursion"),
        ("{}\n{}\n", "the objects have no keys"),
        ('{"a": ' + "9" * 5000 + "}", r"line 1: invalid JSON .*limit"),
    ],
)
def test_bad_json_lines(tmp_path, content, message):
    path = tmp_path / "a.jsonl"
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        read_rows(path)


def test_json_keys_may_be_missing_where_they_are_not_used(tmp_path):
    rows = read_rows(write_jsonl(tmp_path / "a.jsonl", [{"text": "a", "label": 1, "id": 3}, {"label": 0}]))
    assert rows.columns["id"] == [3, None]
    with pytest.raises(DataError, match=r"a\.jsonl, line 2: expected a string in column 'text'"):
        texts_and_labels(rows, labels=["0", "1"])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.fixed_dictionaries({"text": st.text(st.characters(codec="utf-8")), "label": st.integers()}), min_size=1)
)
def test_jsonl_round_trip(tmp_path_factory, items):
    rows = read_rows(write_jsonl(tmp_path_factory.getbasetemp() / "round.jsonl", items))
    assert rows.columns == {name: [item[name] for item in items] for name in ("text", "label")}


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["a.parquet", "a.tfrecord"]), st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=4)
)
def test_damaged_binary_files(tmp_path_factory, name, changes):
    path = tmp_path_factory.getbasetemp() / name
    content = bytearray((write_parquet if "parquet" in name else write_tfrecord)(path).read_bytes())
    for position, value in changes:
        content[position % len(content)] = value
    path.write_bytes(bytes(content))
    try:
        rows = read_rows(path)
    except DataError:
        return
    assert len(rows) >= 1


@pytest.mark.parametrize(
    ("columns", "data", "message"),
    [
        (["text", "label"], [["a", 1], 2], r"a.json, line 2: a row of data must be a list of 2 values.*received: 2"),
        (["text", "label"], [["a"]], r"line 1: a row of data must be a list of 2 values"),
        (
            [["x", "text"], ["x", "label"]],
            [["a", 1]],
            r"duplicate column names; received: \[\['x', .*MultiIndex",
        ),
        (["text", "text"], [["a", "b"]], "duplicate column names"),
        (["text", None], [["a", "b"]], "duplicate column names"),
    ],
)
def test_a_table_of_split_orientation_is_checked(tmp_path, columns, data, message):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"columns": columns, "index": [0, 1], "data": data}))
    with pytest.raises(DataError, match=message):
        read_rows(path)


def test_numbers_are_names_of_columns_of_split_orientation(tmp_path):
    (tmp_path / "a.json").write_text('{"columns": ["text", 0], "data": [["a", 1]]}')
    assert read_rows(tmp_path / "a.json").columns == {"text": ["a"], "0": [1]}


def test_a_parquet_file_is_read_once(tmp_path, monkeypatch):
    reads = []
    monkeypatch.setattr(parquet_tfrecord, "read_bytes", lambda path: reads.append(path) or path.read_bytes())
    path = write_parquet(tmp_path / "a.parquet")
    assert (len(read_rows(path)), reads) == (len(ROWS), [path])


def test_broken_binary_files(tmp_path):
    for name in ("a.parquet", "a.tfrecord"):
        path = tmp_path / name
        path.write_bytes(b"text,label\ngood,1\nbad,0\n")
        with pytest.raises(DataError, match=name):
            read_rows(path)
        path.write_bytes(b"")
        with pytest.raises(DataError, match=rf"{name}: the file is empty"):
            read_rows(path)
    with tf.io.TFRecordWriter(str(tmp_path / "b.tfrecord")) as writer:
        writer.write(example(ROWS[0]))
        writer.write(b"\xff\xffnot an example")
    with pytest.raises(DataError, match=r"b\.tfrecord, line 2: expected a tf.train.Example"):
        read_rows(tmp_path / "b.tfrecord")
    pyarrow.parquet.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "e.parquet")
    with pytest.raises(DataError, match=r"e\.parquet: the file has no rows"):
        read_rows(tmp_path / "e.parquet")


def test_unusable_datasets():
    dataset = tf.data.Dataset.from_tensor_slices((["a", "b"], [0, 1]))
    with pytest.raises(DataError, match=r"batches.*unbatch"):
        read_rows(dataset.batch(2))
    with pytest.raises(DataError, match="is infinite"):
        read_rows(dataset.repeat())
    with pytest.raises(DataError, match=r"tf\.data\.Dataset, line 2: the text is not UTF-8"):
        read_rows(tf.data.Dataset.from_tensor_slices([b"good", b"caf\xe9"]))
    with pytest.raises(DataError, match="there are no rows"):
        read_rows(dataset.take(0))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ([], "there are no rows"),
        ([{"text": "a"}, "b"], r"line 2: expected a dictionary .* received: 'b'"),
        ([("a", 1), ("b",)], r"line 2: a row must be .* received: \('b',\)"),
        ([1, 2], r"line 1: a row must be .* received: 1"),
        ({"text": ["a"], "label": []}, r"must be non-empty and of equal length; received: \{'text': 1, 'label': 0\}"),
        ([{}], "columns must be non-empty and of equal"),
    ],
)
def test_bad_python_rows(source, message):
    with pytest.raises(DataError, match=message):
        read_rows(source)


def test_a_source_of_another_type():
    with pytest.raises(KerasftError, match=r"`source` must be a path, a dataset or rows; received: 3"):
        read_rows(3)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder as tensorflow_datasets prepares it: written by its own writer, without a download."""
    import tensorflow_datasets as tfds

    features = tfds.features.FeaturesDict(
        {
            "sentence": tfds.features.Text(),
            "label": tfds.features.ClassLabel(names=["negative", "positive"]),
            "tags": tfds.features.Sequence(tfds.features.ClassLabel(names=["x", "y"])),
        }
    )
    folder = tmp_path_factory.mktemp("tfds")
    infos = []
    for split, rows in (("train", 12), ("test", 4)):
        writer = tfds.core.SequentialWriter(
            tfds.core.DatasetInfo(
                builder=tfds.core.DatasetIdentity(name="toy", version="1.0.0", data_dir=str(folder), module_name="toy"),
                features=features,
            ),
            max_examples_per_shard=100,
        )
        infos.append((writer, split, rows))
    writer = infos[0][0]
    writer.initialize_splits([split for _, split, _ in infos])
    for _, split, rows in infos:
        for i in range(rows):
            label = -1 if split == "test" and i == 3 else i % 2
            writer.add_examples({split: [{"sentence": f"text {i} \u00e9", "label": label, "tags": ["x"] * (i % 2)}]})
    writer.close_all()
    return folder


def test_tfds_builder_and_prepared_folder(prepared):
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(prepared)
    for source in (builder, (builder, "train"), f"tfds:{prepared}", f"tfds:{prepared}:train"):
        texts, y = texts_and_labels(source, labels=["negative", "positive"])
        assert sorted(texts) == sorted(f"text {i} \u00e9" for i in range(12))
        assert [int(text.split()[1]) % 2 for text in texts] == y.tolist()
        assert collect_labels(source) == ["negative", "positive"], "numbers of a ClassLabel become its names"
    assert len(read_rows((builder, "train[:50%]"))) == 6 == len(read_rows(f"tfds:{prepared}:train[:50%]"))
    tags = read_rows(builder).columns["tags"]
    assert sorted(map(tuple, tags)) == [()] * 6 + [("x",)] * 6
    test = read_rows((builder, "test"))
    assert test.columns["label"].count(None) == 1
    with pytest.raises(DataError, match=r"tfds:toy/1\.0\.0:test, line \d: expected one label"):
        texts_and_labels(test, labels=["negative", "positive"])


def test_tfds_names_that_do_not_exist(prepared):
    with pytest.raises(
        DataError, match=r"split cannot be read .* received: 'dev'\. Available splits: \['test', 'train'\]"
    ):
        read_rows(f"tfds:{prepared}:dev")
    with pytest.raises(DataError, match=r"tfds:no_such_set: tensorflow_datasets cannot prepare it"):
        read_rows("tfds:no_such_set")
    with pytest.raises(KerasftError, match=r"'tfds:NAME' or 'tfds:NAME:SPLIT'; received: 'tfds:'"):
        read_rows("tfds:")


def test_numpy_values_are_labels_too():
    rows = [{"text": "a", "label": np.int64(1)}, {"text": "b", "label": np.float32(0)}]
    assert texts_and_labels(rows, labels=["no", "yes"])[1].tolist() == [1, 0]


class HubDataset:
    """What kerasft uses of a Hugging Face dataset."""

    def __init__(self, columns, features):
        self.columns, self.features = columns, features
        self.column_names = list(columns)

    def __getitem__(self, name):
        return self.columns[name]


class Feature:
    def __init__(self, **fields):
        self.__dict__.update(fields)


def test_numbers_of_a_hub_dataset_become_their_names():
    classes = Feature(names=["entailment", "neutral", "contradiction"])
    columns = {"text": ["a", "b", "c"], "label": [0, 2, -1], "tags": [[0, 1], [], [2]], "more": [[0], [1], [2]]}
    features = {"text": Feature(dtype="string"), "label": classes, "tags": Feature(feature=classes), "more": [classes]}
    rows = read_rows(HubDataset(columns, features))
    assert rows.columns["label"] == ["entailment", "contradiction", None]
    assert rows.columns["tags"] == [["entailment", "neutral"], [], ["contradiction"]]
    assert rows.columns["more"] == [["entailment"], ["neutral"], ["contradiction"]]
    assert rows.columns["text"] == ["a", "b", "c"]
