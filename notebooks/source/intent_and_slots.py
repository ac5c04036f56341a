# %% [markdown]
# # Understand a voice assistant's commands
#
# "Add this song to my workout playlist": the *intent* is AddToPlaylist, the *slots* are the details, such as the
# playlist's name. One model with two outputs finds both at once.

# %% [markdown]
# ## Data
#
# [SNIPS](https://github.com/sonos/nlu-benchmark) (Coucke et al. 2018, CC0) in the form of
# [SlotGated-SLU](https://github.com/MiuLab/SlotGated-SLU/tree/master/data/snips): seven intents, 39 slot types. Put
# its files into the folder `DATA` as `train.seq.in`, `train.seq.out`, `train.label`, and the same for `dev` and
# `test`. Training uses a fifth of the 13,084 commands, so that a CPU is enough.

# %%
DATA = "data/snips"

train_rows, dev_rows, test_rows = (kerasft.data.read_tags(f"{DATA}/{split}") for split in ("train", "dev", "test"))
train_rows, _ = kerasft.data.split_tagged_rows(train_rows, len(train_rows) * 4 // 5, seed=0)  # a fifth stays
intents, slots = kerasft.data.collect_intents(train_rows), kerasft.data.collect_tags(train_rows)
print(len(train_rows), "commands to train on,", len(dev_rows), "to watch,", len(test_rows), "to test")
print(len(intents), "intents:", *intents)

# %% [markdown]
# ## Model
#
# Two heads on one encoder, hence two losses by the outputs' names, as in any Keras model with several outputs. After
# each epoch the pipeline is evaluated: the accuracy of the intents, the F1 of whole slots, and how often both are
# right.

# %%
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
EPOCHS = 5

keras.utils.set_random_seed(0)
with strategy.scope():
    backbone, tokenizer = kerasft.load_pretrained(MODEL)
    model = kerasft.heads.intent_and_slots(backbone, intents, slots)
    options = {"intents": intents, "labels": slots, "max_length": 64}
    train = kerasft.data.intent_and_slots(train_rows, tokenizer, batch_size=16, shuffle=True, **options)
    dev = kerasft.data.intent_and_slots(dev_rows, tokenizer, batch_size=64, **options)
    model.compile(
        optimizer=kerasft.optimizers.AdamW(kerasft.optimizers.WarmupLinearDecay(3e-4, total_steps=EPOCHS * len(train))),
        loss={name: kerasft.losses.SparseCategoricalCrossentropy() for name in ("intent_logits", "slot_logits")},
        jit_compile=False,  # batches differ in length, and XLA would compile the step for each length
    )
understand = kerasft.pipelines.load(kerasft.make_bundle(model, tokenizer, max_length=64))
names = ("intent_accuracy", "slot_f1", "joint_accuracy")
scores = kerasft.callbacks.Evaluation(lambda: {name: understand.evaluate(dev_rows).metrics[name] for name in names[:2]})
history = model.fit(
    train, validation_data=dev, epochs=EPOCHS, shuffle=False, callbacks=[scores, kerasft.callbacks.TensorBoard("logs")]
)

# %%
curves = {name: values for name, values in history.history.items() if name.removeprefix("val_") in ("loss", *names)}
kerasft.reports.plots.training_curves(curves)

# %%
# %load_ext tensorboard
# %tensorboard --logdir logs

# %% [markdown]
# ## Look at the errors

# %%
report = understand.evaluate(test_rows)
report.metrics

# %%
wrong = [each for each in report.examples if not each["right"]]
intent_errors = [each for each in wrong if each["answer"]["truth"] != each["answer"]["predicted"]]
kerasft.reports.table(
    [{"command": each["text"], **each["answer"]} for each in intent_errors[:6]], ["command", "truth", "predicted"]
)

# %% [markdown]
# Commands with a wrong slot: first the labels of the data set, then what the model found.

# %%
slot_errors = [each for each in wrong if each["truth"] != each["predicted"]][:5]
kerasft.reports.highlight([(each["text"], each[side]) for each in slot_errors for side in ("truth", "predicted")])

# %% [markdown]
# ## Ask it

# %%
commands = [
    "play some jazz by Miles Davis",
    "will it rain in Lisbon tomorrow",
    "book a table for four at an Italian restaurant tonight",
]
answers = understand(commands)
kerasft.reports.table([{"command": command, **answer["intent"]} for command, answer in zip(commands, answers)])

# %%
kerasft.reports.highlight([(command, answer["slots"]) for command, answer in zip(commands, answers)])

# %% [markdown]
# ## Ship it

# %%
bundle = kerasft.save_bundle("saved_models/assistant", model, tokenizer, max_length=64, overwrite=True)
phone = kerasft.export.litert(bundle, quantize="int8", sequence_length=64, texts=test_rows.columns["text"][:200])
print(f"{phone['size_bytes'] / 1e6:.1f} MB, agreement with the model {phone['agreement']:.1%}")
