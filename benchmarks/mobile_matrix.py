"""The table of docs/mobile.md: what each family, task and recipe gives as a LiteRT file; every cell from a run.

    python benchmarks/mobile_matrix.py --trained sst2=BUNDLE=dev.tsv banking77=BUNDLE=test.csv --output matrix.json
    python benchmarks/mobile_matrix.py --families --output families.json

`--trained` takes bundles with a file of labelled texts (name=BUNDLE=DATA, and =CALIBRATION for full int8): score, agreement,
size and latency are of real texts. The score is accuracy, or what `kerasft evaluate` puts first for the task. `--families` builds
a small model with random weights of every family and head (4 blocks, width 128): that it converts and the largest difference of
an output say that the graph is right; random weights say nothing of accuracy. GPT-2 and T5 write: their agreement is that of
tokens, their latency that of one written token.
"""

import argparse
import json
import pathlib
import tempfile

import numpy as np
from peer_runs import machine, machine_line, markdown

import kerasft
from kerasft.backbones import (
    BertConfig,
    DistilBertConfig,
    ElectraConfig,
    GPT2Config,
    RobertaConfig,
    T5Config,
    bert,
    distilbert,
    electra,
    gpt2,
    roberta,
    t5,
)
from kerasft.errors import KerasftError
from kerasft.tasks.samples import sample_texts

RECIPES = (None, "float16", "int8", "int4", "int8_full")
SIZES = {"num_layers": 4, "num_heads": 4, "hidden_dim": 128, "intermediate_dim": 512}
ENCODERS = {
    "BERT": lambda size: bert(BertConfig(vocabulary_size=size, **SIZES)),
    "RoBERTa": lambda size: roberta(RobertaConfig(vocabulary_size=size, **SIZES)),
    "DistilBERT": lambda size: distilbert(DistilBertConfig(vocabulary_size=size, **SIZES)),
    "ELECTRA": lambda size: electra(ElectraConfig(vocabulary_size=size, embedding_dim=64, **SIZES)),
}
HEADS = {
    "text-classification": lambda model, _: kerasft.heads.text_classifier(model, ["a", "b", "c"]),
    "token-classification": lambda model, _: kerasft.heads.token_classifier(model, ["O", "B-X", "I-X"]),
    "intent-and-slots": lambda model, _: kerasft.heads.intent_and_slots(model, ["a", "b"], ["O", "B-X", "I-X"]),
    "relation-extraction": lambda model, markers: kerasft.heads.relation_classifier(model, ["a", "b"], markers=markers),
    "question-answering": lambda model, _: kerasft.heads.question_answering(model),
    "sentence-embedding": lambda model, _: kerasft.heads.sentence_embedding(model),
    "masked-lm": lambda model, _: kerasft.heads.masked_lm(model),
}
WRITERS = {
    "GPT-2": lambda size: kerasft.heads.causal_lm(gpt2(GPT2Config(vocabulary_size=size, **SIZES))),
    "T5": lambda size: kerasft.heads.sequence_to_sequence(
        t5(T5Config(vocabulary_size=size, num_decoder_layers=4, head_dim=32, **SIZES))
    ),
}
WRITER_RECIPES = (None, "float16", "int8")
LENGTH = 64


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trained", nargs="+", default=[], metavar="NAME=BUNDLE=DATA[=CALIBRATION]")
    parser.add_argument("--families", action="store_true", help="small models with random weights of every family")
    parser.add_argument("--tokenizer", help="folder of a tokenizer, for --families")
    parser.add_argument("--recipes", nargs="+", default=[str(each) for each in RECIPES])
    parser.add_argument("--output", help="also write all numbers to this JSON file")
    return parser.parse_args()


