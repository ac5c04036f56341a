"""Files that write texts: the tokens of Keras, from prompts of every length; what is in the file and in the folder."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import kerasft
from kerasft import KerasftError
from kerasft.errors import ExportError
from kerasft.export import generation
from kerasft.export.generation_check import device_loop
from kerasft.generation import GenerationOptions
from tests import tiny
from tests.export.generating import CACHE, LENGTHS, TEXT, bundle, exported, keras_generator

OPTIONS = [
    {"max_new_tokens": 12},
    {"max_new_tokens": 12, "method": "sample", "seed": 3},
    {"max_new_tokens": 12, "method": "sample", "top_k": 5},
    {"max_new_tokens": 12, "method": "sample", "top_p": 0.8, "temperature": 2.0, "top_k": 50},
    {"max_new_tokens": 12, "repetition_penalty": 1.4, "no_repeat_ngram_size": 2, "min_new_tokens": 6},
]


def folder(task, quantize=None):
    return pathlib.Path(exported(task, quantize)["folder"])


def device(task, **options):
    made = device_loop().Generator(folder(task), **options)
    made.defaults = dict(device_loop().DEFAULTS)
    return made


def prompt(length, seed=0):
    return np.random.default_rng([length, seed]).integers(3, 300, length).tolist()


def read(path):
    return schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)


# 1: no prefill; 2, 9, 17: one; 18 and more: several; 41: the last one does not fit behind 32; 44: room for 4 tokens only.
@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(
    ("task", "lengths"), [("gpt2", (1, 2, 9, 10, 17, 18, 26, 33, 41, 44, 47)), ("t5", (1, 7, 8, 9, 15, 16))]
)
def test_it_writes_the_tokens_of_keras_from_prompts_of_every_length(task, lengths, compiled):
    write = device(task, compiled=compiled)
    expected = keras_generator(task)([prompt(length) for length in lengths], GenerationOptions(max_new_tokens=12))
    for length, text in zip(lengths, expected):
        room = CACHE - length if task == "gpt2" else CACHE
        answer = write(prompt(length), max_new_tokens=12)
        assert answer["token_ids"] == text.token_ids[:room]
        assert answer["finished"] == (text.finished and len(text.token_ids) < room)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("task", ["gpt2", "t5"])
def test_its_options_are_those_of_keras(task, options):
    write = device(task)
    for seed in range(3):
        (text,) = keras_generator(task)([prompt(7, seed)], GenerationOptions(**options))
        assert write(prompt(7, seed), **options)["token_ids"] == text.token_ids
        assert list(write.stream(prompt(7, seed), **options)) == text.token_ids


def test_a_text_ends_with_the_end_token_or_where_the_cache_ends():
    write = device("gpt2")
    free = write(prompt(5), max_new_tokens=10)
    write.end_id = free["token_ids"][3]
    first = free["token_ids"].index(write.end_id)
    assert write(prompt(5), max_new_tokens=10) == {"token_ids": free["token_ids"][:first], "finished": True}
    write.end_id = -1
    assert len(write(prompt(5), max_new_tokens=100)["token_ids"]) == CACHE - 5


def test_one_text_leaves_nothing_behind_for_the_next():
    write = device("gpt2")
    alone = write(prompt(9))
    write(prompt(40))
    assert write(prompt(9)) == alone


@pytest.mark.parametrize(
    ("task", "ids", "options", "message"),
    [
        ("gpt2", [], {}, "must have 1 to 47 tokens.* received: 0"),
        ("gpt2", [5] * 48, {}, "must have 1 to 47 tokens.* received: 48"),
        ("t5", [5] * 17, {}, "must have 1 to 16 tokens; received: 17"),
        ("gpt2", [5], {"num_beams": 4}, "unknown option 'num_beams'"),
        ("gpt2", [5], {"method": "beam"}, "'greedy' or 'sample'; received: 'beam'"),
        ("gpt2", [5], {"top_k": 4}, "top_k and top_p require method='sample'"),
        ("gpt2", [5], {"max_new_tokens": 0}, "max_new_tokens must be 1 or more; received: 0"),
    ],
)
def test_what_it_cannot_do_is_refused(task, ids, options, message):
    with pytest.raises(ValueError, match=message):
        device(task)(ids, **options)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["gpt2", "t5"])
def test_the_int8_file_holds_every_table_once_and_in_int8(task):
    small, large = exported(task, "int8"), exported(task)
    assert large["equal_texts"] == large["agreement"] == 1.0
    assert small["agreement"] > 0.8
    model = read(folder(task, "int8") / "model.tflite")
    tables = [tensor for graph in model.subgraphs for tensor in graph.tensors if list(tensor.shape) == [300, 32]]
    assert {tensor.type for tensor in tables} == {schema.TensorType.INT8}
    assert len({tensor.buffer for tensor in tables}) == 1
    float_model = read(folder(task) / "model.tflite")
    tables = [tensor for graph in float_model.subgraphs for tensor in graph.tensors if list(tensor.shape) == [300, 32]]
    assert len({tensor.buffer for tensor in tables}) == 1
    weights = sum(len(buffer.data) for buffer in float_model.buffers if buffer.data is not None)
    assert weights < 1.1 * 4 * bundle(task).model.count_params() + 20_000  # shared among the signatures


def test_the_folder_says_how_to_use_it():
    facts = json.loads((folder("gpt2") / "signature.json").read_text("utf-8"))
    assert set(facts["signatures"]) == {"decode", "prefill_8", "prefill_16"}
    inputs = facts["signatures"]["prefill_8"]["inputs"]
    assert inputs["tokens"] == {"shape": [1, 8], "dtype": "int32"}
    assert inputs["input_pos"] == {"shape": [8], "dtype": "int32"}
    assert inputs["kv_cache_k_0"] == {"shape": [1, 2, CACHE, 16], "dtype": "float32"}
    assert facts["signatures"]["decode"]["outputs"]["logits"]["shape"] == [1, 1, 300]
    assert "logits" not in facts["signatures"]["prefill_8"]["outputs"]
    assert facts["generation"] == {
        "kind": "causal_lm",
        "prefill_lengths": list(LENGTHS),
        "cache_length": CACHE,
        "start_token_id": 0,
        "end_token_id": bundle("gpt2").tokenizer.eos_token_id,
        "options": {"max_new_tokens": 20, "method": "greedy"},  # of a beam search
    }
    assert "kerasft_writer.py . --golden" in (folder("gpt2") / "README.md").read_text("utf-8")
    assert "</b>tokens/s" in (folder("gpt2") / "report.html").read_text("utf-8")
    golden = [json.loads(line) for line in (folder("gpt2") / "golden.jsonl").read_text("utf-8").splitlines()]
    assert [row["text"] for row in golden] == TEXT[:3]
    assert set(golden[0]) == {"text", "token_ids", "generated_token_ids", "answer"}
    facts = json.loads((folder("t5") / "signature.json").read_text("utf-8"))
    assert set(facts["signatures"]) == {"decode", "encode_8", "encode_16"}
    assert facts["signatures"]["encode_8"]["outputs"]["cross_cache_v_1"]["shape"] == [1, 2, 16, 16]
    assert facts["generation"]["kind"] == "sequence_to_sequence"


@pytest.mark.parametrize("task", ["gpt2", "t5"])
def test_the_writer_runs_alone_and_writes_what_the_pipeline_does(task):
    loop = folder(task) / "python" / "kerasft_writer.py"

    def run(*words):
        return subprocess.run([sys.executable, loop, folder(task), *words], capture_output=True, text=True)

    pipeline = kerasft.pipelines.load(bundle(task))
    for text in ("a good film", "caf\u00e9 \U0001f600 don't", ""):
        done = run(text, "--max-new-tokens", "8")
        expected = pipeline(text, max_new_tokens=8, method="greedy")["generated"]
        assert done.stdout == expected + "\n", done.stderr
    assert ": 0 with differences" in run("--golden").stdout
    assert run("a", "--max-new-tokens", "0").stderr == "error: max_new_tokens must be 1 or more; received: 0\n"
    code = "import runpy, sys; runpy.run_path(sys.argv[1]); print([n for n in sys.argv[2:] if n in sys.modules])"
    heavy = ["tensorflow", "keras", "transformers", "kerasft"]
    done = subprocess.run([sys.executable, "-c", code, loop, *heavy], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quantize": "int4"}, r"`quantize` must be one of .*; received: 'int4'"),
        ({"cache_length": 65}, r"`cache_length` must be a whole number from 2 to 64 .* received: 65"),
        ({"cache_length": True}, r"`cache_length` must be .* received: True"),
        ({"prefill_lengths": (8, 49), "cache_length": 48}, r"from 1 to 48 \(cache_length\); received: \(8, 49\)"),
        ({"prefill_lengths": ()}, r"`prefill_lengths` must be .* received: \(\)"),
        ({"prompts": []}, r"`prompts` must be one or more texts, or None; received: \[\]"),
        ({"min_agreement": 2}, r"`min_agreement` must be a fraction from 0 to 1; received: 2"),
    ],
)
def test_wrong_arguments_are_named(options, message, tmp_path):
    with pytest.raises(KerasftError, match=message):
        kerasft.export.litert_generation(bundle("gpt2"), tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_classifier_writes_no_texts(tmp_path):
    classifier = kerasft.make_bundle(tiny.classifier(), tiny.tokenizer(), max_length=16)
    with pytest.raises(
        KerasftError, match=r"`bundle` must be a bundle for one of the tasks .* received: 'text-classification'"
    ):
        kerasft.export.litert_generation(classifier, tmp_path / "out")


def test_a_file_that_writes_other_texts_is_not_kept(tmp_path, monkeypatch):
    content = (folder("gpt2", "int8") / "model.tflite").read_bytes()
    monkeypatch.setattr(
        generation, "convert_generation", lambda functions, quantize: content
    )  # a wrong file for float32
    options = {"prefill_lengths": LENGTHS, "cache_length": CACHE}
    with pytest.raises(
        ExportError, match=r"exported model generates other tokens than the Keras model on .* of 20 prompts"
    ):
        kerasft.export.litert_generation(bundle("gpt2"), tmp_path / "out", **options)
    with pytest.raises(ExportError, match=r"agrees with the Keras model on 0\.\d+ of \d+ tokens; min_agreement is 1"):
        kerasft.export.litert_generation(
            bundle("gpt2"), tmp_path / "out", quantize="int8", min_agreement=1.0, **options
        )
    assert list(tmp_path.iterdir()) == []
