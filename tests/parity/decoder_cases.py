"""The cases that `make_decoders.py` wrote: where they are, how they are loaded, what they are asked."""

import json
import pathlib

import keras
import numpy as np

import kerasft
from kerasft.features import (
    DECODER_PADDING_MASK,
    DECODER_TOKEN_IDS,
    ENCODER_PADDING_MASK,
    ENCODER_TOKEN_IDS,
    PADDING_MASK,
    TOKEN_IDS,
)

HERE = pathlib.Path(__file__).parent / "decoders"
FOLDERS = {str(path.parent.relative_to(HERE)): path.parent for path in sorted(HERE.rglob("config.json"))}
INPUTS = {
    "gpt2": {"input_ids": TOKEN_IDS, "attention_mask": PADDING_MASK},
    "t5": {
        "input_ids": ENCODER_TOKEN_IDS,
        "attention_mask": ENCODER_PADDING_MASK,
        "decoder_input_ids": DECODER_TOKEN_IDS,
        "decoder_attention_mask": DECODER_PADDING_MASK,
    },
}
INPUTS["mt5"] = INPUTS["t5"]
TOLERANCE = 1e-5


def config(name):
    """The `config.json` of a case."""
    return json.loads((FOLDERS[name] / "config.json").read_text())


def has_head(name):
    """Tell whether a case has more than a backbone."""
    return config(name)["architectures"] not in (["GPT2Model"], ["T5Model"])


def load(name, folder=None):
    """Load a case, with its head if it has one, from its folder or from a copy."""
    loader = kerasft.load_task_model if has_head(name) else kerasft.load_pretrained
    return loader(folder or FOLDERS[name])[0]


def arrays(name, file="expected.npz"):
    """What the reference computed for a case."""
    return dict(np.load(FOLDERS[name] / file))


def features(name, found, *, length=None, suffix=""):
    """Our inputs, cut at a length."""
    names = INPUTS[name.partition("/")[0]]
    return {ours: found[theirs + suffix][:, :length].astype("int32") for theirs, ours in names.items()}


def worst(received, expected, mask=None):
    """The largest absolute difference, over real tokens."""
    difference = np.abs(np.asarray(received) - expected)
    return float(np.max(difference if mask is None else difference[mask.astype(bool)]))


HIDDEN = {
    "gpt2": {"sequence_output": "layer_norm"},
    "t5": {f"{side}_sequence_output": f"{side}_output_dropout" for side in ("encoder", "decoder")},
}
HIDDEN["mt5"] = HIDDEN["t5"]


def differences(name, *, lengths=(None,)):
    """The largest difference of each output from the reference's, over real tokens, at all of the lengths."""
    found, model = arrays(name), load(name)
    outputs = {ours: model.get_layer(layer).output for ours, layer in HIDDEN[name.partition("/")[0]].items()}
    if has_head(name):
        outputs["logits"] = model.output
    whole = keras.Model(model.input, outputs)
    answers = dict.fromkeys(outputs, 0.0)
    for length in lengths:
        inputs = features(name, found, length=length)
        for output, received in whole(inputs).items():
            expected = found[output if length is None else f"{output}_{length}"]
            mask = inputs.get(output.replace("sequence_output", "padding_mask"), inputs[list(inputs)[-1]])
            answers[output] = max(answers[output], worst(received, expected, mask if expected.ndim == 3 else None))
    return answers
