"""The files an app needs in addition to the model, with reference outputs to test the app."""

import json
import pathlib
import shutil
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import numpy as np
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from kerasft.answers.answering import Answering, Tokens
from kerasft.bundles import Bundle
from kerasft.encoding.encoded import Encoded
from kerasft.features import SEGMENT_IDS
from kerasft.inference.runners import Runner, predict
from kerasft.tasks.samples import SAMPLE_TEXTS
from kerasft.tasks.tasks import task_of

GOLDEN_FILE = "golden.jsonl"
SAMPLES = ("python", "android", "ios", "web")
"""Folders of `kerasft/mobile` that are copied into every mobile bundle."""
CORE = ("errors.py", "features.py", "limits.py", "truncation.py")
"""Top-level modules that `kerasft.answers` imports; they import only numpy and each other."""
_MAX_GOLDEN = 200  # maximum number of the caller's texts


def preprocessing(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    """Describe the tokenization, for an app's own tokenizer.

    Returns:
        `type`: `"wordpiece"`, `"byte_level_bpe"`, `"sentencepiece_unigram"` or `"other"`; `lowercase` and `strip_accents`;
        `template`: the special token ids `before` the first text, `between` two texts, `after` the second, and `after_single`.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> preprocessing(tokenizer)["type"], preprocessing(tokenizer)["lowercase"]
    ('wordpiece', True)
    """
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.no_padding()  # a checkpoint's file may enable padding, which is not part of the template
    backend.no_truncation()
    config = json.loads(backend.to_str())
    kind = {"WordPiece": "wordpiece", "Unigram": "sentencepiece_unigram"}.get(config["model"]["type"], "other")
    if config["model"]["type"] == "BPE" and '"ByteLevel"' in json.dumps(config["pre_tokenizer"]):
        kind = "byte_level_bpe"

    def normalized(text):
        return text if backend.normalizer is None else backend.normalizer.normalize_str(text).strip(" \u2581")

    single = backend.encode("a")
    pair = backend.encode("a", "a")
    first = [index for index, sequence in enumerate(pair.sequence_ids) if sequence == 0]
    second = [index for index, sequence in enumerate(pair.sequence_ids) if sequence == 1]
    only = [index for index, sequence in enumerate(single.sequence_ids) if sequence == 0]
    return {
        "type": kind,
        "lowercase": normalized("A") == "a",
        "strip_accents": normalized("\u00e9") == "e",
        "template": {
            "before": single.ids[: only[0]],
            "after_single": single.ids[only[-1] + 1 :],
            "between": pair.ids[first[-1] + 1 : second[0]],
            "after": pair.ids[second[-1] + 1 :],
        },
    }


def golden_rows(
    bundle: Bundle, runner: Runner, *, texts: Sequence, signature: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return at least 50 texts with their token ids and the file's outputs, for the app's tests.

    Args:
        bundle: The exported bundle.
        runner: The exported file's runner.
        texts: Texts, or tuples of two; the built-in edge cases are added, also split in half.
        signature: The content of `signature.json`.

    Returns:
        Dictionaries: `text`, or `texts` of a pair; `token_ids`; `segment_ids` if the model has this input; `outputs` of the file
        by name, without padding; `answer`, the output of the task's pipeline (not for masked language models: most of the texts
        have no mask).

    Example:

    >>> from kerasft.demo import tiny
    >>> from kerasft.inference.runners import keras_runner
    >>> bundle = Bundle(tiny.classifier(["no", "yes"]), tiny.tokenizer(), {"pair": False})
    >>> signature = {"task": "text-classification", "problem": "single_label", "labels": ["no", "yes"], "pair": False}
    >>> signature |= {"max_length": 16, "preprocessing": preprocessing(bundle.tokenizer), "decoding": {}}
    >>> rows = golden_rows(bundle, keras_runner(bundle.model), texts=["a good film"], signature=signature)
    >>> len(rows) >= 50, rows[0]["text"], len(rows[0]["token_ids"]), sorted(rows[0]["answer"])
    (True, 'a good film', 5, ['label', 'score'])
    """
    task = task_of(bundle.metadata)
    texts = list(dict.fromkeys([*texts[:_MAX_GOLDEN], *task.sample(bundle, None), *_parts(bundle)]))
    encoded = task.encode(bundle, texts, signature["max_length"])
    outputs = predict(runner, encoded, bundle.tokenizer.pad_token_id)
    answering = _answering(bundle, runner, signature)
    rows = []
    for number, text in enumerate(texts):
        row = {"text": text} if isinstance(text, str) else {"texts": list(text)}
        padded = encoded.pad([number], bundle.tokenizer.pad_token_id or 0)
        row |= {name: values[0].tolist() for name, values in padded.items() if _is_golden(name, bundle)}
        row["outputs"] = {
            name: np.round(values[number].astype("float64"), 6).tolist() for name, values in outputs.items()
        }
        if answering.can_answer:
            row["answer"] = answering(text) if isinstance(text, str) else answering(*text)
        rows.append(row)
    return rows


def _answering(bundle: Bundle, runner: Runner, signature: Mapping[str, Any]) -> Answering:
    """The postprocessing of the Python runner, with Hugging Face's tokenizer instead of the runner's own."""

    def tokenize(text: str) -> Tokens:
        encoded = bundle.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        return [(token, *offsets) for token, offsets in zip(encoded["input_ids"], encoded["offset_mapping"])]

    def run(token_ids: list[int], segment_ids: list[int]) -> dict[str, np.ndarray]:
        outputs = predict(runner, Encoded([token_ids], [segment_ids]), bundle.tokenizer.pad_token_id)
        return {name: rows[0] for name, rows in outputs.items()}

    return Answering(signature, tokenize, run)


def _is_golden(name: str, bundle: Bundle) -> bool:
    return name in bundle.model.input and (name.endswith("token_ids") or name == SEGMENT_IDS)


def write_golden(folder: pathlib.Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write golden rows as JSON lines.

    Example:

    >>> write_golden(pathlib.Path("."), [{"text": "a"}])
    >>> pathlib.Path("golden.jsonl").read_text()
    '{"text": "a"}\\n'
    """
    # In ASCII: some languages' readers treat U+2028 and similar characters as line breaks.
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / GOLDEN_FILE).write_text(lines, "utf-8", newline="\n")


