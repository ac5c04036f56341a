"""Print the measured differences from the reference implementation as the table of docs/parity.md.

KERASFT_MINILM=<folder> python -m tests.parity.show_bert
"""

import numpy as np

from kerasft.features import PADDING_MASK, POOLED_OUTPUT, SEQUENCE_OUTPUT
from tests.parity.test_bert import CASES, features, load, minilm_differences, worst


def main() -> None:
    print("| case | hidden states | pooled output |\n|---|---|---|")
    for name in CASES:
        backbone, expected = load(name)
        inputs = features(expected)
        outputs = backbone(inputs)
        real = inputs[PADDING_MASK].astype(bool)
        hidden = worst(outputs[SEQUENCE_OUTPUT].numpy()[real], expected["sequence_output"][real])
        pooled = worst(outputs[POOLED_OUTPUT], expected["pooled_output"]) if expected["pooled_output"].size else np.nan
        print(f"| {name} | {hidden:.1e} | {pooled:.1e} |")
    hidden, pooled = np.max(list(minilm_differences()), axis=0)
    print(f"| all-MiniLM-L6-v2 | {hidden:.1e} | {pooled:.1e} |")


if __name__ == "__main__":
    main()
