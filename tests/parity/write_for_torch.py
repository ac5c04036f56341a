"""Write the parity cases back as Hugging Face folders with kerasft's answers, for `check_written.py`.

    python -m tests.parity.write_for_torch <folder>
    <python with PyTorch> tests/parity/check_written.py <folder>

The weights are not the ones that were read: noise is added, so that what is written is our own.
"""

import pathlib
import sys

import keras
import numpy as np

from kerasft.checkpoints import load_pretrained, save_huggingface
from tests.parity import decoder_cases
from tests.parity.encoder_cases import FOLDERS, NAMES, answers, features, load

TEXT = "a bad cab"


def write(model, tokenizer, inputs, folder, names=NAMES):
    """Write a checkpoint and the answers of its model to `inputs`, a dictionary of our names."""
    keras.utils.set_random_seed(0)
    for variable in model.trainable_variables:
        variable.assign_add(keras.random.normal(variable.shape, stddev=0.1))
    save_huggingface(folder, model, tokenizer)
    theirs = {name: inputs[ours] for name, ours in names.items() if ours in inputs}
    ours = {f"output:{name}": value for name, value in answers(model, inputs).items()}
    text = {"text:text": TEXT, "text:ids": tokenizer(TEXT)["input_ids"]}
    np.savez(folder / "answers.npz", **theirs, **ours, **text)


def main(target):
    for name, folder in FOLDERS.items():
        model, tokenizer = load(folder)
        inputs = features(np.load(folder / "expected.npz"))
        write(model, tokenizer, inputs, pathlib.Path(target) / name)
    for name, folder in decoder_cases.FOLDERS.items():
        tokenizer = load_pretrained(folder)[1]
        inputs = decoder_cases.features(name, decoder_cases.arrays(name))
        names = decoder_cases.INPUTS[name.partition("/")[0]]
        write(decoder_cases.load(name), tokenizer, inputs, pathlib.Path(target) / name, names)


if __name__ == "__main__":
    main(*sys.argv[1:])
