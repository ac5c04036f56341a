# %% [markdown]
# # Train a small language model
#
# Causal language modeling is next-token prediction: the model continues a text. With a pretrained checkpoint such as
# `gpt2` the code below fine-tunes it. The run saved here has no pretrained checkpoint: it trains a GPT-2 of 2 M
# parameters from scratch for a few minutes on Shakespeare's plays. Expect the form of a play and plausible words, not
# sense.

# %% [markdown]
# ## Data
#
# [Tiny Shakespeare](https://github.com/karpathy/char-rnn/tree/master/data/tinyshakespeare) (public domain): one text
# file of 1.1 MB. The last tenth is held out.

# %%
import pathlib

SOURCE = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
DATA = "data/tiny_shakespeare"

text = pathlib.Path(keras.utils.get_file("input.txt", SOURCE, cache_dir=".", cache_subdir=DATA)).read_text("utf-8")
cut = text.index("\n", len(text) * 9 // 10)
train_text, test_text = text[:cut], text[cut:]
pathlib.Path("train.txt").write_text(train_text, "utf-8")
print(f"{len(train_text):,} characters to train on, {len(test_text):,} to measure")
print(text[:200])

# %% [markdown]
# ## Model
#
# `new_gpt2` learns a vocabulary of 2,000 byte-level BPE tokens and writes a checkpoint with random weights. To
# fine-tune, set `MODEL = "gpt2"` and a learning rate of about 5e-5 instead.

# %%
EPOCHS = 3

keras.utils.set_random_seed(0)
MODEL = kerasft.checkpoints.new_gpt2(
    "new_gpt2", "train.txt", vocabulary_size=2000, num_layers=3, hidden_dim=192, max_sequence_length=128
)
with strategy.scope():
    backbone, tokenizer = kerasft.load_pretrained(MODEL)
    model = kerasft.heads.causal_lm(backbone)
    train = kerasft.data.causal_lm([train_text], tokenizer, block_size=64, batch_size=16, shuffle=True)
    test = kerasft.data.causal_lm([test_text], tokenizer, block_size=64, batch_size=16)
    model.compile(
        optimizer=kerasft.optimizers.AdamW(kerasft.optimizers.WarmupLinearDecay(2e-3, total_steps=EPOCHS * len(train))),
        loss=kerasft.losses.SparseCategoricalCrossentropy(),
        weighted_metrics=[kerasft.metrics.Perplexity()],
        jit_compile=False,
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
# ## Look at what it predicts
#
# A perplexity of *p* means: as uncertain as a choice among *p* equally likely tokens. Below, the first tokens of
# blocks of the held-out text, how the play continues, and how the model continues it.

# %%
bundle = kerasft.save_bundle("saved_models/plays", model, tokenizer, max_length=64, overwrite=True)
write = kerasft.pipelines.load(bundle)
report = write.evaluate([test_text])
report.metrics

# %%
kerasft.reports.table(report.samples[:4])

# %% [markdown]
# ## Ask it
#
# Greedy decoding repeats itself; sampling with a temperature and nucleus (top-p) reads better.

# %%
for options in ({}, {"method": "sample", "top_p": 0.9, "temperature": 0.8, "seed": 1}):
    answer = write("KING RICHARD:\n", max_new_tokens=60, **options)
    print(options or "greedy", "\n", answer["generated"], "\n")

# %% [markdown]
# ## Ship it
#
# An int8 LiteRT folder that generates on a phone, with a key-value cache. Before it is kept, its tokens are compared
# with Keras'.

# %%
phone = kerasft.export.litert_generation(
    bundle, quantize="int8", prefill_lengths=[16], cache_length=64, prompts=["ROMEO:\n"]
)
print(f"{phone['size_bytes'] / 1e6:.1f} MB, the same next token in {phone['agreement']:.1%} of the places")
