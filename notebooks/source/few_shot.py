# %% [markdown]
# # Classify with eight examples a class
#
# Labels are expensive. Few-shot training (the idea of SetFit, Tunstall et al. 2022) first fine-tunes a sentence
# embedder on pairs of the few examples, then fits a logistic regression on their vectors. The result is an ordinary
# text classifier.

# %% [markdown]
# ## Data
#
# [BANKING77](https://github.com/PolyAI-LDN/task-specific-datasets) (Casanueva et al. 2020, CC BY 4.0): 77 intents of
# a bank's customers. Eight questions of each are the training set, all 3,080 test questions measure it.

# %%
SOURCE = "https://raw.githubusercontent.com/PolyAI-LDN/task-specific-datasets/master/banking_data"
DATA = "data/banking77"
columns = {"text": "text", "label": "category"}

train_rows, test_rows = (
    kerasft.data.read_rows(
        keras.utils.get_file(f"{split}.csv", f"{SOURCE}/{split}.csv", cache_dir=".", cache_subdir=DATA), columns
    )
    for split in ("train", "test")
)
examples, _ = kerasft.data.draw_examples(train_rows, per_class=8, columns=columns)
labels = kerasft.data.collect_labels(examples, columns=columns)
texts, classes = kerasft.data.texts_and_labels(examples, labels=labels, columns=columns)
print(len(texts), "examples of", len(labels), "classes")

# %% [markdown]
# ## Train the embedder
#
# Each example is paired with four others of its class; the other texts of a batch are the negatives.

# %%
MODEL = "sentence-transformers/all-MiniLM-L6-v2"

keras.utils.set_random_seed(0)
pairs, groups = kerasft.data.class_pairs(texts, classes, per_text=4)
with strategy.scope():
    backbone, tokenizer = kerasft.load_pretrained(MODEL)
    embedder = kerasft.heads.sentence_embedding(backbone, pooling="mean", normalize=False)
    train = kerasft.data.pair_dataset(pairs, tokenizer, y=groups, max_length=64, batch_size=32, shuffle=True)
    embedder.compile(
        optimizer=kerasft.optimizers.AdamW(kerasft.optimizers.WarmupLinearDecay(6e-5, total_steps=2 * len(train))),
        loss=kerasft.losses.MultipleNegativesRanking(),
        jit_compile=False,  # batches differ in length, and XLA would compile the step for each length
    )
history = embedder.fit(train, epochs=2, shuffle=False, callbacks=[kerasft.callbacks.TensorBoard("logs")])

# %%
kerasft.reports.plots.training_curves(history)

# %%
# %load_ext tensorboard
# %tensorboard --logdir logs

# %% [markdown]
# ## Fit the head
#
# A logistic regression on the examples' vectors becomes the weights of the output layer.

# %%
from sklearn.linear_model import LogisticRegression

embed = kerasft.pipelines.load(kerasft.make_bundle(embedder, tokenizer, max_length=64)).embed
head = LogisticRegression(max_iter=1000).fit(embed(texts), classes)
model = kerasft.heads.text_classifier(backbone, labels, pooling="mean")
model.get_layer("logits").set_weights([head.coef_.T, head.intercept_])

# %% [markdown]
# ## Look at the errors

# %%
bundle = kerasft.save_bundle("saved_models/few_shot", model, tokenizer, max_length=64, overwrite=True)
classify = kerasft.pipelines.load(bundle)
report = classify.evaluate(test_rows, columns=columns)
report.metrics

# %%
kerasft.reports.table(report.confused_pairs[:8])

# %%
kerasft.reports.table(report.errors[:8], ["text", "truth", "predicted", "confidence"])

# %% [markdown]
# ## Ask it

# %%
classify("I lost my wallet on holiday, and somebody is using my card", top_k=3)

# %% [markdown]
# ## Ship it

# %%
questions, expected = kerasft.data.texts_and_labels(test_rows, labels=labels, columns=columns)
phone = kerasft.export.litert(bundle, quantize="int8", sequence_length=64, texts=questions[:500], gold=expected[:500])
print(f"{phone['size_bytes'] / 1e6:.1f} MB, the same label as the model for {phone['agreement']:.1%} of the questions")
print(f"accuracy {phone['score']['keras']:.3f} of the model, {phone['score']['artifact']:.3f} of the file")
