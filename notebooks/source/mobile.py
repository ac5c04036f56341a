# %% [markdown]
# # From a Keras model to a phone
#
# A fine-tuned encoder in float32 is too large for an app and slow on a phone's processor. This notebook exports one
# classifier three times (float32, float16, int8), checks that each file answers as the Keras model does, and measures
# size and latency.

# %% [markdown]
# ## A model to export
#
# The classifier of [text_classification.ipynb](text_classification.ipynb), trained for two epochs only: intents of
# [BANKING77](https://github.com/PolyAI-LDN/task-specific-datasets) (Casanueva et al. 2020, CC BY 4.0) whose names
# begin with `card_`, ten of them, so guessing is right once in ten times. If you have a bundle already, set `bundle` to
# its folder and skip the training.

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
# Each export is loaded again in the LiteRT interpreter and answers all test questions. It is kept only if it needs no
# operations beyond the built-in ones, answers as the model does, and loses no more than one point of accuracy.
# `agreement` is the share of the 400 test questions with the same label as the Keras model's.

# %%
texts, classes = kerasft.data.texts_and_labels(test_rows, labels=labels, columns=columns)
exports = {
    name: kerasft.export.litert(bundle, quantize=quantize, sequence_length=64, texts=texts, gold=classes)
    for name, quantize in {"float32": None, "float16": "float16", "int8": "int8"}.items()
}
rows = [
    {
        "export": name,
        "MB": export["size_bytes"] / 1e6,
        "accuracy": export["score"]["artifact"],
        "accuracy of the Keras model": export["score"]["keras"],
        "agreement": export["agreement"],
    }
    for name, export in exports.items()
]
kerasft.reports.table(rows)

# %% [markdown]
# ## Latency
#
# One question of 64 tokens at a time, on this machine's processor with one thread. A phone's numbers are its own:
# [docs/benchmark.md](../docs/benchmark.md) has the commands that measure on an Android phone.

# %%
for row in rows:
    (latency,) = kerasft.export.measure_latency(exports[row["export"]]["folder"], threads=[1])
    row["ms"] = latency["median_ms"]
kerasft.reports.table(rows, ["export", "MB", "ms"])

# %%
import matplotlib.pyplot as plt

figure, panels = plt.subplots(1, 2, figsize=(7, 2.2), layout="constrained")
for panel, unit, title in zip(panels, ("MB", "ms"), ("size in MB", "median latency in ms")):
    bars = panel.barh([row["export"] for row in rows], [row[unit] for row in rows], color="#2b5fa8")
    panel.bar_label(bars, fmt="%.1f", padding=3)
    panel.set(title=title, xlim=(0, 1.2 * max(row[unit] for row in rows)))
    panel.invert_yaxis()  # the first row on top, as in the table
    panel.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# int8 is a quarter of the size of float32, and here hardly faster: the run saved here was on a processor (x86 with
# AVX2, no more) without instructions for dot products of int8. Recent phones and servers have them;
# on a Xeon with them the same encoder took 5 ms in int8 and 25 ms in float32, for 128 tokens
# ([docs/results.md](../docs/results.md)). float16 halves the file, not the time: the weights are made float32 again
# when the file is loaded.

# %% [markdown]
# ## Where the time goes
#
# LiteRT's own profiler says which kernels of the int8 file take how long: nearly all are matrix products with the
# weights ("Fully Connected").

# %%
measured = kerasft.measuring.measure_litert(f"{exports['int8']['folder']}/model.tflite", threads=[1])
kerasft.reports.table(measured["kernels"][:6], ["kernel", "ms"])

# %% [markdown]
# ## What is in the folder
#
# Not only the file: also the tokenizer, the labels, golden answers that an app's own test compares with, and code for
# Android (Kotlin), iOS (Swift), the browser and Python.

# %%
import pathlib

folder = pathlib.Path(exports["int8"]["folder"])
sizes = {
    path.name: sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file())
    for path in sorted(folder.iterdir())
}
kerasft.reports.table([{"name": name, "kB": size / 1000} for name, size in sizes.items()])

# %% [markdown]
# The Python runner needs `numpy` and `ai-edge-litert` only, no TensorFlow. First one question, then the golden
# answers:

# %%
# !python {folder}/python/kerasft_runner.py {folder} "The machine ate my card!"
# !python {folder}/python/kerasft_runner.py {folder} --golden

# %% [markdown]
# ## Next
#
# [docs/mobile.md](../docs/mobile.md) explains int4, full-integer int8 and several sequence lengths in one file;
# [docs/android.md](../docs/android.md), [docs/ios.md](../docs/ios.md) and [docs/browser.md](../docs/browser.md) show
# the sample apps.
