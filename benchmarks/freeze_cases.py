"""The models, rows and commands that `benchmarks/freeze.py` records: every task, and every family at least once.

A case is a bundle of a model with fixed weights, what it is asked, and a file of labelled rows to measure it on. A training is
one `kerasft train` command on those rows, starting from one of the cases. All of it is made by public names of kerasft.
"""

import dataclasses
import json
import pathlib
import random
import zlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

import kerasft

SIZES = {"num_layers": 2, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 32, "max_sequence_length": 48}
MAX_LENGTH = 24
CLASSES, TAGS, INTENTS = ["bad", "good", "neither"], ["O", "B-PER", "I-PER", "B-ORG", "I-ORG"], ["pay", "lost"]
RELATIONS = ["buys(e1,e2)", "buys(e2,e1)", "Other"]
ENTAILMENT = ["entailment", "neutral", "contradiction"]
WORDS = "a good bad film movie card money we love lost please pay my the was is it not great poor"
TEXTS = [
    "a good film",
    "The card is LOST, please pay my money!",
    "the bad movie was not what we love " * 8,  # longer than MAX_LENGTH
    "caf\u00e9 \U0001f600",
    "",
]
PAIRS = [("a good film", "the film was great"), ("we lost the card " * 9, "please pay"), ("", "my money")]
FEW_FORMS = ("litert", "huggingface")
PROMPTS = ["a good", "we lost the card and", "please"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """A bundle and what is recorded of it.

    Attributes:
        make: Makes the bundle.
        calls: The arguments of each call of its pipeline: a list of items, and options.
        data: The name of a file of `write_data`, for `kerasft evaluate`.
        asked: The file for `kerasft predict`, where it is another.
        lengths: Fixed lengths of a second LiteRT export, in int8; none: there is none.
        forms: What is written of it, see `freeze.FORMS`: all forms of each task once, since each takes seconds.
    """

    make: Callable[[], Any]
    calls: tuple[tuple[list, dict[str, Any]], ...]
    data: str
    asked: str | None = None
    lengths: tuple[int, ...] = ()
    forms: tuple[str, ...] = ("saved_model", "litert", "litert_int8", "mediapipe", "generation", "huggingface")


# --- tokenizers and weights -------------------------------------------------------------------------------------------


def tokenizer(family: str):
    """A small vocabulary with the family's special tokens, the same in every process.

    A new object each time: one that was used before is saved with the truncation of its last use.
    """
    kind = {"gpt2": "bpe", "roberta": "bpe", "t5": "unigram", "xlm-roberta": "unigram"}.get(family, "wordpiece")
    sentences = [text for text in (*TEXTS, *(" ".join(row) for row in _sentences(40, seed=1))) if text]
    options = {"lowercase": True} if kind == "wordpiece" else {}
    return kerasft.tokenizers.train(sentences, kind, family=family, vocabulary_size=320, max_length=48, **options)


def with_weights(model: keras.Model, scale: float = 0.3) -> keras.Model:
    """Give each weight numbers of its own, drawn by its path: they do not depend on the order in which weights are made."""
    for weight in model.weights:
        rng = np.random.default_rng(zlib.crc32(weight.path.encode()))
        values = rng.normal(0, scale, weight.shape)
        # A norm's factors are about 1, as trained ones are, so that the signal neither vanishes nor explodes.
        weight.assign(1 + values / 3 if weight.path.endswith(("gamma", "scale")) else values)
    return model


def backbone(family: str, vocabulary_size: int) -> keras.Model:
    """A small backbone of a family."""
    parts = kerasft.backbones
    sizes = {**SIZES, "vocabulary_size": vocabulary_size}
    if family == "t5":
        del sizes["max_sequence_length"]
        return parts.t5(parts.T5Config(**sizes, num_decoder_layers=2, head_dim=8, dropout=0.0))
    build, config, more = {
        "bert": (parts.bert, parts.BertConfig, {}),
        "roberta": (parts.roberta, parts.RobertaConfig, {}),
        "xlm-roberta": (parts.roberta, parts.XlmRobertaConfig, {}),
        "distilbert": (parts.distilbert, parts.DistilBertConfig, {}),
        "electra": (parts.electra, parts.ElectraConfig, {"embedding_dim": 8}),
        "gpt2": (parts.gpt2, parts.GPT2Config, {}),
    }[family]
    return build(config(**sizes, **more))


def _bundle(family: str, head: Callable[[keras.Model], keras.Model], *, scale: float = 0.3, **options) -> Any:
    words = tokenizer(family)
    model = with_weights(head(backbone(family, len(words))), scale)
    return kerasft.make_bundle(model, words, **{"max_length": MAX_LENGTH, **options})


def _relations(family: str, **options) -> Any:
    words = tokenizer(family)
    marked, words = kerasft.vocabulary.add_tokens(
        backbone(family, len(words)), words, kerasft.data.ENTITY_MARKERS, special=True
    )
    model = kerasft.heads.relation_classifier(marked, RELATIONS, markers=kerasft.data.marker_ids(words), **options)
    return kerasft.make_bundle(with_weights(model), words, max_length=MAX_LENGTH, settings={"negative_label": "Other"})


def _own_head(encoder: keras.Model) -> keras.Model:
    """A head in plain Keras, as docs/own_head.md has it; the softmax is taken off by kerasft."""
    states = encoder.output["sequence_output"]  # (B, S, H)
    pooled = kerasft.heads.MaskedMean(name="pooled")(states, encoder.input["padding_mask"])
    hidden = keras.layers.Dense(8, activation="relu", name="hidden")(pooled)
    return keras.Model(encoder.input, keras.layers.Dense(3, activation="softmax", name="classes")(hidden), name="own")


# --- the cases --------------------------------------------------------------------------------------------------------


def _classifier(labels, **head_options) -> Callable[[keras.Model], keras.Model]:
    return lambda encoder: kerasft.heads.text_classifier(encoder, labels, **head_options)


def _tagger(encoder: keras.Model) -> keras.Model:
    return kerasft.heads.token_classifier(encoder, TAGS)


def _several() -> Any:
    return _bundle(
        "bert", _classifier(kerasft.multi_label(CLASSES)), settings={"thresholds": [0.4, 0.5, 0.6], "temperature": 2.0}
    )


_TEXT_CALLS = ((TEXTS, {}), (TEXTS, {"top_k": 2}), (TEXTS, {"with_probabilities": True}))
_TAG_CALLS = ((TEXTS, {}), (TEXTS, {"constrained": False}), (TEXTS, {"threshold": 0.3}))
_MASKED = [f"{text[:40]} [MASK] good [MASK]" for text in TEXTS]
_QUESTIONS = [("what is lost?", TEXTS[1]), ("what film?", TEXTS[2]), ("who pays?", "we pay")]
_MARKED = ["The <e1>film</e1> was made <e2>for me</e2>", "<e2>we</e2> lost the <e1>card</e1> " + "and the money " * 9]
_WRITING = (
    (PROMPTS, {"max_new_tokens": 6}),
    (PROMPTS, {"max_new_tokens": 6, "method": "beam", "num_beams": 2}),
    (PROMPTS, {"max_new_tokens": 6, "method": "sample", "seed": 3, "top_k": 5}),
)
CASES: dict[str, Case] = {
    "bert-text-classification": Case(
        make=lambda: _bundle("bert", _classifier(CLASSES), settings={"temperature": 1.5}),
        calls=_TEXT_CALLS,
        data="classes.jsonl",
        lengths=(8, 16),
    ),
    "bert-out-of-scope": Case(
        make=lambda: _bundle(
            "bert", _classifier(CLASSES, pooling="mean"), settings={"out_of_scope": {"threshold": 0.5, "label": "oos"}}
        ),
        calls=_TEXT_CALLS,
        data="classes.jsonl",
        forms=("litert", "mediapipe"),
    ),
    "bert-multi-label": Case(make=_several, calls=_TEXT_CALLS, data="several.jsonl", lengths=(8, 16)),
    "bert-regression": Case(
        make=lambda: _bundle("bert", _classifier(kerasft.regression("score"))),
        calls=((TEXTS, {}),),
        data="numbers.jsonl",
    ),
    "bert-pairs": Case(
        make=lambda: _bundle("bert", _classifier(ENTAILMENT), pair=True), calls=((PAIRS, {}),), data="pairs.jsonl"
    ),
    "bert-own-head": Case(
        make=lambda: _bundle("bert", _own_head, task="text-classification", labels=CLASSES),
        calls=_TEXT_CALLS,
        data="classes.jsonl",
        forms=FEW_FORMS,
    ),
    "bert-token-classification": Case(
        make=lambda: _bundle("bert", _tagger, settings={"stride": 8, "constrained": True}),
        calls=_TAG_CALLS,
        data="tags.jsonl",
        lengths=(8, 16),
    ),
    "bert-intent-and-slots": Case(
        make=lambda: _bundle("bert", lambda it: kerasft.heads.intent_and_slots(it, INTENTS, TAGS)),
        calls=(*_TAG_CALLS, (TEXTS, {"top_k": 2})),
        data="intents.jsonl",
        lengths=(8, 16),
    ),
    "bert-question-answering": Case(
        make=lambda: _bundle(
            "bert",
            lambda it: kerasft.heads.question_answering(it),
            pair=True,
            settings={"stride": 4, "max_answer_length": 6, "no_answer": 0.1},
        ),
        calls=((_QUESTIONS, {}), (_QUESTIONS, {"top_k": 3}), (_QUESTIONS, {"max_answer_length": 2})),
        data="questions.json",
        lengths=(16,),
    ),
    "bert-relation-extraction": Case(
        make=lambda: _relations("bert"),
        calls=((_MARKED, {}), (_MARKED, {"top_k": 2}), ([("we pay", (0, 2), (3, 6))], {})),
        data="relations.jsonl",
        lengths=(16,),
    ),
    "bert-masked-lm": Case(
        make=lambda: _bundle("bert", lambda it: kerasft.heads.masked_lm(it)),
        calls=((_MASKED, {"top_k": 3}),),
        data="texts.txt",
        asked="masks.txt",
    ),
    "bert-sentence-embedding": Case(
        make=lambda: _bundle("bert", lambda it: kerasft.heads.sentence_embedding(it)),
        calls=((TEXTS, {}),),
        data="similar.jsonl",
        lengths=(8, 16),
    ),
    "roberta-text-classification": Case(
        make=lambda: _bundle("roberta", _classifier(CLASSES)), calls=_TEXT_CALLS, data="classes.jsonl"
    ),
    "roberta-masked-lm": Case(
        make=lambda: _bundle("roberta", lambda it: kerasft.heads.masked_lm(it)),
        calls=(([text.replace("[MASK]", "<mask>") for text in _MASKED], {"top_k": 3}),),
        data="texts.txt",
        forms=FEW_FORMS,
    ),
    "xlm-roberta-token-classification": Case(
        make=lambda: _bundle("xlm-roberta", _tagger), calls=_TAG_CALLS, data="tags.jsonl", forms=FEW_FORMS
    ),
    "distilbert-question-answering": Case(
        make=lambda: _bundle("distilbert", lambda it: kerasft.heads.question_answering(it), pair=True),
        calls=((_QUESTIONS, {}),),
        data="questions.json",
        forms=FEW_FORMS,
    ),
    "distilbert-text-classification": Case(
        make=lambda: _bundle("distilbert", _classifier(CLASSES)),
        calls=_TEXT_CALLS,
        data="classes.jsonl",
        forms=FEW_FORMS,
    ),
    "electra-relation-extraction": Case(
        make=lambda: _relations("electra", pooling="mean"),
        calls=((_MARKED, {}),),
        data="relations.jsonl",
        forms=FEW_FORMS,
    ),
    "gpt2-text-classification": Case(
        make=lambda: _bundle("gpt2", _classifier(CLASSES)), calls=_TEXT_CALLS, data="classes.jsonl", forms=FEW_FORMS
    ),
    "gpt2-causal-lm": Case(
        make=lambda: _bundle(
            "gpt2", lambda it: kerasft.heads.causal_lm(it), scale=0.5, settings={"generation": {"max_new_tokens": 8}}
        ),
        calls=_WRITING,
        data="texts.txt",
    ),
    "t5-sequence-to-sequence": Case(
        make=lambda: _bundle(
            "t5",
            lambda it: kerasft.heads.sequence_to_sequence(it),
            scale=0.5,
            settings={"start_token_id": 0, "prefix": "good: ", "generation": {"max_new_tokens": 8}},
        ),
        calls=_WRITING,
        data="targets.jsonl",
    ),
}
GENERATION = {"prefill_lengths": (8, 16), "cache_length": 48, "prompts": PROMPTS}

# --- trainings --------------------------------------------------------------------------------------------------------

_BERT = "bert-masked-lm"
TRAININGS: dict[str, tuple[str, str, list[str]]] = {
    "text-classification": (_BERT, "classes.jsonl", ["--max-length", "24", "--tune-temperature"]),
    "text-classification, several labels": (
        _BERT,
        "several.jsonl",
        ["--max-length", "24", "--problem", "multi_label", "--tune-thresholds"],
    ),
    "text-classification, regression": (_BERT, "numbers.jsonl", ["--max-length", "24", "--problem", "regression"]),
    "text-classification, pairs": (_BERT, "pairs.jsonl", ["--max-length", "24", "--lora-rank", "2"]),
    "token-classification": (_BERT, "tags.jsonl", ["--max-length", "24"]),
    "intent-and-slots": (_BERT, "intents.jsonl", ["--max-length", "24"]),
    "question-answering": (_BERT, "questions.json", ["--max-length", "24", "--stride", "4"]),
    "relation-extraction": (_BERT, "relations.jsonl", ["--max-length", "24"]),
    "masked-lm": (_BERT, "texts.txt", ["--max-length", "24"]),
    "sentence-embedding": (_BERT, "similar.jsonl", ["--max-length", "24"]),
    "few-shot": ("bert-sentence-embedding", "classes.jsonl", ["--max-length", "24", "--examples-per-class", "4"]),
    "causal-lm": ("gpt2-causal-lm", "texts.txt", ["--block-size", "16"]),
    "sequence-to-sequence": (
        "t5-sequence-to-sequence",
        "targets.jsonl",
        ["--source", "source", "--target", "target", "--max-source-length", "24", "--max-target-length", "16"],
    ),
}
"""Name, whose first part is the task -> the case whose Hugging Face folder it starts from, the rows, and options."""

# --- rows -------------------------------------------------------------------------------------------------------------


def _sentences(number: int, *, seed: int) -> list[list[str]]:
    rng = random.Random(seed)
    return [rng.choices(WORDS.split(), k=rng.randint(3, 9)) for _ in range(number)]


def write_data(folder: pathlib.Path) -> None:
    """Write a file of labelled rows for each task, in the formats of docs/data_formats.md."""
    rows: dict[str, list[dict]] = {name: [] for name in ("classes", "several", "numbers", "pairs", "tags", "intents")}
    rows |= {"relations": [], "similar": [], "targets": []}
    questions = []
    sentences = _sentences(24, seed=2)
    for number, (words, others) in enumerate(zip(sentences, reversed(sentences))):
        text, other = " ".join(words), " ".join(others)
        tags = ["B-PER" if word == "we" else "B-ORG" if word == "card" else "O" for word in words]
        rows["classes"].append({"text": text, "label": CLASSES[number % 3]})
        rows["several"].append({"text": text, "label": CLASSES[: number % 4]})
        rows["numbers"].append({"text": text, "label": number / 8})
        rows["pairs"].append({"text": text, "text_pair": other, "label": ENTAILMENT[number % 3]})
        rows["tags"].append({"tokens": words, "tags": tags})
        rows["intents"].append({"tokens": words, "tags": tags, "intent": INTENTS[number % 2]})
        marked = " ".join([f"<e1>{words[0]}</e1>", *words[1:-1], f"<e2>{words[-1]}</e2>"])
        rows["relations"].append({"text": marked, "label": RELATIONS[number % 3]})
        rows["similar"].append({"text": text, "text_pair": other, "score": number % 5 / 4})
        rows["targets"].append({"source": text, "target": " ".join(words[:3])})
        answers = [{"text": words[1], "answer_start": len(words[0]) + 1}] if number % 4 else []
        asked = {"id": str(number), "question": f"what {others[0]}?", "answers": answers, "is_impossible": not answers}
        questions.append({"context": text, "qas": [asked]})
    folder.mkdir(parents=True)
    for name, lines in rows.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    (folder / "texts.txt").write_text("".join(" ".join(words) + "\n" for words in sentences), "utf-8")
    (folder / "masks.txt").write_text("".join(f"{row[0]} [MASK] {row[1]}\n" for row in sentences), "utf-8")
    (folder / "questions.json").write_text(json.dumps({"data": [{"title": "rows", "paragraphs": questions}]}), "utf-8")
