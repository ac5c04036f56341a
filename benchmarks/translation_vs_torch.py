"""A small T5 trained from new weights to translate: kerasft against transformers on PyTorch, and word for word.

    python benchmarks/translation_vs_torch.py --data TATOEBA --torch-python TORCH/bin/python

TATOEBA holds train.tsv and test.tsv without header: English, French. Both sides start from the same weights, see the same
batches in the same order with the same rates, dropout rate and label smoothing, and translate the test set greedily. The
baseline translates word for word: each word's likeliest translation after five rounds of IBM model 1 (Brown et al. 1993,
https://aclanthology.org/J93-2003) on the train rows. About 15 minutes a side on 2 quiet cores.
"""

import argparse
import json
import pathlib
import re
import tempfile

import numpy as np
from peer_runs import SCRIPTS, machine, machine_line, markdown, run

import kerasft

PAIR = ("kerasft", "transformers on PyTorch")
SCRIPTS |= {"kerasft": ("translation_kerasft.py", False), PAIR[1]: ("translation_torch.py", True)}
COLUMNS = {"source": 0, "target": 1}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder with train.tsv and test.tsv, without header")
    parser.add_argument("--torch-python", required=True, help="Python that has torch and transformers")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--label-smoothing", type=float, default=0.1)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--hidden-dim", type=int, default=256)
    parser.add_argument("--num-layers", type=int, default=3)
    parser.add_argument("--vocabulary-size", type=int, default=6000)
    parser.add_argument("--max-length", type=int, default=48, help="tokens of a source, and of a target")
    parser.add_argument("--max-steps", type=int, help="stop after this many steps (a quick try)")
    parser.add_argument("--max-test-rows", type=int, help="translate this many test rows only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", help="also write all numbers to this JSON file")
    return parser.parse_args()


def word_for_word(train: kerasft.data.Rows, sources: list[str], rounds: int = 5) -> list[str]:
    """Translate each word by its likeliest partner in IBM model 1, in the order of the source."""
    pairs = [(words(english), words(french)) for english, french in zip(train.columns["0"], train.columns["1"])]
    english, french = (
        {word: i for i, word in enumerate(dict.fromkeys(w for p in pairs for w in p[k]))} for k in (0, 1)
    )
    # One entry for each (English word, French word) that stand in one pair, and the French word's place in the corpus.
    entries, place = [], 0
    for left, right in pairs:
        left_ids = [english[word] for word in left]
        for word in right:
            entries += [(e, french[word], place) for e in left_ids]
            place += 1
    e, f, place = np.array(entries).T
    _, first, pair = np.unique(e * len(french) + f, return_index=True, return_inverse=True)
    pair_e, pair_f = e[first], f[first]
    chance = np.full(len(pair_e), 1.0)
    for _ in range(rounds):
        share = chance[pair] / np.bincount(place, chance[pair])[place]
        counts = np.bincount(pair, share)
        chance = counts / np.bincount(pair_e, counts)[pair_e]
    best = {}
    names = list(french)
    for index in np.lexsort((pair_f, chance)):  # the likeliest comes last
        best[int(pair_e[index])] = names[pair_f[index]]
    texts = [" ".join(best.get(english.get(word), word) for word in words(text)) for text in sources]
    return [text[:1].upper() + text[1:] for text in texts]


def words(text: str) -> list[str]:
    """Lower-case words, each with its apostrophe, and punctuation marks."""
    return re.findall(r"\w+['\u2019]?|[^\w\s]", text.lower())


def prepare(args: argparse.Namespace, folder: pathlib.Path) -> dict:
    """Write the new weights, and all steps' batches and rates; return the job of both sides."""
    data = pathlib.Path(args.data)
    train = kerasft.data.read_sources(str(data / "train.tsv"), COLUMNS)
    texts = train.columns["0"] + train.columns["1"]
    sizes = {"vocabulary_size": args.vocabulary_size, "num_layers": args.num_layers, "hidden_dim": args.hidden_dim}
    kerasft.checkpoints.new_t5(folder / "model", texts, dropout=args.dropout, seed=args.seed, **sizes)
    _, tokenizer = kerasft.load_task_model(folder / "model")
    lengths = {"max_source_length": args.max_length, "max_target_length": args.max_length}
    batches = kerasft.data.sequence_to_sequence(
        train, tokenizer, batch_size=args.batch_size, shuffle=True, seed=args.seed, **lengths
    )
    arrays, step, steps = {}, 0, args.epochs * len(batches)
    for _ in range(args.epochs):
        for features, y, weight in batches.as_numpy_iterator():
            arrays |= {f"{name}_{step}": value for name, value in features.items()}
            arrays |= {f"y_{step}": y, f"weight_{step}": weight}
            step += 1
    schedule = kerasft.optimizers.WarmupLinearDecay(args.learning_rate, steps, warmup=0.1)
    arrays["rates"] = np.array([float(schedule(step)) for step in range(steps)])[: args.max_steps]
    np.savez(folder / "batches.npz", **arrays)
    sources, _ = kerasft.data.sources_and_references(str(data / "test.tsv"), columns=COLUMNS)
    return {
        "model": str(folder / "model"),
        "batches": str(folder / "batches.npz"),
        "sources": sources[: args.max_test_rows],
        "label_smoothing": args.label_smoothing,
        "weight_decay": 0.01,
        "max_grad_norm": 1.0,
        "max_length": args.max_length,
        "seed": args.seed,
    }


def main() -> None:
    args = arguments()
    data = pathlib.Path(args.data)
    with tempfile.TemporaryDirectory() as folder:
        job = prepare(args, pathlib.Path(folder))
        results = {peer: run(peer, job, args.torch_python) for peer in PAIR}
    _, references = kerasft.data.sources_and_references(str(data / "test.tsv"), columns=COLUMNS)
    references = references[: args.max_test_rows]
    train = kerasft.data.read_sources(str(data / "train.tsv"), COLUMNS)
    results["word for word"] = {"texts": word_for_word(train, job["sources"])}
    rows = []
    for peer, result in results.items():
        scores = kerasft.metrics.translation_scores(result["texts"], references)
        result |= scores.metrics
        loss = f"{np.mean(result['losses'][-100:]):.3f}" if "losses" in result else ""
        seconds = f"{result['seconds']:.0f}" if "seconds" in result else ""
        rows.append([peer, f"{result['bleu']:.2f}", f"{result['chrf']:.2f}", loss, seconds])
    print(markdown(["", "BLEU", "chrF", "loss of the last 100 steps", "seconds of training"], rows))
    print(f"\nBLEU: {scores.signatures['bleu']}\nchrF: {scores.signatures['chrf']}")
    ours, theirs = (results[peer] for peer in PAIR)
    first = min(50, len(ours["losses"]))
    gap = float(np.abs(np.subtract(ours["losses"], theirs["losses"]))[:first].max())
    print(f"Largest difference of the loss over the first {first} steps: {gap:.2e} (dropout {args.dropout:g}).")
    for row in range(5):
        print(
            "\n".join([job["sources"][row], *(f"  {peer}: {result['texts'][row]}" for peer, result in results.items())])
        )
    print(machine_line(machine()))
    summary = {
        "kerasft_bleu": ours["bleu"],
        "torch_bleu": theirs["bleu"],
        "word_for_word_bleu": results["word for word"]["bleu"],
        "ratio": theirs["seconds"] / ours["seconds"],
    }
    print(json.dumps(summary))
    if args.output:
        pathlib.Path(args.output).write_text(json.dumps(summary | {"settings": vars(args), "runs": results}), "utf-8")


if __name__ == "__main__":
    main()
