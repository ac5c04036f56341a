"""Names of variables of the TensorFlow classes of transformers 4 -> names of tensors in PyTorch files.

They follow PyTorch's modules, with `/` for `.`, `_._` for a member of a list and `a___b` for the module `b`; the last part is
Keras' name of the variable. (https://github.com/huggingface/transformers/blob/v4.57.6/src/transformers/modeling_tf_pytorch_utils.py)
"""

import re

_LAST = {"kernel": "weight", "embeddings": "weight", "gamma": "weight", "beta": "bias"}


def torch_name(variable: str) -> tuple[str, bool]:
    """Translate a name.

    Args:
        variable: Without the name of the model, with or without `:0`.

    Returns:
        `(name, transposed)`: a Keras kernel is the transposed of PyTorch's weight.

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