def trained(item: str, recipe: str | None) -> dict:
    """One recipe on a trained model and its real dev texts."""
    name, folder, data, *calibration = item.split("=")
    bundle = kerasft.load_bundle(folder)
    texts, gold = texts_and_gold(bundle, data)
    options = {"quantize": recipe, "sequence_length": LENGTH, "texts": texts, "gold": gold, "max_drop": 100}
    if recipe == "int8_full":
        rows, _ = texts_and_gold(bundle, (calibration or [data])[0])
        options["calibration"] = rows[:: max(1, len(rows) // 128)][:128]
    with tempfile.TemporaryDirectory() as temporary:
        report = kerasft.export.litert(bundle, pathlib.Path(temporary) / "phone", min_agreement=0.0, **options)
    return measured({"model": name, "task": bundle.task, "recipe": recipe or "float32"}, report)


def texts_and_gold(bundle: kerasft.bundles.Bundle, data: str) -> tuple:
    """The texts of a file, and what scores them."""
    if bundle.task == "text-classification":
        return kerasft.data.texts_and_labels(data, labels=bundle.labels)
    return kerasft.pipelines.texts_of(bundle, data), kerasft.pipelines.scorer(bundle, data)


def measured(row: dict, report: dict) -> dict:
    """A row of the table out of a report."""
    row |= {
        "largest difference": report["max_difference"],
        "agreement": report["agreement"],
        "MB": report["size_bytes"] / 1e6,
        "median ms, 1 thread": report["latency_ms"]["threads_1"]["median"],
    }
    if "score" in report:
        keras, file = report["score"]["keras"], report["score"]["artifact"]
        row |= {"score": file, "drop in points": 100 * (keras - file)}
    return row


def with_random_weights(model):
    """Weights as large as trained ones, so that differences show."""
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        if len(variable.shape) > 1:
            variable.assign(rng.normal(0, 0.7 / np.sqrt(variable.shape[-1]), variable.shape))
    return model


def family(name: str, task: str, recipe: str | None, tokenizer) -> dict:
    """One recipe on a small model with random weights."""
    row = {"model": f"{name} (random)", "task": task, "recipe": recipe or "float32"}
    markers = kerasft.data.marker_ids(tokenizer)
    model = with_random_weights(HEADS[task](ENCODERS[name](len(tokenizer)), markers))
    pair = task == "question-answering"
    bundle = kerasft.make_bundle(model, tokenizer, max_length=LENGTH, pair=pair)
    options = {"quantize": recipe, "sequence_length": LENGTH, "min_agreement": 0.0}
    if recipe == "int8_full":
        options["calibration"] = sample_texts(bundle)
    try:
        with tempfile.TemporaryDirectory() as temporary:
            report = kerasft.export.litert(bundle, pathlib.Path(temporary) / "phone", **options)
    except KerasftError as error:
        return row | {"largest difference": str(error)[:100]}
    return measured(row, report)


def writer(name: str, recipe: str | None, tokenizer) -> dict:
    """One recipe on a small GPT-2 or T5 with random weights, by its loop on the device."""
    model = with_random_weights(WRITERS[name](len(tokenizer)))
    bundle = kerasft.make_bundle(model, tokenizer, max_length=LENGTH)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary) / "phone"
        report = kerasft.export.litert_generation(bundle, folder, quantize=recipe, prefill_lengths=(LENGTH,))
    return {
        "model": f"{name} (random)",
        "task": bundle.task,
        "recipe": recipe or "float32",
        "agreement": report["agreement"],
        "MB": report["size_bytes"] / 1e6,
        "median ms, 1 thread": 1000 / report["tokens_per_second"],
    }


def main() -> None:
    """Measure and print a table."""
    args = arguments()
    recipes = [None if each in ("None", "float32") else each for each in args.recipes]
    rows = [trained(item, recipe) for item in args.trained for recipe in recipes]
    if args.families:
        tokenizer = kerasft.tokenizers.load(args.tokenizer)
        tokenizer.add_special_tokens({"additional_special_tokens": list(kerasft.data.ENTITY_MARKERS)})
        rows += [family(name, task, recipe, tokenizer) for name in ENCODERS for task in HEADS for recipe in recipes]
        rows += [writer(name, recipe, tokenizer) for name in WRITERS for recipe in recipes if recipe in WRITER_RECIPES]
    header = ["model", "task", "recipe", "largest difference", "agreement", "score", "drop in points", "MB"]
    header.append("median ms, 1 thread")
    lines = [[_shown(row.get(name)) for name in header] for row in rows]
    print(f"{markdown(header, lines)}\n\n{machine_line(machine())}")
    if args.output:
        pathlib.Path(args.output).write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1), "utf-8")


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)


if __name__ == "__main__":
    main()
