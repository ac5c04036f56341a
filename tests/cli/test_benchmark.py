import json


def test_the_table_and_the_numbers_in_a_file(run, bundle, exports, tmp_path):
    path = tmp_path / "numbers.json"
    code, out, _ = run("benchmark", bundle, exports["litert"], "--lengths", "4", "8", "--runs", "2", "--json", path)
    assert code == 0
    assert out.startswith("file")
    rows = json.loads(path.read_text())
    assert [row["sequence_length"] for row in rows if row["path"] == bundle] == [4, 8]
    assert {row["threads"] for row in rows if row["path"] != bundle} == {1, 2}
    assert all(0 < row["min_ms"] <= row["median_ms"] <= row["p90_ms"] for row in rows)


def test_what_cannot_be_measured_is_refused(fails, bundle):
    for flag in ("--lengths", "--runs", "--threads"):
        assert "must be whole numbers >= 1; received: [0]" in fails("benchmark", bundle, flag, "0")
