import numpy as np
import pytest

from kerasft.callbacks.checkpoint_files import Checkpoint, checkpoints, read_checkpoint, write_checkpoint
from kerasft.errors import CheckpointError


def make(epoch, steps=0):
    arrays = {"a": np.arange(6, dtype="int64").reshape(2, 3).T, "b": np.float32(1.5), "c": np.ones(2, np.uint32)}
    return Checkpoint(
        epoch, steps, {"loss": [0.1, float("nan")], "text": "é"}, {k: np.asarray(v) for k, v in arrays.items()}
    )


def test_what_is_written_is_read(tmp_path):
    write_checkpoint(tmp_path, make(1, 7))
    read = read_checkpoint(tmp_path)
    assert (read.epoch, read.steps, read.position) == (1, 7, "epoch 2, step 7")
    assert read.facts["text"] == "é"
    assert read.facts["loss"][0] == 0.1
    for name, array in make(1).arrays.items():
        np.testing.assert_array_equal(read.arrays[name], array)
        assert (read.arrays[name].dtype, read.arrays[name].shape) == (array.dtype, array.shape)


def test_the_newest_two_are_kept(tmp_path):
    for epoch, steps in ((0, 9), (0, 10), (1, 0), (1, 2)):
        write_checkpoint(tmp_path, make(epoch, steps))
    assert [path.name for path in checkpoints(tmp_path)] == ["epoch-00001-step-00000000", "epoch-00001-step-00000002"]


def test_what_a_killed_process_left_is_removed(tmp_path):
    write_checkpoint(tmp_path, make(1))
    half = tmp_path / ".epoch-00002-step-00000000.writing-abc" / "new"
    half.mkdir(parents=True)
    (half / "arrays.safetensors").write_bytes(b"half")
    assert read_checkpoint(tmp_path).epoch == 1
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-00001-step-00000000"]


@pytest.mark.parametrize("name", ["arrays.safetensors", "checkpoint.json"])
@pytest.mark.parametrize("damage", [lambda c: c[:-3], lambda c: b"", lambda c: c[:9] + bytes([c[9] ^ 1]) + c[10:]])
def test_damage_is_found(tmp_path, name, damage, caplog):
    write_checkpoint(tmp_path, make(1))
    write_checkpoint(tmp_path, make(2))
    file = checkpoints(tmp_path)[-1] / name
    file.write_bytes(damage(file.read_bytes()))
    assert read_checkpoint(tmp_path).epoch == 1
    assert "is damaged" in caplog.text
    file.unlink()
    assert read_checkpoint(tmp_path).epoch == 1
    for path in checkpoints(tmp_path):
        (path / "arrays.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match="are damaged"):
        read_checkpoint(tmp_path)


def test_a_failed_write_leaves_the_earlier_ones(tmp_path, monkeypatch):
    write_checkpoint(tmp_path, make(1))
    monkeypatch.setattr(
        "kerasft.callbacks.checkpoint_files.save_file", lambda *a: (_ for _ in ()).throw(OSError(28, "full"))
    )
    with pytest.raises(OSError, match="full"):
        write_checkpoint(tmp_path, make(2))
    assert read_checkpoint(tmp_path).epoch == 1
