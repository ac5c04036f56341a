"""The index of a TensorFlow 1 checkpoint, which TensorFlow itself trusts."""

import numpy as np
import pytest
import tensorflow as tf

from kerasft.errors import CheckpointError
from kerasft.security import check_tf1_index
from tests.security.mutations import with_checksums
from tests.security.readers import READERS, whole


@pytest.fixture
def path(tmp_path):
    READERS["tf1"].write(tmp_path, whole("tf1"))
    return tmp_path / "bert_model.ckpt.index"


def changed(path, old, new):
    content = path.read_bytes()
    assert len(old) == len(new)
    assert old in content
    path.write_bytes(with_checksums(content.replace(old, new)))


def test_a_checkpoint_of_many_variables_passes(tmp_path):
    names = [f"bert/encoder/layer_{index}/output/dense/kernel" for index in range(300)]
    tensors = [np.zeros((index % 3, 2), "float32") for index in range(300)]
    tf.raw_ops.SaveV2(prefix=str(tmp_path / "x.ckpt"), tensor_names=names, shape_and_slices=[""] * 300, tensors=tensors)
    check_tf1_index(tmp_path / "x.ckpt.index")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"\x12\x02\x08\x03", b"\x12\x02\x08\x7f", r"has the shape \[2, 127\] and 24 bytes"),
        (b"\x08\x01\x12\x08", b"\x08\x7f\x12\x08", "has the data type 127"),
        (b"\x28\x18\x35", b"\x28\x7f\x35", "is outside the data files"),
        (b"\x08\x01\x12\x08", b"\xff\xff\xff\xff", "."),
    ],
)
def test_what_the_data_file_does_not_hold_is_refused(path, old, new, reason):
    changed(path, old, new)
    with pytest.raises(CheckpointError, match=rf"cannot be read as a TensorFlow 1 checkpoint: .*{reason}"):
        check_tf1_index(path)


def test_a_cut_index_is_refused(path):
    content = path.read_bytes()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(CheckpointError, match=r"cannot be read as a TensorFlow 1 checkpoint: .*invalid footer"):
            check_tf1_index(path)
