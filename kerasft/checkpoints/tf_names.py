"""Variable names of the TensorFlow classes of transformers 4 -> tensor names in PyTorch files.

They follow PyTorch's modules, with `/` for `.`, `_._` for a list index and `a___b` for the module `b`, and end in Keras' variable
name. (https://github.com/huggingface/transformers/blob/v4.57.6/src/transformers/modeling_tf_pytorch_utils.py)
"""

import re

_LAST = {"kernel": "weight", "embeddings": "weight", "gamma": "weight", "beta": "bias"}


def torch_name(variable: str) -> tuple[str, bool]:
    """Convert a variable name to a tensor name.

    Args:
        variable: The name without the model's, with or without `:0`.

    Returns:
        `(name, transposed)`: a Keras kernel is the transpose of PyTorch's weight.

    Example:

    >>> torch_name("bert/encoder/layer_._0/output/dense/kernel:0")
    ('bert.encoder.layer.0.output.dense.weight', True)
    >>> torch_name("mlm___cls/predictions/bias:0")
    ('cls.predictions.bias', False)
    """
    parts = re.sub(r":\d+$", "", variable).replace("_._", "/").split("/")
    parts = [part.rsplit("___", 1)[-1] for part in parts if part]
    transposed = parts[-1:] == ["kernel"]
    return ".".join([*parts[:-1], *(_LAST.get(part, part) for part in parts[-1:])]), transposed
