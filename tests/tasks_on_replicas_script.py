"""Train tasks on 1 and on 2 logical CPU devices, with batches that two can't share evenly, and print the results as JSON.

Run by tests/test_distribution.py in a process of its own: logical devices must be made before TensorFlow starts. The strategies
are TensorFlow's own, as a user makes them.
"""

import functools
import json
import sys

import keras
import numpy as np
import tensorflow as tf

import kerasft
from kerasft import data, heads, losses
from kerasft.backbones import GPT2Config, gpt2
from kerasft.data import Batching
from kerasft.features import multi_label, regression
from tests import tiny, tiny_t5
from tests.pipelines import test_relation_extraction as relations

TEXTS = ["good film " * (1 + number % 4) + tiny.WORDS.split()[number] for number in range(10)]
TAGGED = [
    {
        "tokens": text.split(),
        "ner_tags": ["B-X"] + ["O"] * (len(text.split()) - 1),
        "intent": ("pay", "lost")[number % 2],
    }
    for number, text in enumerate(TEXTS)
]
ANSWERED = [
    {"question": "what?", "context": text, "answers": {"text": ["film"], "answer_start": [5]}} for text in TEXTS
]  # fmt: skip
NO_DROPOUT = {"hidden_dropout": 0.0, "attention_dropout": 0.0}


def backbone():
    return tiny.backbone(num_layers=1, initializer_range=0.3, **NO_DROPOUT)


def classes(labels, targets):
    rows = [{"text": text, "label": target} for text, target in zip(TEXTS, targets)]
    make = functools.partial(data.text_classification, rows, tiny.tokenizer(), labels=labels)
    return heads.text_classifier(backbone(), labels, dropout=0.0), make, losses.for_labels(labels), {
        "metrics": kerasft.metrics.for_labels(labels)
    }  # fmt: skip


def single_label():
    return classes(kerasft.Labels(["no", "yes", "so"]), ["no", "yes", "so", "yes", "no"] * 2)


def several_labels():
    return classes(multi_label(["a", "b"]), [["a"], ["b"], ["a", "b"], [], ["b"]] * 2)


def numbers():
    return classes(regression("stars"), [1.0, 3.5, 2.0, 5.0, 4.0] * 2)


def tags():
    labels = kerasft.Labels(["O", "B-X", "I-X"])
    make = functools.partial(data.token_classification, TAGGED, tiny.tokenizer(), labels=labels)
    return heads.token_classifier(backbone(), labels, dropout=0.0), make, losses.for_labels(labels), {}


def intents():
    labels, names = kerasft.Labels(["O", "B-X", "I-X"]), kerasft.Labels(["lost", "pay"])
    make = functools.partial(data.intent_and_slots, TAGGED, tiny.tokenizer(), intents=names, labels=labels)
    loss = {"intent_logits": losses.for_labels(names), "slot_logits": losses.for_labels(labels)}
    return heads.intent_and_slots(backbone(), names, labels, dropout=0.0), make, loss, {}


def answers():
    make = functools.partial(data.question_answering, ANSWERED, tiny.tokenizer(), max_length=16)
    return heads.question_answering(backbone()), make, losses.SpanCrossentropy(), {}


def related():
    base, tokenizer = kerasft.vocabulary.add_tokens(backbone(), tiny.tokenizer(), data.ENTITY_MARKERS, special=True)
    model = heads.relation_classifier(base, relations.LABELS, markers=data.marker_ids(tokenizer), dropout=0.0)
    rows = [
        {"text": f"<e1>a</e1> {text} <e2>card</e2>", "label": relations.LABELS[n % 3]} for n, text in enumerate(TEXTS)
    ]
    make = functools.partial(data.relation_extraction, rows, tokenizer, labels=model.labels)
    return model, make, losses.for_labels(model.labels), {"metrics": kerasft.metrics.for_labels(model.labels)}


