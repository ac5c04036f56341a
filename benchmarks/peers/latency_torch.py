"""The peers' side of `litert_vs_peers.py`: PyTorch and ONNX Runtime on the same weights. Needs torch, transformers, onnx,
onnxruntime and onnxscript.

The ONNX graph is PyTorch's export with free sizes, quantised by ONNX Runtime's `quantize_dynamic`; `fused` is the same after
its own BERT optimiser (one Attention operator a block). PyTorch int8 is `torch.ao.quantization.quantize_dynamic` of all Linear.
"""

import pathlib
import tempfile

import onnx
import onnxruntime
import torch
from latency import serve
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers import optimizer
from transformers import AutoModelForSequenceClassification

NAMES = {"input_ids": "token_ids", "attention_mask": "padding_mask", "token_type_ids": "segment_ids"}


def open_models(job: dict, threads: int) -> dict:
    torch.set_num_threads(threads)
    model = load(job["model"], "sdpa")
    int8 = torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)
    folder = pathlib.Path(job["folder"])
    if not (folder / "fused_int8.onnx").exists():
        write_onnx(job, folder)
    return {
        "ONNX Runtime int8": session(folder / "int8.onnx", threads),
        "ONNX Runtime int8, fused": session(folder / "fused_int8.onnx", threads),
        "PyTorch int8": torch_model(int8),
        "PyTorch float32": torch_model(model),
    }


def load(folder: str, attention: str) -> torch.nn.Module:
    return AutoModelForSequenceClassification.from_pretrained(folder, attn_implementation=attention).eval()


def write_onnx(job: dict, folder: pathlib.Path) -> None:
    model = load(job["model"], "eager")  # the optimiser knows this form of attention
    example = {name: torch.ones((1, 16), dtype=torch.int64) for name in NAMES}
    with tempfile.TemporaryDirectory() as temporary:
        plain, fused = str(pathlib.Path(temporary, "plain.onnx")), str(pathlib.Path(temporary, "fused.onnx"))
        axes = {name: {0: "batch", 1: "length"} for name in NAMES}
        torch.onnx.export(
            model,
            tuple(example.values()),
            plain,
            input_names=list(NAMES),
            output_names=["logits"],
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
        sizes = {"num_heads": model.config.num_attention_heads, "hidden_size": model.config.hidden_size}
        optimizer.optimize_model(plain, model_type="bert", **sizes).save_model_to_file(fused)
        options = {"DefaultTensorType": onnx.TensorProto.FLOAT}  # shapes are not inferred through fused operators
        for source, target in ((plain, "int8.onnx"), (fused, "fused_int8.onnx")):
            quantize_dynamic(source, folder / target, weight_type=QuantType.QInt8, extra_options=options)


def session(path: pathlib.Path, threads: int):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    opened = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(inputs):
        return opened.run(["logits"], {name: inputs[ours].astype("int64") for name, ours in NAMES.items()})[0]

    return run


def torch_model(model: torch.nn.Module):
    def run(inputs):
        with torch.inference_mode():
            return model(**{name: torch.from_numpy(inputs[ours]) for name, ours in NAMES.items()}).logits.numpy()

    return run


if __name__ == "__main__":
    serve(open_models)
