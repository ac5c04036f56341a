# %% [markdown]
# # Answer questions from a text
#
# Extractive question answering: given a question and a passage, the model marks the answer in the passage. It cannot
# invent anything, and it says where it read it. The run here is short, so expect a model that is often right about
# *who* and *when* and weak elsewhere.

# %% [markdown]
# ## Data
#
# [SQuAD 1.1](https://rajpurkar.github.io/SQuAD-explorer/) (Rajpurkar et al. 2016, CC BY-SA 4.0). To stay within
# minutes on a CPU, only 1,500 questions with passages of less than 600 characters are used. (The outputs saved here
# come from SQuAD's development set, split by article; with the official training file, which this cell downloads,
# they differ.)

# %%
import random

SOURCE = "https://rajpurkar.github.io/SQuAD-explorer/dataset"
DATA = "data/squad"


def read(split, number):
    file = keras.utils.get_file(f"{split}.json", f"{SOURCE}/{split}-v1.1.json", cache_dir=".", cache_subdir=DATA)
    short = [question for question in kerasft.data.read_squad(file) if len(question.context) < 600]
    return random.Random(0).sample(short, min(number, len(short)))


train_questions, dev_questions = read("train", 1500), read("dev", 400)
print(len(train_questions), "questions to train on,", len(dev_questions), "to evaluate")
example = train_questions[0]
print(example.context, "\n", example.question, "\n", [answer.text for answer in example.answers])

# %% [markdown]
# ## Model
#
# Two logits a token: how likely the answer starts there, and ends there. Longer passages would be cut into
# overlapping windows of `max_length` tokens; here nearly every passage fits into one.

# %%
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
EPOCHS = 2

keras.utils.set_random_seed(0)
with strategy.scope():
    backbone, tokenizer = kerasft.load_pretrained(MODEL)
    model = kerasft.heads.question_answering(backbone)
    options = {"max_length": 192, "stride": 48}
    train = kerasft.data.question_answering(train_questions, tokenizer, batch_size=16, shuffle=True, **options)
    dev = kerasft.data.question_answering(dev_questions, tokenizer, batch_size=32, **options)
    model.compile(
        optimizer=kerasft.optimizers.AdamW(kerasft.optimizers.WarmupLinearDecay(3e-4, total_steps=EPOCHS * len(train))),
        loss=kerasft.losses.SpanCrossentropy(),
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
# SQuAD's official scores: exact match, and F1 over the words of the answers.

# %%
settings = {"stride": 48, "max_answer_length": 30}
bundle = kerasft.save_bundle(
    "saved_models/reader", model, tokenizer, max_length=192, pair=True, settings=settings, overwrite=True
)
ask = kerasft.pipelines.load(bundle)
report = ask.evaluate(dev_questions)
report.metrics

# %%
kerasft.reports.table(report.errors[:8], ["text", "truth", "predicted", "confidence"])

# %% [markdown]
# ## Ask it

# %%
context = (
    "Keras was written by François Chollet, a software engineer, and first released in March 2015. "
    "Since 2023 it runs on TensorFlow, JAX and PyTorch."
)
questions = ["Who wrote Keras?", "When was Keras first released?", "What does Keras run on?"]
answers = ask([(question, context) for question in questions])
kerasft.reports.table([{"question": question, **answer} for question, answer in zip(questions, answers)])

# %%
marked = [
    {"start": answer["start"], "end": answer["end"], "label": question} for question, answer in zip(questions, answers)
]
kerasft.reports.highlight([(context, marked)])

# %% [markdown]
# ## Ship it
#
# An int8 LiteRT file for phones, compared with the model on questions of the development set.

# %%
items = [(question.question, question.context) for question in dev_questions[:100]]
phone = kerasft.export.litert(bundle, quantize="int8", sequence_length=192, texts=items)
print(f"{phone['size_bytes'] / 1e6:.1f} MB, the same answer to {phone['agreement']:.1%} of the questions")
