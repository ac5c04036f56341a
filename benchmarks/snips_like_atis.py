"""Make a set like ATIS of SNIPS: many slots, rare tags, and dev and test rows with intents and tags that train lacks.

    python benchmarks/snips_like_atis.py --data SNIPS --output OUTPUT [--rows 1500]
    kerasft train intent-and-slots --model MINILM --train OUTPUT/train --dev OUTPUT/dev --test OUTPUT/test --output BUNDLE
    kerasft train token-classification --model MINILM --train OUTPUT/train.conll --test OUTPUT/test.conll --output BUNDLE
    python benchmarks/wnut17_vs_trainer.py --data OUTPUT --model MINILM --torch-python TORCH/bin/python --epochs 3

SNIPS is a folder with {train,dev,test}.{seq.in,seq.out,label}. A slot is named with its intent, as ATIS has `fromloc.city_name`
and `toloc.city_name`. Train loses all rows of one intent, and all rows in which one of every third slot has several words (so its
`I-` is never seen); dev and test keep a few rows of each of these, as ATIS does. Prints what is unseen.
"""

import argparse
import json
import pathlib
import random

SPLITS = ("train", "dev", "test")


def read(folder: pathlib.Path, split: str) -> list[dict]:
    """The rows of a split: words, tags with slots named by intent, and the intent."""
    lines = [
        folder.joinpath(f"{split}.{name}").read_text("utf-8").splitlines() for name in ("seq.in", "seq.out", "label")
    ]
    rows = []
    for words, tags, intent in zip(*lines, strict=True):
        intent = intent.strip()
        named = [tag if tag == "O" else f"{tag[:2]}{intent}.{tag[2:]}" for tag in tags.split()]
        rows.append({"words": words.split(), "tags": named, "intent": intent})
    return rows


def make(folder: pathlib.Path, *, rows: int, seed: int, limit: int) -> dict[str, list[dict]]:
    """The three splits; `limit`: rows of dev and of test, each, that have what train has lost."""
    splits = {split: read(folder, split) for split in SPLITS}
    slots = sorted({tag[2:] for row in splits["train"] for tag in row["tags"] if tag != "O"})
    single = {f"I-{slot}" for slot in slots[::3]}  # of these train has spans of one word only
    lost_intent = sorted({row["intent"] for row in splits["train"]})[-1]
    for split in SPLITS:
        lost = [row["intent"] == lost_intent or not single.isdisjoint(row["tags"]) for row in splits[split]]
        kept = [row for row, out in zip(splits[split], lost, strict=True) if not out]
        others = [row for row, out in zip(splits[split], lost, strict=True) if out]
        generator = random.Random(seed)
        if split == "train":
            splits[split] = generator.sample(kept, min(rows, len(kept)))
        else:
            splits[split] = kept + generator.sample(others, min(limit, len(others)))
    return splits


def write(splits: dict[str, list[dict]], folder: pathlib.Path) -> None:
    """Each split as parallel files and as CoNLL columns."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, rows in splits.items():
        columns = {
            "seq.in": [" ".join(row["words"]) for row in rows],
            "seq.out": [" ".join(row["tags"]) for row in rows],
            "label": [row["intent"] for row in rows],
            "conll": ["".join(f"{w}\t{t}\n" for w, t in zip(row["words"], row["tags"], strict=True)) for row in rows],
        }
        for name, lines in columns.items():
            folder.joinpath(f"{split}.{name}").write_text("".join(f"{line}\n" for line in lines), "utf-8")


def unseen(splits: dict[str, list[dict]]) -> dict:
    """What dev and test have that train lacks, and what train's types would have as tags if every one had B- and I-."""
    tags = {split: {tag for row in rows for tag in row["tags"]} for split, rows in splits.items()}
    intents = {split: {row["intent"] for row in rows} for split, rows in splits.items()}
    facts = {"rows": {split: len(rows) for split, rows in splits.items()}, "tags": len(tags["train"])}
    facts["tags_with_every_B_and_I"] = 1 + 2 * len({tag[2:] for tag in tags["train"] - {"O"}})
    for split in ("dev", "test"):
        facts[f"{split}_unseen_tags"] = sorted(tags[split] - tags["train"])
        facts[f"{split}_unseen_intents"] = sorted(intents[split] - intents["train"])
    return facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=pathlib.Path, help="folder of SNIPS")
    parser.add_argument("--output", required=True, type=pathlib.Path, help="folder to write")
    parser.add_argument("--rows", type=int, default=1500, help="training rows (default: 1500)")
    parser.add_argument(
        "--limit", type=int, default=12, help="dev and test rows, each, with what train lacks (default: 12)"
    )
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    splits = make(args.data, rows=args.rows, seed=args.seed, limit=args.limit)
    write(splits, args.output)
    print(json.dumps(unseen(splits), indent=1))


if __name__ == "__main__":
    main()
