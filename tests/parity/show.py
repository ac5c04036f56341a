"""Print the measured differences from the reference implementation as the tables of docs/parity.md.

KERASFT_MINILM=<folder> python -m tests.parity.show
"""

import numpy as np

from kerasft.features import PADDING_MASK, POOLED_OUTPUT, SEQUENCE_OUTPUT
from tests.parity import decoder_cases, encoder_cases, test_bert, test_decoders, test_training


def show_bert() -> None:
    """Every field and every form of the files, on BERT; and the real MiniLM."""
    print("| case | hidden states | pooled output |\n|---|---|---|")
    for name in test_bert.CASES:
        backbone, expected = test_bert.load(name)
        inputs = test_bert.features(expected)
        outputs = backbone(inputs)
        real = inputs[PADDING_MASK].astype(bool)
        hidden = test_bert.worst(outputs[SEQUENCE_OUTPUT].numpy()[real], expected["sequence_output"][real])
        pooled = np.nan
        if expected["pooled_output"].size:
            pooled = test_bert.worst(outputs[POOLED_OUTPUT], expected["pooled_output"])
        print(f"| {name} | {hidden:.1e} | {pooled:.1e} |")
    hidden, pooled = np.max(list(test_bert.minilm_differences()), axis=0)
    print(f"| all-MiniLM-L6-v2 | {hidden:.1e} | {pooled:.1e} |")


def show_families() -> None:
    """The largest difference of any output at any length, a line a case."""
    print("\n| family | case | largest difference |\n|---|---|---|")
    found = {name: max(worst for _, worst in encoder_cases.differences(folder))
             for name, folder in encoder_cases.FOLDERS.items()}  # fmt: skip
    found |= {name: max(decoder_cases.differences(name).values()) for name in decoder_cases.FOLDERS}
    for name, worst in found.items():
        family, _, case = name.partition("/")
        print(f"| {family} | {case} | {worst:.1e} |")


def show_training() -> None:
    """One step's loss and gradients, and ten steps' losses."""
    print("\n| trained | loss | gradients | ten losses, of AdamW |\n|---|---|---|---|")
    for name in test_training.CASES:
        arrays = np.load(encoder_cases.FOLDERS[name] / "training.npz")
        model, _ = encoder_cases.load(encoder_cases.FOLDERS[name])
        gradients = test_training.gradient_difference(model, arrays)
        _print_training(name, test_training.losses(model, arrays) - arrays["losses"], gradients)
    for name in test_decoders.TRAINED:
        arrays, model = decoder_cases.arrays(name, "training.npz"), decoder_cases.load(name)
        gradients = test_decoders.gradient_difference(name, model, arrays)
        _print_training(name, test_decoders.losses(name, model, arrays) - arrays["losses"], gradients)


def _print_training(name: str, losses: np.ndarray, gradients: float) -> None:
    print(f"| {name} | {abs(losses[0]):.1e} | {gradients:.1e} | {np.max(np.abs(losses)):.1e} |")


if __name__ == "__main__":
    show_bert()
    show_families()
    show_training()