def masked():
    make = functools.partial(data.masked_lm, TEXTS, tiny.tokenizer())
    metrics = {"weighted_metrics": [kerasft.metrics.Perplexity()]}
    return heads.masked_lm(backbone()), make, losses.SparseCategoricalCrossentropy(), metrics


def continued():
    sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 32, "max_sequence_length": 32}
    sizes |= {
        "vocabulary_size": len(tiny.tokenizer()),
        "hidden_dropout": 0.0,
        "embedding_dropout": 0.0,
        "attention_dropout": 0.0,
    }
    rows = [("a film is", text) for text in TEXTS]
    tokenizer = tiny.tokenizer()
    tokenizer.eos_token = "[SEP]"  # as GPT-2's own tokenizer has one
    make = functools.partial(data.causal_lm, rows, tokenizer, block_size=24)
    metrics = {"weighted_metrics": [kerasft.metrics.Perplexity()]}
    return heads.causal_lm(gpt2(GPT2Config(**sizes))), make, losses.SparseCategoricalCrossentropy(), metrics


def written():
    make = functools.partial(data.sequence_to_sequence, [(text, text[:8]) for text in TEXTS], tiny_t5.tokenizer())
    return tiny_t5.model(), make, losses.SparseCategoricalCrossentropy(), {}


def pairs(scored, loss):
    rows = [(text, f"movie {number % 4}", number / 9) for number, text in enumerate(TEXTS)]
    rows = rows if scored else [{"text": first, "text_pair": second} for first, second, _ in rows]
    make = functools.partial(data.sentence_pairs, rows, tiny.tokenizer(), scored=scored)
    return heads.sentence_embedding(backbone()), make, loss(), {}


TASKS = {
    "single_label": single_label,
    "multi_label": several_labels,
    "regression": numbers,
    "token_classification": tags,
    "intent_and_slots": intents,
    "question_answering": answers,
    "relation_extraction": related,
    "masked_lm": masked,
    "causal_lm": continued,
    "sequence_to_sequence": written,
    "rated pairs": functools.partial(pairs, True, losses.CosineSimilarityLoss),
    "pairs": functools.partial(pairs, False, functools.partial(losses.MultipleNegativesRanking, symmetric=True)),
}


def train(strategy: tf.distribute.Strategy, task: str) -> dict:
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model, make, loss, metrics = TASKS[task]()
        rng = np.random.default_rng(0)
        model.set_weights([weight + rng.normal(0, 0.1, weight.shape) for weight in model.get_weights()])
        # A large epsilon: else a gradient of almost nothing, whose sign is chance, would move a weight as others do.
        model.compile(kerasft.optimizers.AdamW(0.01, epsilon=1e-2), loss, jit_compile=False, **metrics)
    # Made outside of the scope: batches of 3 rows, of 1 row, which leaves nothing to the second device, and of a token budget.
    # All are padded alike, so that the step is traced for few shapes.
    train = make(batch_size=Batching(size=3, pad_to_multiple_of=32)).concatenate(
        make(batch_size=Batching(size=1, pad_to_multiple_of=32)).take(2)
    )
    dev = make(batch_size=Batching(tokens=100, pad_to_multiple_of=32))
    counter = kerasft.callbacks.throughput.BatchCounter.of(model)
    history = model.fit(train, validation_data=dev, epochs=1, verbose=0, shuffle=False).history
    rows, _ = counter.read()
    weights = np.concatenate([weight.ravel() for weight in model.get_weights()])
    return {**{name: values[-1] for name, values in history.items()}, "rows": rows, "weights": weights.tolist()}


def main() -> None:
    [cpu] = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    # One for all tasks: collectives of two groups of devices do not live in one process.
    two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    runs = {}
    for task in sys.argv[1:]:
        for name, strategy in (("1", tf.distribute.get_strategy()), ("2", two)):
            try:
                runs[f"{task} {name}"] = train(strategy, task)
            except Exception as error:  # every task is tried, whatever the others do
                runs[f"{task} {name}"] = {"error": f"{type(error).__name__}: {error}"[:600]}
    print(json.dumps(runs))


if __name__ == "__main__":
    main()
