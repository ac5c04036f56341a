# %% [markdown]
# # Adapt an encoder to the language of your domain
#
# Masked language modeling hides some words of a text and trains the model to predict them. It needs no labels. A
# model that has read your texts is a better start for classification, tagging or search on such texts.

# %% [markdown]
# ## Data
#
# The questions of [BANKING77](https://github.com/PolyAI-LDN/task-specific-datasets) (Casanueva et al. 2020, CC BY
# 4.0) without their labels: 5,000 to train on, the test questions to measure.

# %%
SOURCE = "https://raw.githubusercontent.com/PolyAI-LDN/task-specific-datasets/master/banking_data"
DATA = "data/banking77"

train_texts, test_texts = (
    kerasft.data.read_texts(
        keras.utils.get_file(f"{split}.csv", f"{SOURCE}/{split}.csv", cache_dir=".", cache_subdir=DATA),
        columns={"text": "text"},
    )
    for split in ("train", "test")
)
train_texts = train_texts[:: max(1, len(train_texts) // 5000)]
print(len(train_texts), "questions to train on,", len(test_texts), "to measure")

# %% [markdown]
# ## Model
#
# The output matrix is the token embedding ("tied"). This checkpoint is a sentence encoder and was published without
# its head for masked words, so the head's dense layer starts at random and the perplexity before training is very
# high; of `bert-base-uncased` the published head is loaded.
#
# 15 % of the words are masked. While training, other words are masked in every epoch; on the test questions always
# the same.

# %%
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
EPOCHS = 2

keras.utils.set_random_seed(0)
with strategy.scope():
    backbone, tokenizer = kerasft.load_pretrained(MODEL)
    model = kerasft.heads.masked_lm(backbone)
    options = {"masking": kerasft.data.Masking(rate=0.15, whole_words=True), "max_length": 64}
    train = kerasft.data.masked_lm(train_texts, tokenizer, batch_size=32, shuffle=True, **options)
    test = kerasft.data.masked_lm(test_texts, tokenizer, batch_size=64, **options)
    model.compile(
        optimizer=kerasft.optimizers.AdamW(kerasft.optimizers.WarmupLinearDecay(3e-4, total_steps=EPOCHS * len(train))),
        loss=kerasft.losses.SparseCategoricalCrossentropy(),
        weighted_metrics=[kerasft.metrics.Perplexity()],
        jit_compile=False,  # batches differ in length, and XLA would compile the step for each length
    )
before = model.evaluate(test, return_dict=True, verbose=0)
history = model.fit(
    train, validation_data=test, epochs=EPOCHS, shuffle=False, callbacks=[kerasft.callbacks.TensorBoard("logs")]
)
after = history.history["val_perplexity"][-1]
print(f"perplexity of masked words: {before['perplexity']:,.0f} before, {after:,.1f} after")

# %%
kerasft.reports.plots.training_curves(history)

# %%
# %load_ext tensorboard
# %tensorboard --logdir logs

# %% [markdown]
# ## Look at the errors
#
# Some test questions: what was masked, and what the model predicts there.

# %%
bundle = kerasft.save_bundle("saved_models/banking_language", model, tokenizer, max_length=64, overwrite=True)
fill = kerasft.pipelines.load(bundle)
report = fill.evaluate(test_texts)
report.metrics

# %%
kerasft.reports.table(report.samples[:8])

# %% [markdown]
# ## Ask it

# %%
texts = ["My [MASK] has not arrived yet.", "I forgot my [MASK].", "Why was I charged a [MASK] for this transfer?"]
answers = fill(texts, top_k=4)
words = [", ".join(f"{each['token']} {each['score']:.2f}" for each in answer["masks"][0]) for answer in answers]
kerasft.reports.table([{"text": text, "most likely": likely} for text, likely in zip(texts, words)])

# %% [markdown]
# ## Ship it
#
# The bundle is the start of the next training: `kerasft.load_pretrained("saved_models/banking_language")` returns its
# backbone and tokenizer for every other head. For other libraries it is written as a Hugging Face folder.

# %%
folder = kerasft.checkpoints.save_huggingface("banking_language", model, tokenizer)
kerasft.reports.table([{"file": file.name, "MB": file.stat().st_size / 1e6} for file in sorted(folder.iterdir())])
