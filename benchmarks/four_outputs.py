"""Do the four forms of a trained model answer alike? And what does int8 cost?

    python benchmarks/four_outputs.py --bundle saved_models/sst2 --data DATA/sst2/dev.tsv

The bundle is loaded and saved again, that file is loaded in a new process, and SavedModel (by ids and by strings) and LiteRT
(float32, float16, int8; any length, and 128 fixed) are exported. Prints a Markdown table: for each form the largest difference
of a logit from the loaded Keras model, the share of equal labels, accuracy, size, and the latency of one text.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

import kerasft

NEW_PROCESS = """
import sys, numpy, kerasft
texts = kerasft.data.texts_and_labels(sys.argv[2])[0]
numpy.save(sys.argv[3], kerasft.pipelines.load(sys.argv[1]).predict_logits(texts))
"""


def reloaded(bundle: kerasft.bundles.Bundle, data: str, folder: pathlib.Path) -> np.ndarray:
    """The logits, (N, C), of the bundle saved and loaded in a new process."""
    saved = kerasft.save_bundle(
        folder / "again", bundle.model, bundle.tokenizer, max_length=bundle.max_length, overwrite=True
    )
    out = folder / "logits.npy"
    subprocess.run([sys.executable, "-c", NEW_PROCESS, str(saved), data, str(out)], check=True)
    return np.load(out)


def row(name: str, report: dict) -> str:
    """One line of the table."""
    score = report["score"]["artifact"] if "score" in report else float("nan")
    latency = ", ".join(f"{key}: {value['median']:.1f}" for key, value in report.get("latency_ms", {}).items())
    size = f"{report['size_bytes'] / 1e6:.1f}" if "size_bytes" in report else ""
    return f"| {name} | {report['max_difference']:.1e} | {report['agreement']:.4f} | {score:.4f} | {size} | {latency} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--bundle", required=True)
    parser.add_argument("--data", required=True, help="file with texts and labels")
    args = parser.parse_args()
    bundle = kerasft.load_bundle(args.bundle)
    texts, gold = kerasft.data.texts_and_labels(args.data, labels=bundle.labels)
    check = {"texts": texts, "gold": gold}
    logits = kerasft.pipelines.load(args.bundle).predict_logits(texts)
    lines = [
        f"{len(texts)} texts of {args.data}",
        "",
        "| form | largest difference | same label | accuracy | MB | ms a text (median) |",
        "|---|---|---|---|---|---|",
        f"| Keras model | 0 | 1.0000 | {(logits.argmax(-1) == gold).mean():.4f} | | |",
    ]
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        again = reloaded(bundle, args.data, folder)
        same = (again.argmax(-1) == logits.argmax(-1)).mean()
        facts = {"max_difference": np.abs(again - logits).max(), "agreement": same}
        facts["score"] = {"artifact": (again.argmax(-1) == gold).mean()}
        lines.append(row(".keras, saved and loaded in a new process", facts))
        report = kerasft.export.saved_model(bundle, folder / "saved_model", **check)
        lines.append(row("SavedModel, ids", report))
        if "strings_max_difference" in report:
            lines.append(f"| SavedModel, strings (from ids) | {report['strings_max_difference']:.1e} | | | | |")
        for quantize in (None, "float16", "int8"):
            for length in (None, 128):
                report = kerasft.export.litert(
                    bundle, folder / f"litert_{quantize}_{length}", quantize=quantize, sequence_length=length, **check
                )
                lines.append(row(f"LiteRT {quantize or 'float32'}, {length or 'any'} tokens", report))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
