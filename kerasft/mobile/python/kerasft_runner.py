"""Run a mobile bundle of kerasft: needs ai-edge-litert and numpy only.

    python kerasft_runner.py FOLDER "a text"
    python kerasft_runner.py FOLDER "first text" --second "second text"
    python kerasft_runner.py FOLDER --golden

Classifiers answer with a label and probabilities, regressions with numbers, embedders with a vector; other tasks with their
outputs as they are. Texts written by GPT-2 and T5: `kerasft_generate.py`.
"""

import argparse
import json
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from kerasft_tokenizer import Tokenizer

try:
    from ai_edge_litert.interpreter import Interpreter
except ImportError:  # the package's former name
    from tflite_runtime.interpreter import Interpreter


class Model:
    """A mobile bundle, to be called with a text or a pair of texts.

    Args:
        folder: The bundle's folder.
        num_threads: Threads of a run.
    """

    def __init__(self, folder: str | pathlib.Path, num_threads: int = 2):
        folder = pathlib.Path(folder)
        self.signature = json.loads((folder / "signature.json").read_text("utf-8"))
        self.tokenizer = Tokenizer(folder)
        self._interpreter = Interpreter(model_path=str(folder / "model.tflite"), num_threads=num_threads)
        self._by_length = sorted(
            (tensors["inputs"]["token_ids"]["shape"][1], name)
            for name, tensors in self.signature["signatures"].items()
            if "token_ids" in tensors["inputs"]
        )
        if not self._by_length:
            raise ValueError("this file writes texts: run it by kerasft_generate.py")
        self._run = {name: self._interpreter.get_signature_runner(name) for _, name in self._by_length}

    def __call__(self, text: str, second: str | None = None) -> dict:
        """Answer a text, or a pair of texts."""
        return self.answer(self.run(*self.tokenizer.encode(text, second)))

    def run(self, token_ids: list[int], segment_ids: list[int]) -> dict[str, np.ndarray]:
        """Return the file's outputs by name, those per token for the real tokens only."""
        size = len(token_ids)
        # The shortest signature that holds the text; one of any length has -1.
        length, name = next(item for item in self._by_length if item[0] == -1 or item[0] >= size)
        missing = 0 if length == -1 else length - size
        pad_id = self.signature["pad_token_id"] or 0
        features = {
            "token_ids": token_ids + [pad_id] * missing,
            "padding_mask": [1] * size + [0] * missing,
            "segment_ids": segment_ids + [0] * missing,
        }
        inputs = self.signature["signatures"][name]["inputs"]
        outputs = self._run[name](**{each: np.array([features[each]], np.int32) for each in inputs})
        return {each: value[0][:size] if value.ndim > 2 else value[0] for each, value in outputs.items()}

    def answer(self, outputs: dict[str, np.ndarray]) -> dict:
        """Make a task's answer of the outputs, as kerasft's pipelines do."""
        signature = self.signature
        if signature["task"] != "text-classification" and signature["task"] != "relation-extraction":
            return {name: value.tolist() for name, value in outputs.items()}
        logits, labels = outputs["logits"].astype("float64"), signature["labels"]
        if signature["problem"] == "regression":
            return {"scores": dict(zip(labels, logits.tolist()))}
        if signature["problem"] == "multi_label":
            scores = dict(zip(labels, (0.5 * (1 + np.tanh(0.5 * logits))).tolist()))
            return {"labels": [label for label in labels if scores[label] >= 0.5], "scores": scores}
        powers = np.exp(logits - logits.max())
        scores = dict(zip(labels, (powers / powers.sum()).tolist()))
        label = max(scores, key=scores.get)
        score = scores[label]
        outside = signature["settings"].get("out_of_scope")
        if outside and score < outside["threshold"]:
            label, score = outside["label"], 1 - score
        return {"label": label, "score": score, "scores": scores}


def check_golden(folder: str | pathlib.Path) -> tuple[int, list[str], float]:
    """Run golden.jsonl: how many texts, those with other ids, and the largest difference of an output."""
    model, different, largest, count = Model(folder), [], 0.0, 0
    for line in (pathlib.Path(folder) / "golden.jsonl").read_text("utf-8").split("\n"):
        if not line:
            continue
        row = json.loads(line)
        count += 1
        texts = row.get("texts") or [row["text"]]
        token_ids, segment_ids = model.tokenizer.encode(*texts)
        if token_ids != row["token_ids"] or segment_ids != row.get("segment_ids", segment_ids):
            different.append(repr(texts))
            continue
        for name, value in model.run(token_ids, segment_ids).items():
            largest = max(largest, float(np.abs(value - np.array(row["outputs"][name])).max()))
    return count, different, largest


def main() -> int:
    """Answer a text, or check the golden ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="the mobile bundle")
    parser.add_argument("text", nargs="?")
    parser.add_argument("--second", help="second text of a pair")
    parser.add_argument("--golden", action="store_true", help="run golden.jsonl and compare ids and outputs")
    args = parser.parse_args()
    if args.golden:
        count, different, largest = check_golden(args.folder)
        print(f"{count} texts: {len(different)} with other ids, largest difference of an output {largest:.2g}")
        print("".join(f"other ids: {text}\n" for text in different), end="")
        return 1 if different or largest > 0.01 else 0
    if args.text is None:
        parser.error("give a text, or --golden")
    print(json.dumps(Model(args.folder)(args.text, args.second), ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
