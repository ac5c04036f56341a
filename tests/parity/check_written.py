"""Open Hugging Face folders that kerasft wrote with PyTorch's `AutoModel...` classes, and compare the answers.

Runs where PyTorch and transformers are (and needs no kerasft), on what `write_for_torch.py` made:

    python tests/parity/check_written.py <folder> ...

Every folder with an `answers.npz` at or below the given ones is compared: a checkpoint, and in `answers.npz` the
reference's inputs under its own names (`input_ids`, ...) and kerasft's outputs under `output:<name>`. Prints a table and
leaves with an error if a difference is not below 1e-5, a tensor is missing or unexpected, or the tokenizers disagree.
"""

import pathlib
import sys

import numpy as np
import torch
import transformers

TOLERANCE = 1e-5
CLASSES = {
    "ForSequenceClassification": transformers.AutoModelForSequenceClassification,
    "ForTokenClassification": transformers.AutoModelForTokenClassification,
    "ForQuestionAnswering": transformers.AutoModelForQuestionAnswering,
    "ForMaskedLM": transformers.AutoModelForMaskedLM,
    "LMHeadModel": transformers.AutoModelForCausalLM,
    "ForConditionalGeneration": transformers.AutoModelForSeq2SeqLM,
    "Model": transformers.AutoModel,
}
NAMES = {
    "sequence_output": "last_hidden_state",
    "pooled_output": "pooler_output",
    "logits": "logits",
    "encoder_sequence_output": "encoder_last_hidden_state",
    "decoder_sequence_output": "last_hidden_state",
}


def open_model(folder):
    """Open by the Auto class for the architecture; every tensor has to be there, and none too many."""
    [architecture] = transformers.AutoConfig.from_pretrained(folder).architectures
    auto = next(auto for suffix, auto in CLASSES.items() if architecture.endswith(suffix))
    model, report = auto.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    wrong = {kind: sorted(map(str, names)) for kind, names in report.items() if names}
    if type(model).__name__ != architecture or wrong:
        raise SystemExit(f"{folder}: {type(model).__name__} opened for {architecture}: {wrong}")
    return model.eval()


def outputs(model, arrays):
    """The reference's answers to the inputs in `arrays`, by kerasft's names."""
    features = {name: torch.tensor(value).long() for name, value in arrays.items() if ":" not in name}
    with torch.no_grad():
        result = model(**features)
    if "start_logits" in result:
        return {"logits": torch.stack([result.start_logits, result.end_logits], dim=-1).numpy()}
    return {ours: result[theirs].numpy() for ours, theirs in NAMES.items() if result.get(theirs) is not None}


def difference(folder):
    """Return the architecture and the largest difference, at real tokens."""
    model = open_model(folder)
    arrays = dict(np.load(folder / "answers.npz"))
    expected = outputs(model, arrays)
    worst = 0.0
    for name, received in arrays.items():
        if not name.startswith("output:"):
            continue
        reference = expected[name.partition(":")[2]]
        side = "decoder_" if "decoder_attention_mask" in arrays and "encoder" not in name else ""
        mask = arrays[f"{side}attention_mask"].astype(bool)
        if reference.ndim == 3 and reference.shape[:2] == mask.shape:
            reference, received = reference[mask], received[mask]
        worst = max(worst, float(np.max(np.abs(reference - received))))
    if "text:ids" in arrays:
        ids = transformers.AutoTokenizer.from_pretrained(folder)(str(arrays["text:text"]))["input_ids"]
        if ids != arrays["text:ids"].tolist():
            raise SystemExit(
                f"{folder}: its tokenizer says {ids} to {arrays['text:text']}, kerasft's {arrays['text:ids']}"
            )
    return type(model).__name__, worst


def main(folders):
    transformers.logging.set_progress_error()
    transformers.logging.disable_progress_bar()
    found = sorted(path.parent for folder in folders for path in pathlib.Path(folder).rglob("answers.npz"))
    if not found:
        raise SystemExit(f"{folders}: no answers.npz; run write_for_torch.py first")
    print("| checkpoint | class | largest difference |\n|---|---|---|")
    results = {folder: difference(folder) for folder in found}
    for folder, (name, worst) in results.items():
        print(f"| {folder.parent.name}/{folder.name} | {name} | {worst:.1e} |")
    failed = [str(folder) for folder, (_, worst) in results.items() if not worst < TOLERANCE]
    if failed:
        raise SystemExit(f"not below {TOLERANCE}: {', '.join(failed)}")


if __name__ == "__main__":
    main(sys.argv[1:])
