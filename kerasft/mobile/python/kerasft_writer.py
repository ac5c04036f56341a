"""Generate texts with a mobile bundle of GPT-2 or T5. Requires ai-edge-litert and numpy only.

    python kerasft_writer.py FOLDER "Once upon a time" --max-new-tokens 32
    python kerasft_writer.py FOLDER --golden

GPT-2 continues the text; T5 generates an output for it, with the prefix that it was trained with prepended.
"""

import argparse
import json
import os
import pathlib
import sys
import time
from collections.abc import Iterator
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from kerasft_digest import check_digest
from kerasft_generate import Generator
from kerasft_tokenizer import Tokenizer


class Writer:
    """A mobile bundle that generates texts.

    Args:
        folder: The bundle's folder.
        num_threads: Threads per run.
    """

    def __init__(self, folder: str | pathlib.Path, num_threads: int = 2):
        check_digest(folder)
        self.generator = Generator(folder, num_threads=num_threads)
        self.tokenizer = Tokenizer(folder)
        self._decoding = self.generator.signature["decoding"]

    def __call__(self, text: str, **options: Any) -> dict[str, Any]:
        """Return the `generated` text, and whether it `finished` with the end token; for options see `kerasft_generate`."""
        result = self.generator(self.token_ids(text, **options), **options)
        return {"generated": self.tokenizer.decode(result["token_ids"]), "finished": result["finished"]}

    def stream(self, text: str, **options: Any) -> Iterator[str]:
        """Yield the same text in pieces, as it is generated."""
        ids: list[int] = []
        yielded = generated = ""
        for token in self.generator.stream(self.token_ids(text, **options), **options):
            ids.append(token)
            generated = self.tokenizer.decode(ids)
            if not generated.endswith("\ufffd"):  # an incomplete UTF-8 character
                yield generated[len(yielded) :]
                yielded = generated
        if generated != yielded:
            yield generated[len(yielded) :]

    def token_ids(self, text: str, **options: Any) -> list[int]:
        """Return the ids of a prompt, truncated on the left to leave room for new tokens, or of a source."""
        signature = self.generator.signature
        if signature["task"] == "causal-lm":
            new_tokens = options.get("max_new_tokens") or self.generator.defaults["max_new_tokens"]
            room = self.generator.cache_length - min(new_tokens, self.generator.cache_length // 2)
            return self.tokenizer.ids(text)[-room:] or [max(0, self.generator.end_id)]
        return self.source_ids(self._decoding["prefix"] + text)

    def source_ids(self, text: str) -> list[int]:
        """Return the ids of a source that includes its prefix."""
        signature = self.generator.signature
        template = signature["preprocessing"]["template"]
        room = signature["max_length"] - len(template["before"]) - len(template["after_single"])
        return [*template["before"], *self.tokenizer.ids(text)[:room], *template["after_single"]]


def check_golden(folder: str | pathlib.Path) -> tuple[int, list[str]]:
    """Generate the texts of golden.jsonl; return the number of texts, and the mismatches."""
    writer = Writer(folder)
    different = []
    count = 0
    is_causal = writer.generator.signature["task"] == "causal-lm"
    for line in (pathlib.Path(folder) / "golden.jsonl").read_text("utf-8").split("\n"):
        if not line:
            continue
        row = json.loads(line)
        count += 1
        prompt = writer.tokenizer.ids(row["text"]) if is_causal else writer.source_ids(row["text"])
        # A prompt that is too long for the cache was truncated on the left; an empty one is the end token.
        if prompt and prompt[-len(row["token_ids"]) :] != row["token_ids"]:
            different.append(f"different token ids: {row['text']!r}")
            continue
        options = {"method": "greedy", "max_new_tokens": max(1, len(row["generated_token_ids"]))}
        ids = writer.generator(row["token_ids"], **options)["token_ids"]
        text = writer.tokenizer.decode(ids)
        if ids != row["generated_token_ids"] or text != row["answer"]:
            different.append(f"expected {row['answer']!r}, generated {text!r}")
    return count, different


def main() -> int:
    """Generate from a prompt or source, print the text as it is generated, then the speed; or check the golden texts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="the mobile bundle")
    parser.add_argument("text", nargs="?", help="the prompt, or the source")
    parser.add_argument("--golden", action="store_true", help="run golden.jsonl and compare token ids and texts")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--max-new-tokens", type=int)
    parser.add_argument("--method", choices=("greedy", "sample"))
    parser.add_argument("--top-k", type=int, help="sample from the k most likely tokens")
    parser.add_argument("--seed", type=int)
    arguments = vars(parser.parse_args())
    sys.stdout.reconfigure(errors="backslashreplace")  # whatever the terminal's encoding is
    # LiteRT logs its initialization to standard error; only Python's own errors are shown.
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8", errors="backslashreplace")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    folder, text = arguments.pop("folder"), arguments.pop("text")
    golden = arguments.pop("golden")
    if text is None and not golden:
        parser.error("give a text, or --golden")
    try:
        if golden:
            count, different = check_golden(folder)
            print(f"{count} texts: {len(different)} with differences", *different, sep="\n")
            return 1 if different else 0
        writer = Writer(folder, num_threads=arguments.pop("threads"))
        options = {name: value for name, value in arguments.items() if value is not None}
        start = time.perf_counter()
        count = 0
        for piece in writer.stream(text, **options):
            print(piece, end="", flush=True)
            count += 1
    except ValueError as error:
        sys.exit(f"error: {error}")
    print()
    print(f"{count / (time.perf_counter() - start):.1f} pieces/s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
