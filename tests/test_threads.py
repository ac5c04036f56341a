"""Every kind of runner from 16 threads: each answer is that of its own text, and nothing crashes."""

import copy
import pickle
import warnings

import pytest
from transformers import PreTrainedTokenizerFast

from kerasft import make_bundle
from kerasft.export.generation_check import device_loop
from kerasft.tokenizers.thread_safe import thread_safe
from tests import many_threads, tiny
from tests.export import generating

# One model of each form; benchmarks/threads.py tries all tasks in all forms.
TASK = "intent-and-slots"
KINDS = [
    *(kind for kind in many_threads.KINDS if kind.endswith(f", {TASK}") and "int8" not in kind),
    *(kind for kind in many_threads.KINDS if kind.endswith((", gpt2", ", t5")) and "writes" not in kind),
    "zero-shot by embeddings",
    "knowledge graph",
]


@pytest.mark.parametrize("kind", KINDS)
def test_each_thread_gets_its_own_answers(tmp_path, kind):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of texts that are cut
        call, items = many_threads.KINDS[kind](tmp_path)
        assert many_threads.wrong_answers(call, items, calls=200) == (0, [])


def test_the_count_finds_answers_of_other_items():
    shared = {}

    def call(number):
        shared["number"] = number
        sum(range(2000))  # long enough that another thread comes between
        return shared["number"]

    wrong, errors = many_threads.wrong_answers(call, [(number,) for number in range(8)], calls=20_000)
    assert wrong > 0
    assert errors == []


def test_two_open_streams_of_one_thread_do_not_mix():
    write = device_loop().Generator(generating.exported("gpt2")["folder"])
    prompts = many_threads._prompts("gpt2")[:2]
    expected = [write(prompt, max_new_tokens=8)["token_ids"] for prompt in prompts]
    streams = [write.stream(prompt, max_new_tokens=8) for prompt in prompts]
    assert [list(tokens) for tokens in zip(*zip(*streams))] == expected


def test_a_tokenizer_of_transformers_is_made_safe_by_a_bundle():
    plain = PreTrainedTokenizerFast(tokenizer_object=tiny.tokenizer().backend_tokenizer, pad_token="[PAD]")
    safe = make_bundle(tiny.classifier(), plain, max_length=16).tokenizer
    assert safe.backend_tokenizer is plain.backend_tokenizer

    def call(text, length):
        return safe(text, truncation=True, max_length=length)["input_ids"]

    items = [(text, length) for text in many_threads.texts()[8:16] for length in (4, 8, 12)]
    assert many_threads.wrong_answers(call, items, calls=2000) == (0, [])


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_safe_tokenizer_can_be_copied(tmp_path, copied):
    tokenizer = tiny.tokenizer()
    other = copied(tokenizer)
    assert thread_safe(other) is other
    assert other("a good film")["input_ids"] == tokenizer("a good film")["input_ids"]
    # save_pretrained writes the class' name, which transformers must know.
    assert type(other).__name__ == PreTrainedTokenizerFast.__name__
    other.save_pretrained(tmp_path)
    assert PreTrainedTokenizerFast.from_pretrained(tmp_path).tokenize("a good film") == ["a", "good", "film"]
