"""Loading takes little more memory than the model: each tensor is read, assigned and dropped before the next."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests import tiny

# 90 to 140 MB; the table of tokens is a fifth of it as in BERT-base, or half of it as in MiniLM. What is there twice for a
# moment is the largest tensor. The graph of a layer takes 2 MB more, whatever its width is.
SIZES = {"num_attention_heads": 12, "max_position_embeddings": 128}
SHAPES = {
    "bert-base": {"hidden_size": 768, "intermediate_size": 3072, "vocab_size": 8000, "num_hidden_layers": 4},
    "minilm": {"hidden_size": 384, "intermediate_size": 1536, "vocab_size": 30522, "num_hidden_layers": 6},
}
LIMIT = 1.3
_SCRIPT = """
import json, sys, warnings
import keras
import kerasft

def memory(field):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(field + ":"))

small, large = sys.argv[1:]
kerasft.load_pretrained(small)  # what every first load brings along: libraries, and TensorFlow's own start-up
before = memory("VmRSS")
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")  # VmHWM starts again from what is there now
model, _ = kerasft.load_pretrained(large)
peak = memory("VmHWM")
size = sum(weight.numpy().nbytes for weight in model.weights)
print(json.dumps({"before": before, "peak": peak, "size": size}))
"""


@pytest.mark.parametrize("shape", SHAPES)
def test_the_peak_is_at_most_1_3_times_the_model(tmp_path, shape):
    clear = pathlib.Path("/proc/self/clear_refs")
    if not clear.exists():
        pytest.skip("the peak of one part of a process can only be measured where /proc/self/clear_refs is (Linux)")
    small, large = tiny.bert_folder(tmp_path / "small"), tiny.bert_folder(tmp_path / "large")
    config = json.loads((large / "config.json").read_text()) | SIZES | SHAPES[shape]
    (large / "config.json").write_text(json.dumps(config))
    tensors = {name: np.full(value.shape, 0.01, "float32") for name, value in tiny.bert_tensors(config).items()}
    save_file(tensors, large / "model.safetensors")
    expected = sum(value.nbytes for value in tensors.values())
    del tensors

    command = [sys.executable, "-c", _SCRIPT, str(small), str(large)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=pathlib.Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout.splitlines()[-1])
    assert measured["size"] == expected > 60e6
    growth = (measured["peak"] - measured["before"]) / expected
    assert 0.5 < growth <= LIMIT, f"{growth:.2f} times the model: {measured}"
