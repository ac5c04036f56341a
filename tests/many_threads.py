"""Every kind of runner, called from many threads: a table of what to call with which items, and the count of wrong answers.

A kind is a function of an empty folder that returns `(call, items)`: `call(*item)` gives an answer of what JSON can hold.
`tests/test_threads.py` tries some of them shortly, `benchmarks/threads.py` all of them at length.
"""

import functools
import importlib
import pathlib
import random
import sys
import tempfile
import threading
import zlib
from collections.abc import Callable, Sequence

import numpy as np

import kerasft
from kerasft import export, heads
from kerasft.encoding.encoded import encode
from kerasft.export.generation_check import device_loop
from kerasft.export.mobile import copy_samples
from kerasft.generation import GenerationOptions, Generator
from kerasft.inference.runners import text_signature
from kerasft.pipelines import KnowledgeGraph, Search, ZeroShotPipeline, load
from tests import tiny
from tests.export import generating
from tests.export.conftest import trained
from tests.pipelines import test_relation_extraction
from tests.tokenizers import tiny_files

NUM_THREADS = 16
LENGTHS = (8, 16, 24)
TAGS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG"]
Kind = Callable[[pathlib.Path], tuple[Callable, list[tuple]]]


def wrong_answers(
    call: Callable, items: Sequence[tuple], *, calls: int, num_threads: int = NUM_THREADS
) -> tuple[int, list[str]]:
    """Call each item alone, then all of them many times from many threads: how many answers differ, and the errors' texts."""
    expected = [call(*item) for item in items]
    if len({str(answer) for answer in expected}) < 2:
        raise ValueError("all items have one answer: a mix-up would not show")
    wrong: list[int] = []
    errors: list[str] = []
    start = threading.Barrier(num_threads)

    def work(number: int) -> None:
        order = random.Random(number)
        start.wait()
        for _ in range(calls // num_threads + (number < calls % num_threads)):
            at = order.randrange(len(items))
            try:
                if not same(call(*items[at]), expected[at]):
                    wrong.append(at)
            except BaseException as error:  # a panic in Rust is no `Exception`
                errors.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(num_threads)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)  # threads change places often
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    return len(wrong), errors


