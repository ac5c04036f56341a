from kerasft.cli.table import print_table


def test_columns_are_as_wide_as_their_widest_cell(capsys):
    print_table(("name", "n"), [("a", "12345"), ("longer", "1")])
    assert capsys.readouterr().out.splitlines() == ["name        n", "------  -----", "a       12345", "longer      1"]


def test_a_table_without_rows_is_its_header(capsys):
    print_table(("name", "n"), [])
    assert capsys.readouterr().out.splitlines() == ["name  n", "----  -"]
