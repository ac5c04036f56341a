"""Score answers by the SQuAD metrics of transformers 4 (`transformers.data.metrics.squad_metrics`; version 5 has dropped them).

Its environment: `pip install transformers==4.57.6`. Run as `python squad_official.py JOB.json`.
"""

import json
import pathlib
import sys
import types

from transformers.data.metrics.squad_metrics import squad_evaluate


def main() -> None:
    job = json.loads(pathlib.Path(sys.argv[1]).read_text("utf-8"))
    examples = [
        types.SimpleNamespace(qas_id=entry["id"], answers=entry["answers"])
        for article in json.loads(pathlib.Path(job["dev"]).read_text("utf-8"))["data"]
        for paragraph in article["paragraphs"]
        for entry in paragraph["qas"]
    ]
    scores = {}
    for name, predicted in job["predicted"].items():
        found = squad_evaluate(examples, predicted)
        scores[name] = {"exact_match": found["exact"] / 100, "f1": found["f1"] / 100}
    pathlib.Path(job["out"]).write_text(json.dumps(scores), "utf-8")


if __name__ == "__main__":
    main()
