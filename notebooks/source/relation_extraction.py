# %% [markdown]
# # What has the one to do with the other?
#
# Relation extraction decides how two marked entities of a sentence are related: cause and effect, part and whole,
# content and container, or not at all. Its answers are the edges of a knowledge graph.

# %% [markdown]
# ## Data
#
# [SemEval-2010 task 8](https://semeval2.fbk.eu/semeval2.php?location=tasks&taskid=11) (Hendrickx et al. 2010, CC BY
# 3.0): nine relations with their direction, and *Other*. Put `train.jsonl` and `test.jsonl` into the folder `DATA`,
# one line a sentence: `{"text": "The <e1>child</e1> was wrapped into the <e2>cradle</e2>.", "label": "Other"}`.
# Training uses 3,040 of the 8,000 sentences, so that a CPU is enough.

# %%
DATA = "data/semeval2010_task8"

all_rows = kerasft.data.read_rows(f"{DATA}/train.jsonl")
test_rows = kerasft.data.read_rows(f"{DATA}/test.jsonl")
train_rows, dev_rows, _ = kerasft.data.split(all_rows, dev=0.05)
train_rows = kerasft.data.sample(train_rows, len(train_rows) * 2 // 5)
labels = kerasft.data.collect_labels(train_rows)
print(
    f"{len(train_rows)} sentences to train on, {len(dev_rows)} to watch, {len(test_rows)} to test; {len(labels)} labels"
)
kerasft.reports.table([{name: train_rows.columns[name][i] for name in ("text", "label")} for i in range(5)])

# %% [markdown]
# ## Model
#
# The markers around the entities become tokens of the vocabulary, and the head reads the states of the two opening
# markers ("entity start", Baldini Soares et al. 2019).

# %%
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
EPOCHS = 3

keras.utils.set_random_seed(0)
with strategy.scope():
    backbone, tokenizer = kerasft.load_pretrained(MODEL)
    backbone, tokenizer = kerasft.vocabulary.add_tokens(backbone, tokenizer, kerasft.data.ENTITY_MARKERS, special=True)
    model = kerasft.heads.relation_classifier(backbone, labels, markers=kerasft.data.marker_ids(tokenizer))
    train = kerasft.data.relation_extraction(train_rows, tokenizer, labels=labels, batch_size=16, shuffle=True)
    dev = kerasft.data.relation_extraction(dev_rows, tokenizer, labels=labels, batch_size=64)
    model.compile(
        optimizer=kerasft.optimizers.AdamW(kerasft.optimizers.WarmupLinearDecay(2e-4, total_steps=EPOCHS * len(train))),
        loss=kerasft.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
        jit_compile=False,  # batches differ in length, and XLA would compile the step for each length
    )
history = model.fit(
    train, validation_data=dev, epochs=EPOCHS, shuffle=False, callbacks=[kerasft.callbacks.TensorBoard("logs")]
)

# %%
kerasft.reports.plots.training_curves(history)

# %%
# %load_ext tensorboard
# %tensorboard --logdir logs

# %% [markdown]
# ## Look at the errors
#
# The official score is `relation_f1_macro`: the mean F1 of the nine relations, with their direction, without *Other*.

# %%
settings = {"negative_label": kerasft.data.negative_label(labels)}
bundle = kerasft.save_bundle("saved_models/relations", model, tokenizer, settings=settings, overwrite=True)
relate = kerasft.pipelines.load(bundle)
report = relate.evaluate(test_rows)
report.metrics

# %%
kerasft.reports.plots.confusion_matrix(report.confusion_matrix, labels)

# %%
kerasft.reports.table(report.errors[:8], ["text", "truth", "predicted", "confidence"])

# %% [markdown]
# ## Ask it

# %%
sentences = [
    "The <e1>fire</e1> was caused by a faulty <e2>cable</e2>.",
    "She put the <e1>keys</e1> into her <e2>bag</e2>.",
    "The <e1>wheel</e1> of the <e2>bicycle</e2> is bent.",
]
answers = relate(sentences)
kerasft.reports.table(
    [{"sentence": text, **answer} for text, answer in zip(sentences, answers)], ["sentence", "label", "score"]
)

# %% [markdown]
# ## Ship it
#
# The bundle, and an int8 LiteRT file for phones that is compared with the model on test sentences. `kerasft graph`
# uses such a bundle to make a knowledge graph of documents.

# %%
pairs, _ = kerasft.data.entity_pairs(test_rows)
phone = kerasft.export.litert(bundle, quantize="int8", sequence_length=128, texts=test_rows.columns["text"][:200])
print(f"{phone['size_bytes'] / 1e6:.1f} MB, the same relation for {phone['agreement']:.1%} of the sentences")
