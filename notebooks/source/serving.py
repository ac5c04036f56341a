# %% [markdown]
# # From a Keras model to a server
#
# TensorFlow Serving answers requests over HTTP and gRPC, with batching and versions, and needs no Python. This
# notebook exports a classifier as a SavedModel whose graph contains the tokenizer, so that a client sends plain
# strings.

# %% [markdown]
# ## A model to export
#
# The classifier of [text_classification.ipynb](text_classification.ipynb), trained for two epochs only: intents of
# [BANKING77](https://github.com/PolyAI-LDN/task-specific-datasets) (Casanueva et al. 2020, CC BY 4.0) whose names
# begin with `card_`. If you have a bundle already, set `bundle` to its folder and skip the training.

# %%
SOURCE = "https://raw.githubusercontent.com/PolyAI-LDN/task-specific-datasets/master/banking_data"
DATA = "data/banking77"
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
columns = {"text": "text", "label": "category"}


def read(split):
    file = keras.utils.get_file(f"{split}.csv", f"{SOURCE}/{split}.csv", cache_dir=".", cache_subdir=DATA)
    rows = kerasft.data.read_rows(file, columns)
    return rows.take([i for i, intent in enumerate(rows.columns["category"]) if intent.startswith("card_")])


train_rows, test_rows = read("train"), read("test")
labels = kerasft.data.collect_labels(train_rows, columns=columns)

keras.utils.set_random_seed(0)
with strategy.scope():
    backbone, tokenizer = kerasft.load_pretrained(MODEL)
    model = kerasft.heads.text_classifier(backbone, labels)
    train = kerasft.data.text_classification(
        train_rows, tokenizer, labels=labels, columns=columns, max_length=64, batch_size=16, shuffle=True
    )
    model.compile(
        optimizer=kerasft.optimizers.AdamW(kerasft.optimizers.WarmupLinearDecay(3e-4, total_steps=2 * len(train))),
        loss=kerasft.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
        jit_compile=False,  # batches differ in length, and XLA would compile the step for each length
    )
model.fit(train, epochs=2, shuffle=False)
bundle = kerasft.save_bundle("saved_models/cards", model, tokenizer, max_length=64, overwrite=True)

# %% [markdown]
# ## Export and verify
#
# TensorFlow Serving expects a folder for the model and in it one for each version: `models/cards/1`. The export is
# loaded again and compared with the Keras model on the test questions; `strings_max_difference` compares its two
# signatures.

# %%
texts, classes = kerasft.data.texts_and_labels(test_rows, labels=labels, columns=columns)
report = kerasft.export.saved_model(bundle, "models/cards/1", texts=texts, gold=classes)
names = ("num_texts", "size_bytes", "max_difference", "strings_max_difference", "agreement", "score", "latency_ms")
kerasft.reports.table([{"measured": name, "value": report[name]} for name in names])

# %% [markdown]
# ## Signatures
#
# `serving_default` takes token ids, for clients that tokenize themselves; `serve_texts` takes strings. In Python,
# `tensorflow_text` must be imported before a graph with a tokenizer is loaded.

# %%
import tensorflow_text  # registers the tokenizer's operations

loaded = tf.saved_model.load("models/cards/1")
rows = []
for name, signature in loaded.signatures.items():
    inputs, outputs = signature.structured_input_signature[1], signature.structured_outputs
    shown = (
        ", ".join(f"{key} {spec.dtype.name} {spec.shape}" for key, spec in part.items()) for part in (inputs, outputs)
    )
    rows.append(dict(zip(("signature", "inputs", "outputs"), (name, *shown))))
kerasft.reports.table(rows)

# %% [markdown]
# ## Start the server
#
# With Docker, in a shell beside the folder `models` (not run here, because Colab has no Docker):
#
# ```bash
# docker run -p 8501:8501 -v "$PWD/models/cards:/models/cards" -e MODEL_NAME=cards tensorflow/serving
# ```
#
# ## The request
#
# `POST http://localhost:8501/v1/models/cards:predict` with this JSON. The response has an entry for each output; here
# the loaded SavedModel computes it, in the same format.

# %%
import json

questions = ["The machine ate my card!", "I paid abroad and the rate was bad"]
request = {"signature_name": "serve_texts", "inputs": {"texts": questions}}
outputs = loaded.signatures["serve_texts"](texts=tf.constant(questions))
response = {"outputs": {name: value.numpy().round(4).tolist() for name, value in outputs.items()}}
print(json.dumps(request, indent=1))
print(json.dumps(response))

# %% [markdown]
# The probabilities are in the order of `labels.txt` in the export's folder:

# %%
answers = [labels[max(range(len(row)), key=row.__getitem__)] for row in response["outputs"]["probability"]]
kerasft.reports.table([{"text": text, "label": label} for text, label in zip(questions, answers)])

# %% [markdown]
# A client in Python, with the standard library:
#
# ```python
# import json, urllib.request
#
# call = urllib.request.Request("http://localhost:8501/v1/models/cards:predict", json.dumps(request).encode())
# response = json.load(urllib.request.urlopen(call))
# ```
#
# ## How fast it answers
#
# Strings in, probabilities out, on this machine's processor. A server gains by batches: with many clients, start it
# with `--enable_batching`.

# %%
import time

import matplotlib.pyplot as plt

sizes, rates = (1, 4, 16, 64), []
for size in sizes:
    batch = tf.constant((texts * 64)[:size])
    loaded.signatures["serve_texts"](texts=batch)  # the first call of a shape is slower
    start = time.perf_counter()
    for _ in range(5):
        loaded.signatures["serve_texts"](texts=batch)
    rates.append(5 * size / (time.perf_counter() - start))
figure, panel = plt.subplots(figsize=(4.5, 2.4), layout="constrained")
panel.bar_label(panel.bar([str(size) for size in sizes], rates, color="#2b5fa8"), fmt="%.0f", padding=2)
panel.set(xlabel="texts in a request", ylabel="texts a second", ylim=(0, 1.2 * max(rates)))
panel.spines[["top", "right"]].set_visible(False)
