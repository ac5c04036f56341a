"""The committed cases of the encoder families: what the parity tests and the table of docs/parity.md read."""

import pathlib
import re

import numpy as np

import kerasft
from kerasft.features import PADDING_MASK, SEGMENT_IDS, TOKEN_IDS

ROOT = pathlib.Path(__file__).parent / "encoders"
FOLDERS = {str(path.parent.relative_to(ROOT)): path.parent for path in sorted(ROOT.glob("*/*/config.json"))}
TASKS = ("ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering", "ForMaskedLM")
NAMES = {"input_ids": TOKEN_IDS, "attention_mask": PADDING_MASK, "token_type_ids": SEGMENT_IDS}
TOLERANCE = 1e-5


def load(folder):
    """Load a case with its head where kerasft has it, else its backbone."""
    architecture = re.search(r'"architectures": \[\s*"(\w+)"', (folder / "config.json").read_text())[1]
    is_task = architecture.endswith(TASKS)
    return (kerasft.load_task_model if is_task else kerasft.load_pretrained)(folder)


def features(expected, prefix="", suffix="", length=None):
    """The reference's inputs under our names."""
    stored = {ours: f"{prefix}{theirs}{suffix}" for theirs, ours in NAMES.items()}
    return {ours: expected[name][:, :length].astype("int32") for ours, name in stored.items() if name in expected}


def answers(model, inputs):
    """A model's outputs by the reference's names."""
    outputs = model(inputs)
    outputs = outputs if isinstance(outputs, dict) else {"logits": outputs}
    return {name: value.numpy() for name, value in outputs.items()}


def difference(received, expected, mask):
    """The largest absolute difference, at real tokens where there is one output a token."""
    assert received.shape == expected.shape
    assert received.dtype == np.float32
    if received.shape[:2] == mask.shape and received.ndim == 3:
        received, expected = received[mask], expected[mask]
    return float(np.max(np.abs(received - expected)))


def differences(folder):
    """Compare all that a case holds: yield (what, largest absolute difference)."""
    model, _ = load(folder)
    expected = np.load(folder / "expected.npz")
    outputs = [name for name in ("sequence_output", "pooled_output", "logits") if name in expected]
    full = features(expected)
    lengths = {int(name.rpartition("_")[2]) for name in expected if name.startswith(outputs[0] + "_")}
    for length in [*sorted(lengths), None]:
        inputs = {name: value[:, :length] for name, value in full.items()}
        received = answers(model, inputs)
        assert received.keys() == set(outputs)
        for name in outputs:
            wanted = expected[name if length is None else f"{name}_{length}"]
            yield name, difference(received[name], wanted, inputs[PADDING_MASK].astype(bool))
    if "odd_input_ids" in expected:
        odd = features(expected, prefix="odd_")
        received = answers(model, odd)["sequence_output"]
        yield "odd padding", difference(received, expected["odd_sequence_output"], odd[PADDING_MASK].astype(bool))