def same(one, other) -> bool:
    """Whether two answers are alike, numbers within 1e-4: kernels add in another order when cores are busy."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return abs(one - other) < 1e-4 if isinstance(one, float) and isinstance(other, float) else one == other


def texts() -> list[str]:
    """Texts of 1 to 40 words, each another one."""
    words = [word for word in tiny.WORDS.split() if not word.startswith("##")]
    rng = random.Random(0)
    return [" ".join(rng.choices(words, k=1 + 39 * number // 23)) for number in range(24)]


@functools.cache
def bundle_of(task: str):
    """A bundle in memory with weights large enough that every difference shows."""
    if task == "relation-extraction":
        return test_relation_extraction.make_bundle()
    make = {
        "text-classification": lambda it: heads.text_classifier(it, ["bad", "good", "neither"]),
        "pairs": lambda it: heads.text_classifier(it, ["entailment", "neutral", "contradiction"]),
        "sentence-embedding": lambda it: heads.sentence_embedding(it),
        "token-classification": lambda it: heads.token_classifier(it, TAGS),
        "intent-and-slots": lambda it: heads.intent_and_slots(it, ["pay", "lost"], TAGS),
        "question-answering": lambda it: heads.question_answering(it),
        "masked-lm": lambda it: heads.masked_lm(it),
    }[task]
    # One seed a task, so that two tasks are never one model.
    model = trained(make(tiny.backbone()), seed=zlib.crc32(task.encode()))
    pair = task in ("pairs", "question-answering")
    return kerasft.make_bundle(model, tiny.tokenizer(), max_length=24, pair=pair)


def items_of(task: str) -> list[tuple]:
    """Single items, then lists of three."""
    if task in ("pairs", "question-answering"):
        singles = [(text[:30], other) for text, other in zip(texts(), reversed(texts()))]
    elif task == "relation-extraction":
        singles = [f"The <e1>film</e1> {text[:40]} <e2>card</e2>" for text in texts()]
    elif task == "masked-lm":
        singles = [f"{text[:40]} [MASK] good" for text in texts()]
    else:
        singles = texts()
    return [*((single,) for single in singles), *((singles[start : start + 3],) for start in range(0, 24, 3))]


TASKS = (
    "text-classification", "pairs", "sentence-embedding", "token-classification", "intent-and-slots", "question-answering",
    "relation-extraction", "masked-lm",
)  # fmt: skip


def in_memory(folder, *, task):
    return _plain(load(bundle_of(task))), items_of(task)


def saved_model(folder, *, task):
    export.saved_model(bundle_of(task), folder / "served")
    return _plain(load(folder / "served")), items_of(task)


def saved_model_texts(folder, *, task):
    export.saved_model(bundle_of(task), folder / "served")
    answer = text_signature(folder / "served")
    items = [item if isinstance(item, list) else [item] for (item,) in items_of(task)]
    return lambda *batch: {name: value.tolist() for name, value in answer(batch).items()}, [
        tuple(item) for item in items
    ]


def litert(folder, *, task, quantize=None, lengths=None, num_threads=2):
    export.litert(bundle_of(task), folder / "phone", quantize=quantize, sequence_length=lengths)
    return _plain(load(folder / "phone", num_threads=num_threads)), items_of(task)


def device_runner(folder, *, task, lengths=LENGTHS):
    export.litert(bundle_of(task), folder / "phone", sequence_length=lengths)
    model = _device_module("kerasft_runner").Model(folder / "phone")
    singles = [item for (item,) in items_of(task) if not isinstance(item, list)]
    return model, [item if isinstance(item, tuple) else (item,) for item in singles]


def _plain(pipeline) -> Callable:
    return lambda item: _listed(pipeline(item))


def _listed(answer):
    if isinstance(answer, dict):
        return {name: _listed(value) for name, value in answer.items()}
    if isinstance(answer, (list, tuple)):
        return [_listed(value) for value in answer]
    return answer.tolist() if isinstance(answer, (np.ndarray, np.generic)) else answer


@functools.cache
def _device_module(name: str):
    folder = pathlib.Path(tempfile.mkdtemp())
    copy_samples(folder)
    sys.path.insert(0, str(folder / "python"))
    return importlib.import_module(name)


_RULES = (
    {"max_new_tokens": 6},
    {"max_new_tokens": 8, "method": "sample", "seed": 3},
    {"max_new_tokens": 7, "method": "sample", "top_k": 5},
)


def generator(folder, *, family):
    """All rules in one object: they are traced while other threads write."""
    bundle = generating.bundle(family)
    write = Generator(bundle.model, bundle.tokenizer)
    rules = [
        GenerationOptions(**options) for options in (*_RULES, {"max_new_tokens": 5, "method": "beam", "num_beams": 2})
    ]

    def call(prompt, rule, streams):
        if streams:
            return list(write.stream(prompt, rule))
        [text] = write([prompt], rule)
        return text.token_ids

    items = [
        (prompt, rule, streams)
        for prompt in _prompts(family)
        for rule in rules
        for streams in (False, True)
        if not streams or rule.method != "beam"
    ]
    return call, items


def writing_pipeline(folder, *, family):
    write = load(generating.bundle(family))
    return lambda text, options: write(text, **options), [
        (text, rule) for text in generating.TEXT[:6] for rule in _RULES
    ]


def device_writer(folder, *, family, compiled, streams=False):
    """The loop that is shipped, over the file that it is shipped with."""
    write = device_loop().Generator(generating.exported(family)["folder"], compiled=compiled)
    method = (lambda prompt, options: list(write.stream(prompt, **options))) if streams else (
        lambda prompt, options: write(prompt, **options)
    )  # fmt: skip
    return method, [(prompt, options) for prompt in _prompts(family) for options in _RULES]


def _prompts(family: str) -> list[list[int]]:
    tokenizer = generating.tokenizer("bpe" if family == "gpt2" else "unigram")
    words = generating.TEXT
    ids = [
        tokenizer(" ".join(words[start : start + size]))["input_ids"]
        for start, size in ((0, 1), (3, 2), (6, 3), (9, 2))
    ]
    return [row[:14] for row in ids]


def tokenizer(folder, *, family):
    """Different lengths, pairs, padding and no cutting at all, in one object."""
    made = tiny_files.tokenizer(family)
    options = [
        {"truncation": True, "max_length": 6},
        {"truncation": True, "max_length": 12, "padding": "max_length"},
        {"truncation": "longest_first", "max_length": 9, "return_token_type_ids": True},
        {"padding": True},
        {"add_special_tokens": False, "return_offsets_mapping": True},
    ]

    def call(text, chosen):
        encoded = made([text, text[:20]], verbose=False, **options[chosen])
        ids = encode(made, [text], max_length=5 + chosen).token_ids[0]
        return [dict(encoded), ids, made.decode(ids), made.tokenize(text), made.encode(text)]

    return call, [(text, chosen) for text in texts()[::3] for chosen in range(len(options))]


def search(folder):
    embedder = load(bundle_of("sentence-embedding"))
    return Search(embedder, texts()), [(text[:25],) for text in texts()]


def zero_shot(folder, *, task):
    classify = ZeroShotPipeline(load(bundle_of(task)), ["film", "card", "money"])
    return lambda text: classify(text, with_probabilities=True), [(text,) for text in texts()]


def knowledge_graph(folder):
    entities, relations = load(bundle_of("token-classification")), load(bundle_of("relation-extraction"))
    graph = KnowledgeGraph(entities, relations, max_distance=None)
    return lambda text: [str(triple) for triple in graph(text)], [(text,) for text in texts()]


def evaluation(folder):
    """Reports of one pipeline at once, on data of different sizes."""
    classify = load(bundle_of("text-classification"))
    rows = [(text, ("bad", "good", "neither")[number % 3]) for number, text in enumerate(texts())]
    return lambda size: dict(classify.evaluate(rows[:size]).metrics), [(size,) for size in range(6, 24, 3)]


def loading(folder):
    """Pipelines that are loaded, and traced, in every thread."""
    kerasft.save_bundle(folder / "bundle", bundle_of("text-classification").model, tiny.tokenizer(), max_length=24)
    return lambda text: load(folder / "bundle")(text), [(text,) for text in texts()[::6]]


def _kinds() -> dict[str, Kind]:
    kinds: dict[str, Kind] = {}
    for task in TASKS:
        kinds[f"bundle, {task}"] = functools.partial(in_memory, task=task)
        kinds[f"SavedModel ids, {task}"] = functools.partial(saved_model, task=task)
        if task in ("text-classification", "pairs", "sentence-embedding"):  # the others' answers are places in a text
            kinds[f"SavedModel texts, {task}"] = functools.partial(saved_model_texts, task=task)
        kinds[f"LiteRT float32, any length, {task}"] = functools.partial(litert, task=task)
        kinds[f"LiteRT int8, any length, {task}"] = functools.partial(litert, task=task, quantize="int8")
        kinds[f"LiteRT float32, lengths {LENGTHS}, {task}"] = functools.partial(litert, task=task, lengths=LENGTHS)
        kinds[f"device Python runner, {task}"] = functools.partial(device_runner, task=task)
    for family in ("gpt2", "t5"):
        kinds[f"Generator, {family}"] = functools.partial(generator, family=family)
        kinds[f"bundle that writes, {family}"] = functools.partial(writing_pipeline, family=family)
        for compiled, name in ((True, "CompiledModel"), (False, "Interpreter")):
            made = functools.partial(device_writer, family=family, compiled=compiled)
            kinds[f"device writer on {name}, {family}"] = made
            kinds[f"device writer on {name}, streams, {family}"] = functools.partial(made, streams=True)
    for family in ("bert", "gpt2", "t5"):
        kinds[f"tokenizer, different lengths, {family}"] = functools.partial(tokenizer, family=family)
    kinds["zero-shot by entailment"] = functools.partial(zero_shot, task="pairs")
    kinds["zero-shot by embeddings"] = functools.partial(zero_shot, task="sentence-embedding")
    return kinds | {
        "search": search,
        "knowledge graph": knowledge_graph,
        "evaluation": evaluation,
        "loading in each thread": loading,
    }


KINDS = _kinds()
SLOW = {"loading in each thread": 16}
"""Kinds of which fewer calls are enough."""
