"""Write losses.json, the numbers that `test_losses.py` compares with, by PyTorch.

Runs where PyTorch is (and needs no kerasft):

    python tests/parity/make_losses.py

Cross-entropies are PyTorch's own classes. PyTorch has no focal loss: that is written here as the paper has it, with
probabilities, in float64, and differentiated by PyTorch.
"""

import json
import pathlib

import torch

HERE = pathlib.Path(__file__).parent
LOGITS = torch.tensor(
    [
        [0.3, -1.2, 2.0, 0.1],
        [5.0, -5.0, 0.0, 1.0],
        [-3.0, -3.0, -3.0, 4.0],
        [0.0, 0.0, 0.0, 0.0],
        [1.5, 1.4, -2.0, 0.7],
    ],
    dtype=torch.float64,
)
LABELS = torch.tensor([2, 1, 3, 0, 1])
MULTI_HOT = torch.tensor([[1, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 0, 0], [1, 0, 1, 0]], dtype=torch.float64)
ALPHA = torch.tensor([0.5, 2.0, 1.0, 1.5], dtype=torch.float64)
SHARES = torch.tensor([0.25, 0.5, 0.9, 0.1], dtype=torch.float64)


def case(name, values, logits, **arguments):
    """The elements' losses, and the gradient of their mean."""
    [gradient] = torch.autograd.grad(values.mean(), logits)
    return {"name": name, "arguments": arguments, "values": values.tolist(), "gradient": gradient.tolist()}


def categorical(gamma, alpha, smoothing):
    logits = LOGITS.clone().requires_grad_()
    if gamma == 0:
        loss = torch.nn.CrossEntropyLoss(weight=alpha, label_smoothing=smoothing, reduction="none")
        values = loss(logits, LABELS)
    else:
        p = torch.softmax(logits, dim=-1)
        q = (1 - smoothing) * torch.nn.functional.one_hot(LABELS, 4) + smoothing / 4
        weight = torch.ones(4) if alpha is None else alpha
        values = -(q * weight * (1 - p) ** gamma * torch.log(p)).sum(dim=-1)
    alpha = None if alpha is None else alpha.tolist()
    return case("categorical", values, logits, gamma=gamma, alpha=alpha, label_smoothing=smoothing)


def binary(gamma, alpha, smoothing):
    logits = LOGITS.clone().requires_grad_()
    q = (1 - smoothing) * MULTI_HOT + smoothing / 2
    if gamma == 0 and alpha is None:
        values = torch.nn.BCEWithLogitsLoss(reduction="none")(logits, q)
    else:
        p = torch.sigmoid(logits)
        positive, negative = (1, 1) if alpha is None else (alpha, 1 - alpha)
        values = -positive * q * (1 - p) ** gamma * torch.log(p) - negative * (1 - q) * p**gamma * torch.log(1 - p)
    alpha = None if alpha is None else alpha.tolist()
    return case("binary", values, logits, gamma=gamma, alpha=alpha, label_smoothing=smoothing)


def main():
    cases = [
        make(gamma, alpha, smoothing)
        for make, weights in ((categorical, ALPHA), (binary, SHARES))
        for gamma in (0.0, 0.5, 2.0)
        for alpha in (None, weights)
        for smoothing in (0.0, 0.1)
    ]
    inputs = {"logits": LOGITS.tolist(), "labels": LABELS.tolist(), "multi_hot": MULTI_HOT.tolist()}
    inputs["weighted_mean"] = torch.nn.CrossEntropyLoss(weight=ALPHA)(LOGITS, LABELS).item()
    (HERE / "losses.json").write_text(json.dumps({**inputs, "cases": cases}, indent=1) + "\n")


if __name__ == "__main__":
    main()
