import json
import pathlib

import pytest
from safetensors.numpy import load_file

import kerasft
from tests import tiny


def test_a_checkpoint_becomes_a_folder_with_the_same_weights(run, tmp_path):
    source = tiny.bert_folder(tmp_path / "source")
    code, out, err = run("convert", source, tmp_path / "target")
    assert code == 0, err
    assert "39 weights loaded, 0 missing, 0 unexpected, 0 reshaped" in out
    assert f"written: {tmp_path / 'target'}" in out
    expected, received = (load_file(tmp_path / name / "model.safetensors") for name in ("source", "target"))
    assert {name: value.tobytes() for name, value in received.items()} == {
        name: value.tobytes() for name, value in expected.items()
    }


def test_a_bundle_becomes_a_checkpoint_with_its_head(run, bundle, tmp_path):
    for _ in range(2):  # what kerasft wrote is replaced
        code, out, err = run("convert", bundle, tmp_path / "target", "--dtype", "bfloat16")
        assert code == 0, err
    assert "weights loaded" in out
    model, _ = kerasft.load_task_model(tmp_path / "target")
    assert list(model.labels) == list(kerasft.load_bundle(bundle).labels)


def test_backbone_only_leaves_the_head_out(run, bundle, tmp_path):
    assert run("convert", bundle, tmp_path / "task")[0] == 0
    code, out, _ = run("convert", tmp_path / "task", tmp_path / "backbone", "--backbone-only")
    assert code == 0
    assert "unexpected, ignored: classifier.bias, classifier.weight" in out
    assert not kerasft.checkpoints.has_task_head(tmp_path / "backbone")


def test_what_cannot_be_converted_is_one_sentence(fails, bundle, tmp_path):
    source = tiny.bert_folder(tmp_path / "source")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "thesis.txt").write_text("")
    assert "`TARGET` must be a new folder" in fails("convert", source, tmp_path / "notes")
    assert "kerasft did not write it" in fails("convert", bundle, source)
    assert "`name` must be an existing folder" in fails("convert", tmp_path / "nothing", tmp_path / "target")
    (source / "model.safetensors").write_bytes(b"garbage")
    assert "not a readable safetensors file" in fails("convert", source, tmp_path / "target")
    assert [path.name for path in pathlib.Path(tmp_path).iterdir() if path.name not in ("source", "notes")] == []


def test_wrong_usage_is_exit_code_2(run, tmp_path):
    with pytest.raises(SystemExit) as end:
        run("convert", tmp_path)
    assert end.value.code == 2


def test_the_class_in_the_config_decides_on_the_head_and_its_loss_is_said(run, bundle, tmp_path):
    assert run("convert", bundle, tmp_path / "task")[0] == 0
    path = tmp_path / "task" / "config.json"
    config = json.loads(path.read_text())
    for number, (architectures, kept) in enumerate(
        [
            (["TFBertForSequenceClassification"], True),
            (["RobertaForSequenceClassification"], False),
            (None, False),
            ([7], False),
        ]
    ):
        path.write_text(json.dumps(config | {"architectures": architectures}))
        code, _, err = run("convert", tmp_path / "task", tmp_path / str(number))
        assert code == 0, err
        assert kerasft.checkpoints.has_task_head(tmp_path / str(number)) == kept
        assert ("written without a task head" in err) == (not kept)
    with pytest.raises(
        kerasft.errors.CheckpointError, match=r"'architectures' must be .*; received: \[7\]. Use load_pretrained"
    ):
        kerasft.load_task_model(tmp_path / "task")
