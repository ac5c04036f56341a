"""Make adamw.json with PyTorch: six updates by `torch.optim.AdamW` after `clip_grad_norm_`.

Run in an environment that has torch: python tests/parity/make_adamw.py
"""

import json
from pathlib import Path

import numpy as np
import torch

STEPS, GLOBAL_CLIPNORM, WEIGHT_DECAY, EPSILON = 6, 1.0, 0.1, 1e-3
SHAPES = {"table": (7, 3), "kernel": (3, 4), "bias": (4,)}


def main() -> None:
    rng = np.random.default_rng(0)
    initial = {name: rng.normal(size=shape).astype("float32") for name, shape in SHAPES.items()}
    parameters = {name: torch.nn.Parameter(torch.tensor(value)) for name, value in initial.items()}
    groups = [
        {"params": [parameters["table"], parameters["kernel"]], "weight_decay": WEIGHT_DECAY},
        {"params": [parameters["bias"]], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1.0, betas=(0.9, 0.99), eps=EPSILON)
    steps = []
    for step in range(STEPS):
        size = 0.05 if step % 3 == 2 else 1.0  # every third step stays below the clip
        rows = rng.integers(0, 4, 5)  # some rows repeat, rows 4 to 6 get no gradient
        values = (size * rng.normal(size=(5, 3))).astype("float32")
        gradients = {name: (size * rng.normal(size=SHAPES[name])).astype("float32") for name in ("kernel", "bias")}
        table = torch.zeros(SHAPES["table"]).index_add_(0, torch.tensor(rows), torch.tensor(values))
        for name, gradient in {**gradients, "table": table}.items():
            parameters[name].grad = torch.as_tensor(gradient).clone()
        norm = torch.nn.utils.clip_grad_norm_(list(parameters.values()), GLOBAL_CLIPNORM)
        rate = 0.01 * (step + 1)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        steps.append(
            {
                "rate": rate,
                "rows": rows.tolist(),
                "values": values.tolist(),
                **{name: gradient.tolist() for name, gradient in gradients.items()},
                "norm": norm.item(),
                "weights": {name: parameter.detach().numpy().tolist() for name, parameter in parameters.items()},
            }
        )
    options = {"weight_decay": WEIGHT_DECAY, "epsilon": EPSILON, "beta_2": 0.99, "global_clipnorm": GLOBAL_CLIPNORM}
    made = {"torch": torch.__version__, "options": options, "steps": steps}
    made["initial"] = {name: value.tolist() for name, value in initial.items()}
    Path(__file__).with_name("adamw.json").write_text(json.dumps(made) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
