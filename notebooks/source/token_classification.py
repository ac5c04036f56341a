# %% [markdown]
# # Find names in noisy text
#
# Named entity recognition on tweets and forum posts: which words are a person, a place, a company, a product? Such
# texts are full of typos and of names that no model has seen, so scores are far below those on news. This notebook
# fine-tunes a small encoder in a few minutes and looks at what it finds and what it misses.

# %% [markdown]
# ## Data
#
# [WNUT 2017](https://github.com/leondz/emerging_entities_17) (Derczynski et al. 2017, CC BY 4.0), in CoNLL format:
# one word and its IOB2 tag a line, a blank line between sentences. There are six entity types. CSV files, JSON lines
# with character spans, and the exports of doccano, Prodigy and Label Studio are read by the same function.

# %%
SOURCE = "https://raw.githubusercontent.com/leondz/emerging_entities_17/master"
DATA = "data/wnut17"
files = {"train": "wnut17train.conll", "dev": "emerging.dev.conll", "test": "emerging.test.annotated"}

train_rows, dev_rows, test_rows = (
    kerasft.data.read_tags(keras.utils.get_file(f"{split}.conll", f"{SOURCE}/{name}", cache_dir=".", cache_subdir=DATA))
    for split, name in files.items()
)
labels = kerasft.data.collect_tags(train_rows)
print(len(train_rows), "sentences to train on,", len(dev_rows), "to watch,", len(test_rows), "to test")
print(list(labels))

# %% [markdown]
# ## Model
#
# One label a token. Sub-words after the first of a word, special tokens and padding have sample weight 0, so neither
# the loss nor the score counts them. What matters is the F1 of whole entities, so the pipeline itself is evaluated
# after each epoch.

# %%
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
EPOCHS = 3

keras.utils.set_random_seed(0)
with strategy.scope():
    backbone, tokenizer = kerasft.load_pretrained(MODEL)
    model = kerasft.heads.token_classifier(backbone, labels)
    train = kerasft.data.token_classification(train_rows, tokenizer, labels=labels, batch_size=16, shuffle=True)
    dev = kerasft.data.token_classification(dev_rows, tokenizer, labels=labels, batch_size=64)
    model.compile(
        optimizer=kerasft.optimizers.AdamW(kerasft.optimizers.WarmupLinearDecay(3e-4, total_steps=EPOCHS * len(train))),
        loss=kerasft.losses.SparseCategoricalCrossentropy(),
        jit_compile=False,  # batches differ in length, and XLA would compile the step for each length
    )
find = kerasft.pipelines.load(kerasft.make_bundle(model, tokenizer))
entity_f1 = kerasft.callbacks.Evaluation(lambda: {"entity_f1": find.evaluate(dev_rows).metrics["entity_f1"]})
history = model.fit(
    train,
    validation_data=dev,
    epochs=EPOCHS,
    shuffle=False,
    callbacks=[entity_f1, kerasft.callbacks.TensorBoard("logs")],
)

# %%
kerasft.reports.plots.training_curves(history)

# %% [markdown]
# The validation loss is over all words, the F1 over the entities, so they need not agree: here the loss is best after
# two epochs and the F1 after three.

# %%
# %load_ext tensorboard
# %tensorboard --logdir logs

# %% [markdown]
# ## Look at the errors
#
# Exact match of whole entities on the test set, as `seqeval` counts: a right type with a wrong boundary is an error.

# %%
report = find.evaluate(test_rows)
report.metrics

# %% [markdown]
# An F1 of 0.41 on the test set, against 0.54 on the development set: the test texts come from other sites and mention
# entities that training has never seen, which is the point of this data set. Persons and locations are found best;
# products, groups and creative works are mostly missed (low recall). The token accuracy of 0.94 says little, since
# most words are outside of any entity.

# %%
kerasft.reports.table(report.per_class)

# %% [markdown]
# Some test sentences with an error: first the labels of the data set, then what the model found.

# %%
wrong = [example for example in report.examples if example["truth"] and example["predicted"]][:5]
kerasft.reports.highlight([(each["text"], each[side]) for each in wrong for side in ("truth", "predicted")])

# %% [markdown]
# ## Ask it
#
# Easier sentences. Apple, the company, is taken for a product.

# %%
texts = [
    "Taylor Swift plays in Chicago on Friday",
    "my new iphone broke after two days, thanks Apple",
    "watching Game of Thrones with Anna in Berlin",
]
kerasft.reports.highlight([(text, find(text)["entities"]) for text in texts])

# %% [markdown]
# ## Ship it
#
# The bundle, and an int8 LiteRT file for phones, which is compared with the model on test sentences. The phone's
# answers have the same character positions: the folder holds the decoding code for Android, iOS, the browser and
# Python.

# %%
bundle = kerasft.save_bundle("saved_models/entities", model, tokenizer, overwrite=True)
phone = kerasft.export.litert(bundle, quantize="int8", sequence_length=64, texts=test_rows.columns["text"][:200])
print(f"{phone['size_bytes'] / 1e6:.1f} MB, the same tag for {phone['agreement']:.1%} of the words")
