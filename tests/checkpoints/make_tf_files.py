"""Write `tf_files.zip`: what the TensorFlow classes of transformers 4 save, beside what its PyTorch twin saves.

Run in an environment with transformers==4.57.6, tf-keras, tensorflow and torch: `python tests/checkpoints/make_tf_files.py`.
The zip holds a folder for each class with `config.json`, `tf_model.h5` (or shards) and `model.safetensors`. The twin gets
its weights by transformers' own conversion. The weights are counting numbers, so that the zip is small.
"""

import importlib
import os
import pathlib
import tempfile
import zipfile

import numpy as np

VOCABULARY = 160
ENCODER = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 12}
CONFIGS = {
    "Bert": {**ENCODER, "max_position_embeddings": 16},
    "Roberta": {**ENCODER, "max_position_embeddings": 18, "type_vocab_size": 1},
    "XLMRoberta": {**ENCODER, "max_position_embeddings": 18, "type_vocab_size": 1},
    "Electra": {**ENCODER, "max_position_embeddings": 16, "embedding_size": 6},
    "DistilBert": {"dim": 8, "n_layers": 2, "n_heads": 2, "hidden_dim": 12, "max_position_embeddings": 16},
    "GPT2": {"n_embd": 8, "n_layer": 2, "n_head": 2, "n_positions": 16},
    "T5": {"d_model": 8, "d_kv": 4, "d_ff": 12, "num_layers": 2, "num_decoder_layers": 1, "num_heads": 2},
}
CLASSES = {
    "BertModel": ("Bert", {}),
    "BertForSequenceClassification": ("Bert", {"num_labels": 3}),
    "BertForMaskedLM": ("Bert", {}),
    "BertForPreTraining": ("Bert", {}),
    "BertForTokenClassification": ("Bert", {}),
    "BertForQuestionAnswering": ("Bert", {}),
    "RobertaForSequenceClassification": ("Roberta", {}),
    "RobertaForMaskedLM": ("Roberta", {}),
    "XLMRobertaForTokenClassification": ("XLMRoberta", {}),
    "ElectraForSequenceClassification": ("Electra", {}),
    "DistilBertForSequenceClassification": ("DistilBert", {}),
    "DistilBertForMaskedLM": ("DistilBert", {}),
    "GPT2LMHeadModel": ("GPT2", {}),
    "T5ForConditionalGeneration": ("T5", {}),
    "T5ForConditionalGeneration gated": ("T5", {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}),
    "BertForSequenceClassification shards": ("Bert", {}),
}


def write(folder: pathlib.Path, name: str) -> None:
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    transformers = importlib.import_module("transformers")  # 4, which the tests' environment does not have
    convert = importlib.import_module("transformers.modeling_tf_pytorch_utils").load_tf2_model_in_pytorch_model
    family, more = CLASSES[name]
    name, _, variant = name.partition(" ")
    fields = {"vocab_size": VOCABULARY, "decoder_start_token_id": 0, **CONFIGS[family], **more}
    if family != "T5":
        fields.pop("decoder_start_token_id")
    config = getattr(transformers, f"{family}Config")(**fields)
    model = getattr(transformers, f"TF{name}")(config)
    model.build_in_name_scope()
    sizes = np.cumsum([0, *(np.prod(weight.shape, dtype=int) for weight in model.get_weights())])
    model.set_weights(
        [
            (np.arange(start, start + weight.size, dtype=np.float32) / 4096).reshape(weight.shape)
            for start, weight in zip(sizes, model.get_weights())
        ]
    )
    model.save_pretrained(folder, **({"max_shard_size": "6KB"} if variant == "shards" else {}))
    twin = getattr(transformers, name)(config)
    convert(twin, model, allow_missing_keys=False)
    twin.tie_weights()
    twin.save_pretrained(folder)


def main() -> None:
    target = pathlib.Path(__file__).with_name("tf_files.zip")
    with tempfile.TemporaryDirectory() as temporary, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in CLASSES:
            folder = pathlib.Path(temporary) / name
            write(folder, name)
            for path in sorted(folder.iterdir()):
                if (
                    path.name == "config.json"
                    or path.suffix in (".h5", ".safetensors")
                    or path.name.endswith("index.json")
                ):
                    archive.write(path, f"{name}/{path.name}")


if __name__ == "__main__":
    main()
