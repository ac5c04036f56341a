# %% [markdown]
# # Translate with an encoder and a decoder
#
# A T5 writes a text for a text: a translation, a summary, a title. With a pretrained checkpoint such as `t5-small`
# the code below fine-tunes it. The run saved here has no pretrained checkpoint: it trains a small T5 from scratch for
# a few minutes on very short sentences. That is far too little to learn French, and the scores say so; what it shows
# is the whole way from pairs of sentences to BLEU.

# %% [markdown]
# ## Data
#
# English sentences and their French translations from [Tatoeba](https://tatoeba.org) (CC BY 2.0), as
# [manythings.org](https://www.manythings.org/anki/) offers them. Put `train.tsv`, `dev.tsv` and `test.tsv` into the
# folder `DATA`: English, a tab, French. Only sentences of at most five words are used.

# %%
import pathlib

DATA = pathlib.Path("data/tatoeba_en_fr")


def read(split, number):
    lines = (DATA / f"{split}.tsv").read_text("utf-8").splitlines()
    pairs = [tuple(line.split("\t")[:2]) for line in lines]
    return [pair for pair in pairs if len(pair[0].split()) <= 5][:number]


train_pairs, test_pairs = read("train", 10_000), read("test", 300)
print(len(train_pairs), "pairs to train on,", len(test_pairs), "to test")
kerasft.reports.table([{"source": source, "target": target} for source, target in train_pairs[:4]])

# %% [markdown]
# ## Model
#
# `new_t5` learns a vocabulary of 2,000 SentencePiece tokens and writes a checkpoint with random weights. To
# fine-tune, set `MODEL = "t5-small"`, the prefix "translate English to French: " for `sequence_to_sequence`, and a
# learning rate of 3e-4.

# %%
EPOCHS = 6

keras.utils.set_random_seed(0)
MODEL = kerasft.checkpoints.new_t5(
    "new_t5",
    [text for pair in train_pairs for text in pair],
    vocabulary_size=2000,
    num_layers=2,
    hidden_dim=192,
    dropout=0.0,
)
with strategy.scope():
    backbone, tokenizer = kerasft.load_pretrained(MODEL)
    model = kerasft.heads.sequence_to_sequence(backbone)
    options = {"max_source_length": 32, "max_target_length": 32}
    train = kerasft.data.sequence_to_sequence(train_pairs, tokenizer, batch_size=32, shuffle=True, **options)
    test = kerasft.data.sequence_to_sequence(test_pairs, tokenizer, batch_size=64, **options)
    model.compile(
        optimizer=kerasft.optimizers.AdamW(kerasft.optimizers.WarmupLinearDecay(1e-3, total_steps=EPOCHS * len(train))),
        loss=kerasft.losses.SparseCategoricalCrossentropy(),
        jit_compile=False,  # batches differ in length, and XLA would compile the step for each length
    )
history = model.fit(
    train, validation_data=test, epochs=EPOCHS, shuffle=False, callbacks=[kerasft.callbacks.TensorBoard("logs")]
)

# %%
kerasft.reports.plots.training_curves(history)

# %%
# %load_ext tensorboard
# %tensorboard --logdir logs

# %% [markdown]
# ## Look at the errors
#
# BLEU and chrF (0 to 100) of the texts that the model writes for the test sentences.

# %%
settings = {"generation": {"max_new_tokens": 24}, "metrics": "translation", "start_token_id": tokenizer.pad_token_id}
bundle = kerasft.save_bundle(
    "saved_models/translator", model, tokenizer, max_length=32, settings=settings, overwrite=True
)
translate = kerasft.pipelines.load(bundle)
report = translate.evaluate(test_pairs)
report.metrics

# %%
kerasft.reports.table(report.errors[:10], ["text", "truth", "predicted"])

# %% [markdown]
# ## Ask it

# %%
texts = ["I am tired.", "Where is Tom?", "She likes cats."]
answers = translate(texts)
kerasft.reports.table([{"English": text, "French": answer["generated"]} for text, answer in zip(texts, answers)])

# %% [markdown]
# ## Ship it
#
# An int8 LiteRT folder that generates on a phone. Before it is kept, its tokens are compared with Keras'.

# %%
phone = kerasft.export.litert_generation(bundle, quantize="int8", prefill_lengths=[32], cache_length=32, prompts=texts)
print(f"{phone['size_bytes'] / 1e6:.1f} MB, the same next token in {phone['agreement']:.1%} of the places")