def copy_samples(folder: pathlib.Path) -> None:
    """Copy the Python runner and the sample apps into a mobile bundle.

    Example:

    >>> copy_samples(pathlib.Path("."))
    >>> pathlib.Path("android").is_dir()
    True
    """
    source = resources.files("kerasft") / "mobile"
    for name in SAMPLES:
        with resources.as_file(source / name) as path:
            if path.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "build", ".build", ".gradle", "node_modules")
                shutil.copytree(path, folder / name, ignore=ignored, dirs_exist_ok=True)
    core = folder / "python" / "kerasft_core"
    core.mkdir()
    (core / "__init__.py").write_text('"""kerasft\'s postprocessing of model outputs."""\n', "utf-8")
    with resources.as_file(resources.files("kerasft")) as package:
        shutil.copytree(package / "answers", core / "answers", ignore=shutil.ignore_patterns("__pycache__"))
        for name in CORE:
            shutil.copy(package / name, core / name)


def _parts(bundle: Bundle) -> list:
    """Halves of the built-in texts: short inputs, and edge cases for a reimplemented tokenizer."""
    halves = [half for text in SAMPLE_TEXTS for half in (text[: len(text) // 2], text[len(text) // 2 :]) if half]
    sample = task_of(bundle.metadata).sample
    pairs = isinstance(sample(bundle, None)[0], tuple)
    return sample(bundle, list(zip(halves, reversed(halves))) if pairs else halves)
