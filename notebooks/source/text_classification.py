# %% [markdown]
# # Which question is the customer asking?
#
# A bank's customers write "my card hasn't arrived" in a hundred ways. This notebook fine-tunes a small BERT to tell
# ten such intents apart, looks at what it confuses, and exports a file for phones. It takes a few minutes, also on a
# CPU. (In Colab: *Runtime, Change runtime type* gives you a GPU.)

# %% [markdown]
# ## Data
#
# [BANKING77](https://github.com/PolyAI-LDN/task-specific-datasets) (Casanueva et al. 2020, CC BY 4.0) has 13,083
# customer questions and 77 intents. Only the intents whose names begin with `card_` are used here: they are close to
# each other, and few enough for a quick run. For data of your own, a CSV file with one text and one label a row is
# all you need.

# %%
SOURCE = "https://raw.githubusercontent.com/PolyAI-LDN/task-specific-datasets/master/banking_data"
DATA = "data/banking77"


def read(split):
    file = keras.utils.get_file(f"{split}.csv", f"{SOURCE}/{split}.csv", cache_dir=".", cache_subdir=DATA)
    rows = kerasft.data.read_rows(file, columns)
    return rows.take([i for i, intent in enumerate(rows.columns["category"]) if intent.startswith("card_")])


columns = {"text": "text", "label": "category"}
train_rows, dev_rows, _ = kerasft.data.split(read("train"), dev=0.1, columns=columns)
test_rows = read("test")
labels = kerasft.data.collect_labels(train_rows, columns=columns)
print(f"{len(train_rows)} rows to train on, {len(dev_rows)} to watch, {len(test_rows)} to test; {len(labels)} labels")
kerasft.reports.table([{name: train_rows.columns[name][i] for name in columns.values()} for i in range(5)])

# %% [markdown]
# ## Model
#
# `load_pretrained` reads a Hugging Face checkpoint (or a folder, or a KerasHub preset); the head extends its graph.
# The result is an ordinary functional `keras.Model`, and the datasets are ordinary `tf.data`: `compile` and `fit` are
# Keras' own.

# %%
MODEL = "sentence-transformers/all-MiniLM-L6-v2"  # 22 M parameters; bert-base-uncased works the same way
EPOCHS = 5

keras.utils.set_random_seed(0)
with strategy.scope():
    backbone, tokenizer = kerasft.load_pretrained(MODEL)
    model = kerasft.heads.text_classifier(backbone, labels)
    options = {"labels": labels, "columns": columns, "max_length": 64}
    train = kerasft.data.text_classification(train_rows, tokenizer, batch_size=16, shuffle=True, **options)
    dev = kerasft.data.text_classification(dev_rows, tokenizer, batch_size=64, **options)
    model.compile(
        optimizer=kerasft.optimizers.AdamW(kerasft.optimizers.WarmupLinearDecay(2e-4, total_steps=EPOCHS * len(train))),
        loss=kerasft.losses.SparseCategoricalCrossentropy(),  # of logits, as all heads return them
        metrics=["accuracy"],
        jit_compile=False,  # batches differ in length, and XLA would compile the step for each length
    )
history = model.fit(
    train, validation_data=dev, epochs=EPOCHS, shuffle=False, callbacks=[kerasft.callbacks.TensorBoard("logs")]
)

# %%
kerasft.reports.plots.training_curves(history)

# %% [markdown]
# After the second epoch the validation loss rises while the accuracy stays: the model becomes more confident, also
# where it is wrong. Two or three epochs would do.

# %%
# The same curves and more in TensorBoard, here in the notebook.
# %load_ext tensorboard
# %tensorboard --logdir logs

# %% [markdown]
# ## Look at the errors
#
# A bundle is one folder with model, tokenizer and settings. The pipeline loads it and evaluates it on the test rows,
# which nothing was chosen on.

# %%
bundle = kerasft.save_bundle("saved_models/cards", model, tokenizer, max_length=64, overwrite=True)
classify = kerasft.pipelines.load(bundle)
report = classify.evaluate(test_rows, columns=columns)
report.metrics

# %% [markdown]
# 386 of 400 test questions are correct. The matrix shows where the others are: half of them are mix-ups of
# `card_arrival` ("where is my card?") and `card_delivery_estimate` ("how long does it take?"), which people mix up
# too.

# %%
kerasft.reports.plots.confusion_matrix(report.confusion_matrix, labels)

# %% [markdown]
# The most confident mistakes. Some could as well be errors of the labels.

# %%
kerasft.reports.table(report.errors[:8], ["text", "truth", "predicted", "confidence"])

# %% [markdown]
# ## Ask it

# %%
questions = ["The machine ate my card!", "I paid abroad and the rate was bad", "When will my new card be here?"]
kerasft.reports.table([{"question": question, **classify(question)} for question in questions])

# %% [markdown]
# ## Ship it
#
# An int8 LiteRT file for phones. The written file is loaded again and compared with the model on the test questions;
# a file that loses more than a point of accuracy would be refused. [mobile.ipynb](mobile.ipynb) continues from here,
# and [serving.ipynb](serving.ipynb) shows the way to a server.

# %%
texts, classes = kerasft.data.texts_and_labels(test_rows, labels=labels, columns=columns)
phone = kerasft.export.litert(bundle, quantize="int8", sequence_length=64, texts=texts, gold=classes)
print(f"{phone['size_bytes'] / 1e6:.1f} MB, the same label as the model for {phone['agreement']:.1%} of the questions")
print(f"accuracy {phone['score']['keras']:.3f} of the model, {phone['score']['artifact']:.3f} of the file")
