"""Write CLINC150's data_full.json as train.csv, dev.csv and test.csv, the out-of-scope rows of each split in them.

    python benchmarks/clinc150_rows.py CLINC150/data_full.json OUTPUT
    kerasft train text-classification --model MINILM --train OUTPUT/train.csv --dev OUTPUT/dev.csv --test OUTPUT/test.csv \
        --out-of-scope-label oos --epochs 5 --learning-rate 1e-4 --keep last --output saved_models/clinc150

The file is {split: [[text, intent], ...]} (Larson et al. 2019, https://aclanthology.org/D19-1131): 150 intents, 15,000 / 3,000 /
4,500 rows, and 100 / 100 / 1,000 rows of "oos", which belong to none.
"""

import argparse
import csv
import json
import pathlib

SPLITS = {"train": ("train", "oos_train"), "dev": ("val", "oos_val"), "test": ("test", "oos_test")}


def write(source: pathlib.Path, folder: pathlib.Path) -> dict[str, int]:
    """Write the three files; return how many rows each has."""
    data = json.loads(source.read_text("utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    counts = {}
    for name, parts in SPLITS.items():
        rows = [row for part in parts for row in data[part]]
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "label"), *rows])
        counts[name] = len(rows)
    return counts


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    args = parser.parse_args()
    print(write(args.source, args.output))
