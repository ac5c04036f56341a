import pathlib

import pytest


@pytest.mark.slow
def test_the_whole_way(run, fails, tmp_path):
    code, out, err = run("demo", "--output", tmp_path / "demo", "--rows", "400", "--epochs", "1")
    assert code == 0, err
    for step in range(1, 5):
        assert f"[{step}/4]" in out
    assert out.count("    -> ") == 3
    for line in ("test accuracy", "SavedModel: size", "LiteRT int8: size", "total seconds"):
        assert f"\n{line}" in out
    files = [line.split(":", 1)[1].strip() for line in out.splitlines()[-5:]]
    assert all(pathlib.Path(path).exists() for path in files)
    words = ("demo", "--output", tmp_path / "demo", "--rows", "400", "--epochs", "1")
    assert "It contains a bundle; add --overwrite" in fails(*words)


def test_what_cannot_be_is_said_at_once(fails, monkeypatch, tmp_path):
    monkeypatch.setattr("keras.Model.fit", lambda *args, **kwargs: pytest.fail("training began"))
    (tmp_path / "litert_int8").mkdir()
    (tmp_path / "litert_int8" / "thesis.txt").write_text("")
    for words, message in [
        (["--train", "own.csv"], "`--model` must be given with --train"),
        (["--dev", "own.csv"], "`--train` must be given with --dev"),
        (["--rows", "3"], "`rows` must be a whole number from 400"),
        (["--epochs", "0", "--rows", "400"], "`epochs` must be a whole number >= 1; received: 0"),
    ]:
        assert message in fails("demo", "--output", tmp_path / "new", *words)
    assert "`--output` must be a new folder" in fails("demo", "--output", tmp_path)
