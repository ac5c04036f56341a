"""Words that begin with a dash, on a parser with every kind of option that the commands have."""

import pytest

from kerasft.cli.main import main, make_parser
from kerasft.cli.parser import Parser


@pytest.fixture
def parse():
    parser = Parser(prog="kerasft predict")
    parser.add_argument("bundle")
    parser.add_argument("texts", nargs="*")
    parser.add_argument("--label")
    parser.add_argument("--rate", type=float)
    parser.add_argument("--pair", action="append")
    parser.add_argument("--lengths", type=int, nargs="+")
    parser.add_argument("--labels", nargs="+", action="extend")
    parser.add_argument("--debug", action="store_true")
    return lambda *words: parser.parse_args(words)


def test_an_option_of_a_group_takes_its_value():
    parser = Parser(prog="kerasft predict")
    group = parser.add_argument_group("data")
    group.add_argument("--label")
    assert parser.parse_args(["--label", "-1,x"]).label == "-1,x"
    with pytest.raises(TypeError, match='--names takes several strings, so it needs action="extend"'):
        group.add_argument("--names", nargs="+")


@pytest.mark.parametrize(
    "value", ["-1", "-1,1", "-x", "- a", "-", "-h and more", "--what a film", "-1e-3x", "--label=x"]
)
def test_an_options_value_may_begin_with_a_dash(parse, value):
    assert parse("b", f"--label={value}").label == value
    if value != "--label=x":
        assert parse("b", "--label", value).label == value
        assert parse("--label", value, "b").texts == []


def test_numbers_lists_and_repeated_options(parse):
    assert parse("b", "--rate", "-1e-3").rate == -1e-3
    assert parse("b", "--pair", "-a", "--pair", "-b").pair == ["-a", "-b"]
    assert parse("b", "--lengths", "3", "-4", "--debug").lengths == [3, -4]
    assert parse("b", "--labels", "-1", "+1", "-x", "--debug", "--labels", "0").labels == ["-1", "+1", "-x", "0"]


@pytest.mark.parametrize(
    "text", ["-5,3", "-5 degrees", "- a list", "-hello world", "--what a film", "-", "-1", "\u2014"]
)
def test_a_text_may_begin_with_a_dash(parse, text):
    assert parse("b", text, "good").texts == [text, "good"]


def test_texts_may_stand_anywhere_and_after_two_dashes(parse):
    found = parse("--debug", "b", "one", "--label", "x", "two", "--", "-three", "--label")
    assert (found.bundle, found.texts, found.label) == ("b", ["one", "two", "-three", "--label"], "x")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["b", "--topk", "2"], "unrecognized arguments: --topk"),
        (["b", "--lable", "2"], "unrecognized arguments: --lable. Did you mean --label?"),
        (["b", "-hello"], "unrecognized arguments: -hello. If it is a text, put it after --: kerasft predict ... -- '-hello'"),
        (["b", "--label", "--debug"], "argument --label: expected one argument"),
        (["b", "--label", "--lable"], "unrecognized arguments: --lable. Did you mean --label?"),
        (["b", "--l", "x"], "ambiguous option: --l could match --label, --lengths, --labels"),
        (["--label", "-1"], "the following arguments are required: bundle"),
        (["b", "--debug=1"], "argument --debug: ignored explicit argument '1'"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_named_in_two_lines(parse, capsys, words, message):
    with pytest.raises(SystemExit) as end:
        parse(*words)
    usage, line = capsys.readouterr().err.splitlines()
    assert end.value.code == 2
    assert usage == "usage: kerasft predict ... (kerasft predict --help lists its options)"
    assert line.startswith(f"kerasft predict: error: {message}")


def test_a_surplus_word_is_named_by_its_command(capsys):
    with pytest.raises(SystemExit):
        main(["doctor", "extra"])
    assert "kerasft doctor: error: unrecognized arguments: extra\n" in capsys.readouterr().err


def test_every_text_option_of_every_command_takes_a_value_with_a_dash():
    words = ["train", "text-classification", "--model", "-m", "--train", "-t.csv", "--text", "-2", "--label", "-1"]
    args = make_parser().parse_args([*words, "--label-names", "-1,1", "--out-of-scope-label", "-1"])
    assert (args.model, args.train, args.text, args.label) == ("-m", "-t.csv", "-2", "-1")
    assert (args.label_names, args.out_of_scope_label) == ("-1,1", "-1")
    args = make_parser().parse_args(["train", "sequence-to-sequence", "--prefix", "-> "])
    assert args.prefix == "-> "
    args = make_parser().parse_args(["evaluate", "b", "--data", "-d", "--label", "-1", "--label-names", "-1,0"])
    assert (args.data, args.label, args.label_names) == ("-d", "-1", "-1,0")
    args = make_parser().parse_args(
        ["convert", "--allow", "-a.*", "--dtype", "float16", "--allow", "b", "--", "s", "t"]
    )
    assert (args.allow, args.source, args.target) == (["-a.*", "b"], "s", "t")
    assert make_parser().parse_args(["search", "b", "-5 degrees?", "--answers", "-f"]).questions == ["-5 degrees?"]


def test_an_option_of_several_texts_without_extend_is_an_error_of_the_developer():
    parser = Parser()
    with pytest.raises(TypeError, match='--labels takes several strings, so it needs action="extend"'):
        parser.add_argument("--labels", nargs="+")
    parser.add_argument("--lengths", nargs=2, type=int)
    parser.add_argument("texts", nargs="*")
