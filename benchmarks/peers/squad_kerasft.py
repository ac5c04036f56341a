"""Peer: kerasft's recipe of question answering. Run as `python squad_kerasft.py JOB.json` by benchmarks/squad_vs_trainer.py."""

import json
import pathlib
import sys
import tempfile
import time

import kerasft
from kerasft.recipes import question_answering


def main() -> None:
    job = json.loads(pathlib.Path(sys.argv[1]).read_text("utf-8"))
    names = ("model", "train", "dev", "max_length", "stride", "epochs", "batch_size", "learning_rate", "seed")
    with tempfile.TemporaryDirectory() as folder:
        options = {name: job[name] for name in names} | {"max_train_rows": job["max_train_rows"]}
        start = time.perf_counter()
        result = question_answering.main(
            question_answering.Options(
                **options, keep="last", output=f"{folder}/answers"
            )  # the last epoch, as the peer
        )
        seconds = time.perf_counter() - start
        questions = kerasft.data.read_squad(job["dev"])
        ask = kerasft.pipelines.load(result["bundle"])
        answers = ask([(each.question, each.context) for each in questions], batch_size=64)
    predicted = {each.id: said["answer"] for each, said in zip(questions, answers)}
    truths = {each.id: each.texts for each in questions}
    out = {
        "predicted": predicted,
        "seconds": seconds,
        "kerasft_scores": kerasft.metrics.squad_scores(predicted, truths),
    }
    # The other side's answers are scored here too, since this is where kerasft is installed.
    if job.get("other"):
        other = json.loads(pathlib.Path(job["other"]).read_text("utf-8"))["predicted"]
        out["other_scores"] = kerasft.metrics.squad_scores(other, truths)
    pathlib.Path(job["out"]).write_text(json.dumps(out), "utf-8")


if __name__ == "__main__":
    main()
