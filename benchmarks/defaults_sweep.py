"""Learning rate, steps, batch size and pooling over small subsets of public data sets: what the recipes' defaults come from.

    python benchmarks/defaults_sweep.py --data DATA --model MINILM --output RUNS --learning-rates 1e-4 3e-4 --steps 300
    python benchmarks/defaults_sweep.py --data DATA --model MINILM --output RUNS --defaults
    python benchmarks/defaults_sweep.py --data DATA --model MINILM --output RUNS --table

Each recipe builds its model and its data; a run trains them with other numbers, on one thread. Values are of dev rows,
the better of two epochs, so all are a little too good. RUNS/runs.jsonl gets a line a run; what is there is not run again, so the
script may be stopped. `--layers 2` takes MODEL's first two blocks. `--defaults` runs the recipes themselves without any
option but the data's; `--table` prints each set's best run beside the defaults' one.
"""

import argparse
import dataclasses
import gc
import itertools
import json
import math
import pathlib
import shutil
import time
from unittest import mock

import keras
import safetensors.numpy
import tensorflow as tf
from defaults_sets import SETS, write_set

import kerasft
from kerasft.recipes import (
    intent_and_slots,
    question_answering,
    relation_extraction,
    sentence_embedding,
    text_classification,
    token_classification,
)

RECIPES = {
    "intent-and-slots": intent_and_slots,
    "question-answering": question_answering,
    "relation-extraction": relation_extraction,
    "sentence-embedding": sentence_embedding,
    "text-classification": text_classification,
    "token-classification": token_classification,
}
POOLED = ("text-classification", "sentence-embedding")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=pathlib.Path, help="folder with one folder a data set")
    parser.add_argument("--model", required=True, type=pathlib.Path, help="Hugging Face folder of a checkpoint")
    parser.add_argument("--output", required=True, type=pathlib.Path, help="folder of runs.jsonl")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--layers", nargs="+", type=int, default=[2, 6], help="blocks of the encoder (default: 2 6)")
    parser.add_argument("--learning-rates", nargs="+", type=float, default=[1e-4, 2e-4, 4e-4])
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=[16])
    parser.add_argument("--steps", nargs="+", type=int, default=[300], help="the epochs are the nearest number")
    parser.add_argument("--pooling", nargs="+", default=["mean"], help="for whole texts; other tasks run once")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-length", type=int, default=64)
    parser.add_argument("--defaults", action="store_true", help="run with the options' defaults")
    parser.add_argument("--table", action="store_true", help="print the runs in RUNS")
    return parser.parse_args()


