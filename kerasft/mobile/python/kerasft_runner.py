"""Run a mobile bundle of kerasft. Requires ai-edge-litert and numpy only.

    python kerasft_runner.py FOLDER "a text"
    python kerasft_runner.py FOLDER "first text" --pair "second text"
    python kerasft_runner.py FOLDER "a question" --pair "its context"
    python kerasft_runner.py FOLDER "a [MASK] film" --top-k 3
    python kerasft_runner.py FOLDER --golden

The outputs are those of kerasft's pipelines: labels with scores, regression values, embeddings, entities, intents and slots,
relations ("The <e1>author</e1> of a <e2>keygen</e2>"), answers in a context, and the most likely tokens for each mask. For text
generation with GPT-2 and T5 see `kerasft_writer.py`.
"""

import argparse
import json
import pathlib
import sys
import threading
import warnings

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from kerasft_core.answers.answering import Answering
from kerasft_core.answers.masked_lm import fill_masks
from kerasft_core.errors import bad_argument, bad_data, whole_number
from kerasft_core.truncation import no_warning, warn_truncated
from kerasft_digest import check_digest
from kerasft_tokenizer import Tokenizer

try:
    from ai_edge_litert.interpreter import Interpreter
except ImportError:  # the package's former name
    from tflite_runtime.interpreter import Interpreter


class Model:
    """A mobile bundle; call it with a text or a pair of texts. Thread-safe: runs are serialized.

    Args:
        folder: The bundle's folder.
        num_threads: Threads per run.
    """

    def __init__(self, folder: str | pathlib.Path, num_threads: int = 2):
        folder = pathlib.Path(folder)
        check_digest(folder)
        self.signature = json.loads((folder / "signature.json").read_text("utf-8"))
        self.tokenizer = Tokenizer(folder)
        self._interpreter = Interpreter(model_path=str(folder / "model.tflite"), num_threads=num_threads)
        self._by_length = sorted(
            (tensors["inputs"]["token_ids"]["shape"][1], name)
            for name, tensors in self.signature["signatures"].items()
            if "token_ids" in tensors["inputs"]
        )
        if not self._by_length:
            raise ValueError("this file generates text: run it with kerasft_writer.py")
        self._lock = threading.Lock()  # the interpreter has the tensors of a single run
        self._run = {name: self._interpreter.get_signature_runner(name) for _, name in self._by_length}
        self.answering = Answering(self.signature, self.tokenizer.tokens, self.run, on_truncated=warn_truncated)

    def __call__(
        self, text: str, text_pair: str | None = None, *, top_k: int | None = None, second: str | None = None
    ) -> dict:
        """Return the prediction for a text, or for a pair of texts such as a question and its context.

        Args:
            text: The text, or the first text of a pair.
            text_pair: The second text.
            top_k: Number of candidates per mask, for masked language models; None: 5.
            second: The former name of `text_pair`.
        """
        if second is not None:
            warnings.warn("`second` is now `text_pair`.", DeprecationWarning, stacklevel=2)
            text_pair = second
        if self.signature["task"] == "masked-lm" and text_pair is None:
            return self.fill(text, 5 if top_k is None else top_k)
        if top_k is not None:
            raise bad_argument("top_k", "omitted except for a masked language model", top_k, "Omit it.")
        return self.answering(text, text_pair)

    def fill(self, text: str, top_k: int = 5) -> dict:
        """Fill the masks of a text with the most probable tokens."""
        whole_number("top_k", top_k, "5 is usual.")
        mask_id = self.signature["decoding"]["mask_token_id"]
        mask_token = self.tokenizer.token_text(mask_id)
        token_ids, segment_ids = self.answering.encode(text)
        positions = [index for index, token in enumerate(token_ids) if token == mask_id]
        if not positions:
            fix = f"Write {mask_token} in place of a word, within {self.signature['max_length']} tokens."
            raise bad_data("texts", "the text contains no mask token", fix, value=text)
        return fill_masks(
            text,
            self.run(token_ids, segment_ids)["logits"][positions, : self.tokenizer.size],
            top_k=top_k,
            mask_token=mask_token,
            token_text=self.tokenizer.token_text,
            prefix=self.tokenizer.continuation,
        )

    def run(self, token_ids: list[int], segment_ids: list[int]) -> dict[str, np.ndarray]:
        """Return the file's outputs by name, without padding."""
        size = len(token_ids)
        # The shortest signature that fits the text; -1 is a dynamic length.
        length, name = next(item for item in self._by_length if item[0] == -1 or item[0] >= size)
        padding = 0 if length == -1 else length - size
        pad_id = self.signature["pad_token_id"] or 0
        features = {
            "token_ids": token_ids + [pad_id] * padding,
            "padding_mask": [1] * size + [0] * padding,
            "segment_ids": segment_ids + [0] * padding,
        }
        inputs = self.signature["signatures"][name]["inputs"]
        with self._lock:
            outputs = self._run[name](**{each: np.array([features[each]], np.int32) for each in inputs})
        return {each: value[0][:size] if value.ndim > 2 else value[0] for each, value in outputs.items()}


def check_golden(folder: str | pathlib.Path) -> tuple[int, list[str], float]:
    """Run golden.jsonl; return the number of texts, the mismatches, and the maximum output difference."""
    model = Model(folder)
    different = []
    largest = 0.0
    count = 0
    for line in (pathlib.Path(folder) / "golden.jsonl").read_text("utf-8").split("\n"):
        if not line:
            continue
        row = json.loads(line)
        count += 1
        texts = row.get("texts") or [row["text"]]
        with no_warning():  # the file contains long texts on purpose
            token_ids, segment_ids = model.answering.encode(*texts)
        if token_ids != row["token_ids"] or segment_ids != row.get("segment_ids", segment_ids):
            different.append(f"different token ids: {texts}")
            continue
        for name, value in model.run(token_ids, segment_ids).items():
            largest = max(largest, float(np.abs(value - np.array(row["outputs"][name])).max()))
        with no_warning():
            if "answer" in row and not _same(model(*texts), row["answer"]):
                different.append(f"different answer: {texts}")
    return count, different, largest


def _same(one, other) -> bool:
    """Whether two answers are equal, numbers within 0.01."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return abs(one - other) < 0.01 if isinstance(one, float) and isinstance(other, float) else one == other


def main() -> int:
    """Run a text, or check the golden texts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="the mobile bundle")
    parser.add_argument("text", nargs="?")
    parser.add_argument("--pair", help="second text of a pair, or the context of a question")
    parser.add_argument("--second", dest="pair", help=argparse.SUPPRESS)  # its former name
    parser.add_argument("--top-k", type=int, help="number of candidates per mask (default: 5)")
    parser.add_argument(
        "--golden", action="store_true", help="run golden.jsonl and compare token ids, outputs and answers"
    )
    args = parser.parse_args()
    sys.stdout.reconfigure(errors="backslashreplace")  # whatever the terminal's encoding is
    if args.text is None and not args.golden:
        parser.error("give a text, or --golden")
    try:
        if args.golden:
            count, different, largest = check_golden(args.folder)
            print(f"{count} texts: {len(different)} with differences, maximum output difference {largest:.2g}")
            print("".join(f"{line}\n" for line in different), end="")
            return 1 if different or largest > 0.01 else 0
        answer = Model(args.folder)(args.text, args.pair, top_k=args.top_k)
        is_utf8 = sys.stdout.encoding.lower().replace("_", "-") in ("utf-8", "utf8")
        print(json.dumps(answer, ensure_ascii=not is_utf8))
    except ValueError as error:
        sys.exit(f"error: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
