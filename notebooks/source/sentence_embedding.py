# %% [markdown]
# # Find the right answer by meaning
#
# A sentence embedder turns a text into a vector; texts that mean the same have a high cosine similarity. That is
# enough for semantic search, FAQ retrieval and zero-shot classification. The pretrained embedder is good already.
# This notebook measures it on customer questions, fine-tunes it with ten examples an intent, and measures it again.

# %% [markdown]
# ## Data
#
# [BANKING77](https://github.com/PolyAI-LDN/task-specific-datasets) (Casanueva et al. 2020, CC BY 4.0): customer
# questions with 77 intents. Ten training questions of each intent are the search index; a test question is answered
# correctly if the nearest of these 770 questions has its intent.

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
examples, _ = kerasft.data.draw_examples(train_rows, per_class=10, columns=columns)
labels = kerasft.data.collect_labels(examples, columns=columns)
texts, classes = kerasft.data.texts_and_labels(examples, labels=labels, columns=columns)
questions, expected = kerasft.data.texts_and_labels(test_rows, labels=labels, columns=columns)
print(len(texts), "examples of", len(labels), "intents,", len(questions), "test questions")

# %% [markdown]
# ## Before training
#
# The baseline compares words (TF-IDF), not meanings. The embedder as it was published already does better, though
# it was trained on texts of all kinds. (`max_length` truncates five of the questions, as the warning says.)

# %%
from sklearn.feature_extraction.text import TfidfVectorizer

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
entries = [{"text": text, "intent": labels[label]} for text, label in zip(texts, classes)]


def search_results(model):
    embedder = kerasft.pipelines.load(kerasft.make_bundle(model, tokenizer, max_length=64))
    search = kerasft.pipelines.Search(embedder, entries, column="text")
    return search, [hits[0]["intent"] for hits in search(questions, top_k=1)]


def accuracy(found):
    return sum(intent == labels[label] for intent, label in zip(found, expected)) / len(expected)


words = TfidfVectorizer().fit(texts)
nearest = (words.transform(questions) @ words.transform(texts).T).toarray().argmax(axis=1)
by_words = [labels[classes[row]] for row in nearest]

keras.utils.set_random_seed(0)
with strategy.scope():
    backbone, tokenizer = kerasft.load_pretrained(MODEL)
    model = kerasft.heads.sentence_embedding(backbone)
search, before = search_results(model)
print(f"accuracy of the nearest question: {accuracy(by_words):.1%} by words, {accuracy(before):.1%} by meaning")

# %% [markdown]
# ## Train
#
# Pairs of examples with the same intent are positives; the other texts of the batch are the negatives (multiple
# negatives ranking). The group in `y` keeps a text of the same intent from being counted as a negative.

# %%
pairs, groups = kerasft.data.class_pairs(texts, classes, per_text=4)
with strategy.scope():
    train = kerasft.data.pair_dataset(pairs, tokenizer, y=groups, max_length=64, batch_size=32, shuffle=True)
    model.compile(
        optimizer=kerasft.optimizers.AdamW(kerasft.optimizers.WarmupLinearDecay(5e-5, total_steps=2 * len(train))),
        loss=kerasft.losses.MultipleNegativesRanking(),
        jit_compile=False,  # batches differ in length, and XLA would compile the step for each length
    )
history = model.fit(train, epochs=2, shuffle=False, callbacks=[kerasft.callbacks.TensorBoard("logs")])

# %%
kerasft.reports.plots.training_curves(history)

# %%
# %load_ext tensorboard
# %tensorboard --logdir logs

# %% [markdown]
# ## Look at the errors
#
# Ten examples of each intent add four points. Below, some test questions that are wrong after training.

# %%
search, after = search_results(model)
print(f"accuracy of the nearest question: {accuracy(before):.1%} before, {accuracy(after):.1%} after")

# %%
rows = zip(questions, (labels[label] for label in expected), before, after)
wrong = [dict(zip(("question", "expected", "before", "after"), row)) for row in rows if row[1] != row[3]]
kerasft.reports.table(wrong[:: max(1, len(wrong) // 8)][:8])  # from the whole test set, which is sorted by intent

# %% [markdown]
# Many intents overlap: "How do I locate my card?" could be about a card in the mail or a lost one.
#
# ## Ask it
#
# The first hit is the same story in other words. Its intent shows how much the labels depend on details.

# %%
kerasft.reports.table(
    search("I lost my wallet on holiday, and somebody is using my card", top_k=4), ["score", "intent", "text"]
)

# %% [markdown]
# ## Ship it
#
# The index is saved beside the bundle, and an int8 LiteRT file embeds questions on a phone. It is compared with the
# model by the cosine of their vectors.

# %%
bundle = kerasft.save_bundle("saved_models/embedder", model, tokenizer, max_length=64, overwrite=True)
search.save("saved_models/index")
phone = kerasft.export.litert(bundle, quantize="int8", sequence_length=64, texts=questions[:200])
print(f"{phone['size_bytes'] / 1e6:.1f} MB, agreement with the model {phone['agreement']:.3f}")