def first_blocks(model: pathlib.Path, layers: int, output: pathlib.Path) -> pathlib.Path:
    """The checkpoint with its first blocks only, as a folder of its own."""
    config = json.loads((model / "config.json").read_text("utf-8"))
    if config["num_hidden_layers"] == layers:
        return model
    folder = output / f"first_{layers}_blocks"
    if not folder.exists():
        shutil.copytree(model, folder)
        (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": layers}, indent=2), "utf-8")
        tensors = safetensors.numpy.load_file(model / "model.safetensors")
        dropped = [f"encoder.layer.{number}." for number in range(layers, config["num_hidden_layers"])]
        kept = {name: value for name, value in tensors.items() if not any(part in name for part in dropped)}
        safetensors.numpy.save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def shrink(model: pathlib.Path, files: list[pathlib.Path], folder: pathlib.Path) -> pathlib.Path:
    """The checkpoint with only the tokens of a set's files: the same answers, and shorter steps and smaller files."""
    if not folder.exists():
        backbone, tokenizer = kerasft.load_pretrained(str(model))
        lines = [line for file in files for line in file.read_text("utf-8").splitlines()]
        kerasft.checkpoints.save_huggingface(folder, *kerasft.vocabulary.drop_tokens(backbone, tokenizer, texts=lines))
        for extra in (path for path in model.rglob("*.json") if not (folder / path.relative_to(model)).exists()):
            (folder / extra.relative_to(model)).parent.mkdir(exist_ok=True)  # such as 1_Pooling/config.json
            shutil.copy(extra, folder / extra.relative_to(model))
    return folder


def count_rows(train: str) -> int:
    """Training rows of a set's file."""
    path = pathlib.Path(train)
    if path.suffix == ".conll":
        return path.read_text("utf-8").strip().count("\n\n") + 1
    return len((path if path.exists() else path.with_suffix(".label")).read_text("utf-8").splitlines())


class Peak(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up over a tenth of the steps and linear decay, of a rate and a length that can be set again."""

    def __init__(self):
        self.rate = keras.Variable(0.0, trainable=False, name="rate")
        self.total = keras.Variable(1.0, trainable=False, name="total")

    def __call__(self, step):
        step, warmup = keras.ops.cast(step, "float32"), keras.ops.floor(self.total / 10)
        rising = (step + 1) / (warmup + 1)
        falling = (self.total - step) / (self.total - warmup)
        return self.rate * keras.ops.minimum(rising, keras.ops.maximum(falling, 0.0))


class _Stopped(Exception):
    """Carries what a recipe was about to train."""


class Training:
    """What a recipe built, to be trained several times from the same first weights: building and tracing take long."""

    def __init__(self, task: str, metric: str, options: dict):
        recipe, self.metric, self.schedule = RECIPES[task], metric, Peak()

        def stop(model, *args, **kwargs):
            raise _Stopped(model, args[0], kwargs)

        optimizer = kerasft.optimizers.AdamW(self.schedule, global_clipnorm=1.0)
        replaced = mock.patch.object(recipe, "make_optimizer", return_value=optimizer)
        with replaced, mock.patch.object(keras.Model, "fit", stop):
            try:
                recipe.main(make_options(task, options))
            except _Stopped as stopped:
                self.model, self.train, self.given = stopped.args
        self.first = self.model.get_weights()

    def evaluate(self) -> float:
        for callback in self.given["callbacks"]:
            if isinstance(callback, kerasft.callbacks.Evaluation):
                return callback.evaluate()[self.metric]
        return self.model.evaluate(self.given["validation_data"], verbose=0, return_dict=True)[self.metric]

    def run(self, rate: float, epochs: int) -> dict:
        """Train; the value is the better of those after three quarters and all of the epochs."""
        start, scores = time.process_time(), {}
        self.model.set_weights(self.first)
        for variable in self.model.optimizer.variables:
            variable.assign(keras.ops.zeros_like(variable))
        self.schedule.rate.assign(rate)
        self.schedule.total.assign(epochs * len(self.train))
        measured = {math.ceil(epochs * part) for part in (0.75, 1)}

        def measure(epoch, logs):
            if epoch + 1 in measured:
                scores[epoch + 1] = round(float(self.evaluate()), 4)

        watch = [keras.callbacks.LambdaCallback(on_epoch_end=measure)]
        self.model.fit(self.train, epochs=epochs, callbacks=watch, shuffle=False, verbose=0)
        return {"value": max(scores.values()), "epochs": scores, "cpu_seconds": round(time.process_time() - start)}


def make_options(task: str, options: dict):
    """The options that the recipe knows."""
    known = {field.name for field in dataclasses.fields(RECIPES[task].Options)}
    return RECIPES[task].Options(**{name: value for name, value in options.items() if name in known})


def run_defaults(task: str, metric: str, options: dict) -> dict:
    """Run the recipe as a user does; return the dev metric and the options that it chose."""
    start = time.process_time()
    result = RECIPES[task].main(make_options(task, options))
    chosen = kerasft.load_bundle(result["bundle"]).metadata["provenance"]["options"]
    used = {name: chosen.get(name) for name in ("learning_rate", "epochs", "batch_size", "pooling")}
    return {"value": result["metrics"][metric], "used": used, "cpu_seconds": round(time.process_time() - start)}


def sweep(args: argparse.Namespace) -> None:
    path = args.output / "runs.jsonl"
    done = [json.loads(line)["key"] for line in path.read_text("utf-8").splitlines()] if path.exists() else []

    def note(key: dict, result: dict) -> None:
        row = json.dumps({"key": key, **result})
        print(row, flush=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(row + "\n")

    for layers, name in itertools.product(args.layers, args.sets):
        folder = args.output / "sets" / name
        task, metric, files = write_set(name, args.data, folder)
        model = first_blocks(args.model, layers, args.output)
        small = shrink(model, [file for file in folder.iterdir() if file.is_file()], folder / f"model_{layers}")
        given = {"model": str(small), "output": str(args.output / "bundle"), "seed": args.seed}
        given |= {"max_length": args.max_length, "overwrite": True, **files}
        key = {"set": name, "layers": layers, "seed": args.seed}
        if args.defaults:
            if key not in done:
                note(key, run_defaults(task, metric, given))
            continue
        poolings = args.pooling if task in POOLED else [None]
        for batch, pooling in itertools.product(args.batch_sizes, poolings):
            fixed = {"batch_size": batch} | ({} if pooling is None else {"pooling": pooling})
            training = None
            for rate, steps in itertools.product(args.learning_rates, args.steps):
                epochs = max(1, round(steps * batch / count_rows(files["train"])))
                run_key = key | fixed | {"learning_rate": rate, "epochs": epochs}
                if run_key not in done:
                    training = training or Training(task, metric, given | fixed)
                    note(run_key, training.run(rate, epochs))
            keras.backend.clear_session()
            gc.collect()


def table(output: pathlib.Path) -> None:
    """Each set's best run, and the defaults' one beside it."""
    rows = [json.loads(line) for line in (output / "runs.jsonl").read_text("utf-8").splitlines()]
    print("| set | blocks | runs | best | with | defaults | chosen | difference |\n|---|---|---|---|---|---|---|---|")
    for layers, name in itertools.product(sorted({row["key"]["layers"] for row in rows}), SETS):
        here = [row for row in rows if row["key"]["set"] == name and row["key"]["layers"] == layers]
        swept = [row for row in here if "learning_rate" in row["key"]]
        if not swept:
            continue
        best = max(swept, key=lambda row: row["value"])
        cells = [name, str(layers), str(len(swept)), f"{best['value']:.4f}", _settings(best["key"])]
        for row in [row for row in here if "learning_rate" not in row["key"]][-1:]:
            difference = 100 * (row["value"] - best["value"])
            cells += [f"{row['value']:.4f}", _settings(row["used"]), f"{difference:+.1f}"]
        print("| " + " | ".join(cells) + " |")


def _settings(chosen: dict) -> str:
    parts = [f"{chosen['learning_rate']:g}, {chosen['epochs']} epochs, batch {chosen['batch_size']}"]
    return ", ".join(parts + ([chosen["pooling"]] if chosen.get("pooling") else []))


if __name__ == "__main__":
    given = arguments()
    tf.config.threading.set_intra_op_parallelism_threads(1)  # CPU seconds are what counts beside other work
    given.output.mkdir(parents=True, exist_ok=True)
    table(given.output) if given.table else sweep(given)
