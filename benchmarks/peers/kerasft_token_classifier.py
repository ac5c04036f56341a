"""kerasft's side of `wnut17_vs_trainer.py`: the recipe's steps with plain Keras.

Run as `python kerasft_token_classifier.py JOB.json`; a job is what `hf_token_classifier.py` says.
"""

import json
import pathlib
import sys
import time

import keras

import kerasft


def main() -> None:
    job = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    keras.utils.set_random_seed(job["seed"])
    backbone, tokenizer = kerasft.load_pretrained(job["model"])
    model = kerasft.heads.token_classifier(backbone, job["labels"])
    train = kerasft.data.token_classification(
        job["train"],
        tokenizer,
        labels=model.labels,
        max_length=job["max_length"],
        batch_size=job["batch_size"],
        shuffle=True,
        seed=job["seed"],
    )
    rate = kerasft.optimizers.WarmupLinearDecay(job["learning_rate"], job["epochs"] * len(train), warmup=job["warmup"])
    model.compile(
        kerasft.optimizers.AdamW(rate, weight_decay=job["weight_decay"], global_clipnorm=1.0),
        kerasft.losses.for_labels(model.labels),
        jit_compile=False,
    )
    start = time.perf_counter()
    history = model.fit(train, epochs=job["epochs"], shuffle=False, verbose=2).history
    seconds = time.perf_counter() - start
    pipeline = kerasft.pipelines.load(kerasft.make_bundle(model, tokenizer, max_length=job["max_length"]))
    predicted = {split: pipeline.tag(job[split]) for split in ("dev", "test")}
    result = {"predicted": predicted, "loss": history["loss"][-1], "train_seconds": seconds}
    pathlib.Path(job["out"]).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
