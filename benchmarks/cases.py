"""What becomes of small troublesome files: python benchmarks/cases.py --data ../shared/cases

Each file is given to `kerasft train`, as a user would, with a tiny new checkpoint, for one epoch. The table has the exit code and
what was said: the warnings and notes of a training that ran, or the sentence by which a file was refused.
"""

import argparse
import contextlib
import io
import pathlib
import re
import sys
import tempfile

import kerasft
from kerasft.cli.main import main as kerasft_command

TASKS = {
    "conll": "token-classification",
    "ner_spans": "token-classification",
    "search_u2028": "masked-lm",
    "seq2seq_newlines": "sequence-to-sequence",
    "squad": "question-answering",
}
"""The task by the name of the folder; else text classification."""
OPTIONS = {
    "labels_index_mnli/dev_hf.csv": ["--train", "{folder}/train.csv", "--dev", "{file}"],
    "labels_index_mnli/dev_names.csv": ["--train", "{folder}/train.csv", "--dev", "{file}"],
    "multilabel_list_repr/train.csv": ["--problem", "multi_label", "--train", "{file}"],
    "numeric_header/train.csv": ["--text", "0", "--label", "1", "--train", "{file}"],
    "train_odd/reg_dev_const.csv": ["--problem", "regression", "--train", "{folder}/reg_train.csv", "--dev", "{file}"],
    "train_odd/reg_train.csv": ["--problem", "regression", "--train", "{file}"],
}
"""The options where a file alone does not say enough."""
PLAIN_TEXTS = ("csv_bom/texts.jsonl", "csv_bom/texts.txt")
LENGTHS = {"sequence-to-sequence": ["--max-source-length", "32"]}


def command(case: str, file: pathlib.Path, checkpoints: dict[str, str], output: pathlib.Path) -> list[str]:
    """The words of the command line for one case."""
    task = "masked-lm" if case in PLAIN_TEXTS else TASKS.get(file.parent.name, "text-classification")
    data = OPTIONS.get(case, ["--train", "{file}"])
    data = [word.format(folder=file.parent, file=file) for word in data]
    if file.parent.name in ("conll", "ner_spans", "squad") and "--dev" not in data:
        data += ["--dev", str(file)]  # a few rows: what is held out of them would say nothing
    lengths = LENGTHS.get(task, ["--max-length", "32"])
    model = checkpoints["t5" if task == "sequence-to-sequence" else "bert"]
    words = ["train", task, "--model", model, *data, *lengths, "--epochs", "1", "--batch-size", "8"]
    return [*words, "--learning-rate", "1e-3", "--output", str(output)]


def outcome(words: list[str]) -> tuple[int, str]:
    """Run a command; return its exit code and what it said on standard error."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            code = kerasft_command(words)
        except SystemExit as stop:
            code = int(stop.code or 0)
    lines = [line for line in said.getvalue().splitlines() if line.strip() and "weights loaded" not in line]
    return code, " ".join(re.sub(r"^kerasft: ", "", line) for line in lines)


def main() -> int:
    """Try every file of the folder, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", required=True, help="folder of the cases")
    parser.add_argument("--only", default="", help="only the cases whose name holds this")
    args = parser.parse_args()
    root = pathlib.Path(args.data)
    with tempfile.TemporaryDirectory() as temporary:
        work = pathlib.Path(temporary)
        texts = [example["text"] for example in kerasft.demo.customer_service.generate(rows=400)]
        with contextlib.redirect_stderr(io.StringIO()):
            checkpoints = {
                "bert": str(kerasft.checkpoints.new_bert(work / "bert", texts, hidden_dim=64)),
                "t5": str(kerasft.checkpoints.new_t5(work / "t5", texts, num_layers=1, hidden_dim=64)),
            }
        print("| case | exit code | what is said |\n|---|---|---|")
        for number, file in enumerate(sorted(path for path in root.rglob("*") if path.is_file())):
            case = str(file.relative_to(root))
            if args.only not in case:
                continue
            code, said = outcome(command(case, file, checkpoints, work / f"bundle_{number}"))
            said = said.replace(f"{root}/", "").replace(f"{work}/", "").replace("|", "\\|")
            print(f"| {case} | {code} | {said} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
