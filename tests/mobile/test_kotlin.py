"""The Android sample, compiled and run on the JVM: the ids of Hugging Face's tokenizers, and the tokens of the Python loop.

Needs a Kotlin compiler: the environment variable KOTLINC, or `kotlinc` on the PATH. The npm package `kotlin-compiler` has it
in its folder `bin`. KERASFT_TOKENIZERS may name a folder of published vocabularies (`bert-base-uncased-vocab.txt`,
`bert-base-cased-vocab.txt`, `gpt2-encoder.json`, `gpt2-vocab.bpe`, `t5-spiece.model`), which are tested too then.
"""

import functools
import importlib
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import tempfile

import ai_edge_litert.interpreter as litert
import numpy as np
import pytest
from tokenizers import AddedToken, normalizers

import kerasft
from kerasft.answers import answers, probabilities
from kerasft.backbones import GPT2Config, gpt2
from kerasft.encoding.encoded import encode
from kerasft.export.generation import litert_generation
from kerasft.export.generation_check import device_loop
from kerasft.export.mobile import preprocessing
from kerasft.features import Labels
from kerasft.heads import causal_lm, token_classifier
from kerasft.tasks.samples import SAMPLE_TEXTS
from kerasft.tokenizers import kinds
from tests import tiny, tiny_t5
from tests.pipelines import test_relation_extraction
from tests.tokenizers import tiny_files

load_module = importlib.import_module("kerasft.tokenizers.load")

ROOT = pathlib.Path(__file__).parents[2]
ANDROID = ROOT / "kerasft" / "mobile" / "android"
TABLES = ANDROID / "app/src/main/kotlin/org/kerasft/core/UnicodeTables.kt"
WORDS = [
    *(
        "the",
        "a",
        "don't",
        "I'm",
        "we'll",
        "you've",
        "they're",
        "he'd",
        "'S",
        "'x",
        "'s",
        "'",
        "don\u2019t",
        "123",
        "4.5",
    ),
    *(
        "\u00e9lan",
        "na\u00efve",
        "Na\u00efve",
        "stra\u00dfe",
        "\u0391\u03a3",
        "\u03a3\u03b1\u03c2",
        "hello",
        "shello",
        "unaffable",
        "x",
    ),
    *(
        "[CLS]",
        "[MASK]",
        "<mask>",
        "</s>",
        "<|endoftext|>",
        "<e1>",
        "<e1> the",
        "\u4e2d",
        "\u0645\u0631\u062d\u0628\u0627",
    ),
    *("\U0001f468\u200d\U0001f469\u200d\U0001f467", " ", "  ", "\n", "\t", "\u0301", "\u00a0"),
]


def compiler():
    found = os.environ.get("KOTLINC") or shutil.which("kotlinc")
    if not found or not shutil.which("java"):
        pytest.skip(
            "no Kotlin compiler: set KOTLINC, or put kotlinc and java on the PATH (npm package kotlin-compiler)"
        )
    return found


@pytest.fixture(scope="module")
def jar(tmp_path_factory):
    """Everything compiled, with the Android files against stubs of what they use of Android and LiteRT."""
    path = tmp_path_factory.mktemp("kotlin") / "golden.jar"
    sources = [str(ANDROID / "app" / "src"), str(pathlib.Path(__file__).parent / "kotlin_stubs")]
    subprocess.run([compiler(), "-Werror", *sources, "-include-runtime", "-d", str(path)], check=True)
    return path


def java(jar, main, *arguments, **options):
    command = ["java", "-cp", str(jar), f"org.kerasft.core.{main}Kt", *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", **options
    )


def golden(jar, folders):
    """What the golden test prints, and its exit code."""
    process = java(jar, "GoldenTest", *folders)
    printed, errors = process.communicate(timeout=300)
    assert not errors, errors
    return printed, process.returncode


@functools.cache
def edges() -> list[int]:
    """The code points at the ends of all classes of characters, from the Kotlin tables themselves, and beside them."""
    found = set(range(0x250))
    for table in re.findall(r"CodePoints\((.*?)\)", TABLES.read_text("utf-8"), re.DOTALL):
        numbers = [int(number, 36) for number in " ".join(re.findall('"(.*?)"', table)).split()]
        end = 0
        for gap, count in zip(numbers[::2], numbers[1::2]):
            first, end = end + gap, end + gap + count
            found |= {first - 1, first, end - 1, end}
    return sorted(code for code in found if 0 <= code < 0x110000 and not 0xD800 <= code < 0xE000)


def hostile_texts(seed=0, count=600) -> list[str]:
    """Sample texts, every code point at the end of a class, and random mixtures."""
    rng, codes = random.Random(seed), edges()

    def characters():
        return "".join(chr(rng.choice(codes)) for _ in range(rng.randrange(1, 30)))

    def mixture():
        pieces = (
            lambda: rng.choice(WORDS),
            lambda: " ",
            lambda: chr(rng.choice(codes)),
            lambda: chr(rng.randrange(0x3000)),
        )
        return "".join(rng.choice(pieces)() for _ in range(rng.randrange(1, 40)))

    def sentence():
        return " ".join(rng.choice(WORDS) for _ in range(rng.randrange(150)))

    def letters():
        return "".join(rng.choice("abcde\u00e9 \u0301'\u20190123!?.-\n\t") for _ in range(rng.randrange(60)))

    made = [rng.choice((characters, mixture, sentence, letters))() for _ in range(count)]
    singles = [f"a{chr(code)}b {chr(code)} 1{chr(code)}1 !{chr(code)}!{chr(code)}" for code in codes]
    return [*SAMPLE_TEXTS, *singles, *made]


def write_golden(folder, tokenizer, max_length):
    """A folder with what the golden test reads: texts and pairs, half of them with escaped characters."""
    folder.mkdir(parents=True)
    tokenizer.save_pretrained(str(folder))
    signature = {
        "signatures": {}, "task": "text-classification", "problem": "single_label", "labels": ["no", "yes"], "pair": False,
        "max_length": max_length, "pad_token_id": tokenizer.pad_token_id, "preprocessing": preprocessing(tokenizer),
    }  # fmt: skip
    (folder / "signature.json").write_text(json.dumps(signature), "utf-8")
    texts = hostile_texts()
    pairs = list(zip(random.Random(1).choices(texts, k=600), random.Random(2).choices(texts, k=600)))
    with (folder / "golden.jsonl").open("w", encoding="utf-8") as file:
        for name, items in (("text", texts), ("texts", pairs)):
            encoded = encode(tokenizer, items, max_length=max_length)
            for number, item in enumerate(items):
                row = {name: item, "token_ids": encoded.token_ids[number]}
                if "token_type_ids" in tokenizer.model_input_names:
                    row["segment_ids"] = encoded.segment_ids[number]
                file.write(json.dumps(row, ensure_ascii=bool(number % 2)) + "\n")
    return folder


def published(name, settings=None):
    """A published tokenizer, put together from its older files."""
    folder = pathlib.Path(os.environ["KERASFT_TOKENIZERS"])
    if name == "T5Tokenizer":
        with tempfile.TemporaryDirectory() as copy:
            shutil.copy(folder / "t5-spiece.model", pathlib.Path(copy) / "spiece.model")
            return load_module.load(copy)
    if name.startswith("Bert"):
        settings = {**kinds.BERT_TOKENS, **settings}
        lines = (folder / settings.pop("file")).read_text("utf-8").removesuffix("\n").split("\n")
        backend = kinds.wordpiece({token: index for index, token in enumerate(lines)}, settings)
    else:
        settings = {**kinds.KINDS[name].special_tokens, **(settings or {})}
        ids = json.loads((folder / "gpt2-encoder.json").read_text("utf-8"))
        lines = (folder / "gpt2-vocab.bpe").read_text("utf-8").split("\n")[1:]
        merges = [tuple(line.split(" ")) for line in lines if line]
        if name == "RobertaTokenizer":
            ids |= {
                token: len(ids) + number for number, token in enumerate(sorted(set(settings.values()) - {False, True}))
            }
        backend = (kinds.roberta if name == "RobertaTokenizer" else kinds.gpt2)(ids, merges, settings)
    return load_module.wrapped(backend, kinds.KINDS[name], settings)


def with_added_tokens(tokenizer):
    """The tokenizer with added tokens of every flag, also such as are looked for in the normalised text."""
    tokenizer = load_module.copied(tokenizer)
    tokenizer.backend_tokenizer.add_tokens([
        AddedToken("hello", single_word=True, normalized=False),
        AddedToken("Na\u00efve", normalized=True),
        AddedToken("<e1>", lstrip=True, rstrip=True, normalized=False),
        AddedToken("<e1> the", normalized=False),
    ])  # fmt: skip
    return tokenizer


def assert_no_difference(jar, folders):
    printed, code = golden(jar, folders)
    assert code == 0, printed
    assert printed.count(" 0 different") == len(folders)


def test_the_ids_are_those_of_hugging_face(jar, tmp_path):
    spaced = load_module.wrapped(*with_prefix_space(tiny_files.tokenizer("roberta")))
    cased = load_module.copied(tiny.tokenizer())
    cased.backend_tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    stripped = load_module.copied(tiny.tokenizer())
    stripped.backend_tokenizer.normalizer = normalizers.BertNormalizer(True, False, True, False)
    tokenizers = {
        "wordpiece": tiny.tokenizer(),
        "cased": cased,
        "stripped": stripped,
        "added": with_added_tokens(tiny.tokenizer()),
        "gpt2": tiny_files.tokenizer("gpt2"),
        "roberta": tiny_files.tokenizer("roberta"),
        "spaced": spaced,
        "t5": tiny_files.tokenizer("t5"),
        "xlm_roberta": tiny_files.tokenizer("xlm-roberta"),
        "roberta_added": with_added_tokens(tiny_files.tokenizer("roberta")),
    }
    folders = [
        write_golden(tmp_path / f"{name}_{max_length}", tokenizer, max_length)
        for name, tokenizer in tokenizers.items()
        for max_length in ((17, 64) if name in ("wordpiece", "roberta") else (48,))
    ]
    assert_no_difference(jar, folders)


def with_prefix_space(tokenizer):
    """What makes the tokenizer again, with a space before every text."""
    settings = {**kinds.ROBERTA_TOKENS, "add_prefix_space": True}
    model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    merges = [tuple(merge) for merge in model["merges"]]
    return kinds.roberta(model["vocab"], merges, settings), kinds.KINDS["RobertaTokenizer"], settings


@pytest.mark.skipif("KERASFT_TOKENIZERS" not in os.environ, reason="KERASFT_TOKENIZERS names no folder of vocabularies")
def test_the_ids_of_published_vocabularies(jar, tmp_path):
    tokenizers = {
        "uncased": published("BertTokenizer", {"file": "bert-base-uncased-vocab.txt"}),
        "cased": published("BertTokenizer", {"file": "bert-base-cased-vocab.txt", "do_lower_case": False}),
        "gpt2": published("GPT2Tokenizer"),
        "roberta": published("RobertaTokenizer"),
        "spaced": published("RobertaTokenizer", {"add_prefix_space": True}),
        "t5": published("T5Tokenizer"),
    }
    assert_no_difference(jar, [write_golden(tmp_path / name, one, 64) for name, one in tokenizers.items()])


def test_a_wrong_id_is_found(jar, tmp_path):
    folder = write_golden(tmp_path / "wrong", tiny.tokenizer(), 16)
    lines = (folder / "golden.jsonl").read_text("utf-8").split("\n")  # not splitlines: U+2028 stands in texts
    row = json.loads(lines[0])
    row["token_ids"][1] += 1
    (folder / "golden.jsonl").write_text("\n".join([json.dumps(row), *lines[1:]]), "utf-8")
    printed, code = golden(jar, [folder])
    assert code == 1
    assert "1 different" in printed
    assert row["text"] in printed


def answer_calls(process, model):
    """Run the signatures that the Kotlin process asks for; return the other lines that it printed."""
    interpreter = litert.Interpreter(model_path=str(model), num_threads=1)
    answers = []
    for line in process.stdout:
        message = json.loads(line)
        if "signature" not in message:
            answers.append(message)
            continue
        runner = interpreter.get_signature_runner(message["signature"])
        details = runner.get_input_details()
        inputs = {
            # A float buffer comes flat; an array of integers has its shape, and resizes what is open.
            name: np.array(value, np.int32) if details[name]["dtype"] == np.int32
            else np.array(value, np.float32).reshape(details[name]["shape"])
            for name, value in message["inputs"].items()
        }  # fmt: skip
        outputs = {name: value.ravel().tolist() for name, value in runner(**inputs).items()}
        process.stdin.write(json.dumps(outputs) + "\n")
        process.stdin.flush()
    assert process.wait(60) == 0, process.stderr.read()
    return answers


def piped(jar, folder, *arguments):
    with java(jar, "PipedTest", folder, *arguments, stdin=subprocess.PIPE) as process:
        return answer_calls(process, folder / "model.tflite")


@pytest.mark.parametrize(("sequence_length", "pair"), [(None, False), ((8, 16, 32), False), ((16, 32), True)])
def test_a_classifier_answers_as_the_bundle_says(jar, tmp_path, sequence_length, pair):
    bundle = kerasft.make_bundle(tiny.classifier(["no", "yes", "maybe"]), tiny.tokenizer(), max_length=32, pair=pair)
    kerasft.export.litert(bundle, tmp_path / "phone", sequence_length=sequence_length)
    assert_golden(piped(jar, tmp_path / "phone"))


def assert_golden(answers):
    (checked,) = answers
    assert checked["checked"] >= 50
    assert checked["different"] == 0
    assert checked["largest"] < 1e-5


def test_outputs_per_token_have_no_rows_for_padding(jar, tmp_path):
    model = token_classifier(tiny.backbone(), ["O", "B-PER", "I-PER"])
    bundle = kerasft.make_bundle(model, tiny.tokenizer(), max_length=32)
    kerasft.export.litert(bundle, tmp_path / "phone", sequence_length=(16, 32))
    assert_golden(piped(jar, tmp_path / "phone"))


def test_a_long_text_with_two_entities_is_cut_around_them(jar, tmp_path):
    near = [f"{'good ' * n}<e1>we</e1> lost <e2>film</e2>{' bad' * (40 - n)}" for n in (0, 3, 20, 40)]
    far = [f"<e2>we</e2> {'lost ' * n}<e1>my card</e1> and film" for n in (8, 30)]
    kerasft.export.litert(
        test_relation_extraction.make_bundle(), tmp_path / "phone", sequence_length=24, texts=near + far
    )
    assert_golden(piped(jar, tmp_path / "phone"))


def assert_tokens_of_the_python_loop(jar, folder, prompts):
    requests = [{"prompt": prompt, "options": options} for prompt in prompts for options in OPTIONS]
    (folder / "requests.jsonl").write_text("".join(json.dumps(request) + "\n" for request in requests), "utf-8")
    written = piped(jar, folder, folder / "requests.jsonl")
    generator = device_loop().Generator(folder)
    assert written == [generator(request["prompt"], **request["options"]) for request in requests]


def prompts(vocabulary_size, lengths):
    rng = random.Random(0)
    return [[rng.randrange(vocabulary_size) for _ in range(length)] for length in lengths]


def test_gpt2_writes_the_tokens_of_the_python_loop(jar, tmp_path):
    tokenizer = tiny_files.tokenizer("gpt2")
    sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 32, "max_sequence_length": 64}
    config = GPT2Config(vocabulary_size=len(tokenizer), initializer_range=0.5, **sizes)
    bundle = kerasft.make_bundle(causal_lm(gpt2(config)), tokenizer, max_length=32)
    folder = tmp_path / "phone"
    litert_generation(bundle, folder, prefill_lengths=(4, 16), cache_length=40)
    (checked,) = piped(jar, folder)
    assert checked["different"] == 0
    # Shorter and longer than every prefill, and so long that the cache ends.
    assert_tokens_of_the_python_loop(jar, folder, prompts(len(tokenizer), (1, 2, 5, 16, 17, 22, 37)))


def test_t5_writes_the_tokens_of_the_python_loop(jar, tmp_path):
    folder = tmp_path / "phone"
    litert_generation(tiny_t5.bundle(), folder, prefill_lengths=(4, 16), cache_length=24)
    (checked,) = piped(jar, folder)
    assert checked["different"] == 0
    assert_tokens_of_the_python_loop(jar, folder, prompts(len(tiny_t5.tokenizer()), (1, 4, 5, 16)))


@pytest.mark.parametrize(
    ("problem", "settings"),
    [
        ("single_label", {}),
        ("single_label", {"out_of_scope": {"threshold": 0.6, "label": "none"}}),
        ("single_label", {"temperature": 2.5, "out_of_scope": {"threshold": 0.6, "label": "none"}}),
        ("multi_label", {}),
        ("multi_label", {"temperature": 2, "thresholds": [0.2, 0.5, 0.8]}),
        ("regression", {}),
    ],
)
def test_answers_are_those_of_the_pipeline(jar, tmp_path, problem, settings):
    labels = Labels(["similarity"] if problem == "regression" else ["a", "b", "c"], problem)
    logits = np.random.default_rng(0).normal(size=(20, len(labels))).astype("float32") * 3
    signature = {
        "signatures": {}, "task": "text-classification", "problem": problem, "labels": list(labels), "pair": False,
        "max_length": 8, "settings": settings, "preprocessing": preprocessing(tiny.tokenizer()),
    }  # fmt: skip
    (tmp_path / "signature.json").write_text(json.dumps(signature), "utf-8")
    (tmp_path / "logits.jsonl").write_text("".join(f"{row}\n" for row in logits.tolist()), "utf-8")
    with java(jar, "AnswersTest", tmp_path / "signature.json", tmp_path / "logits.jsonl") as process:
        received = [json.loads(line) for line in process.stdout]
    chances = probabilities(logits, labels, temperature=settings.get("temperature", 1.0))
    np.testing.assert_allclose([row["scores"] for row in received], chances, atol=1e-12)
    options = dict(settings)
    found = answers(logits, labels, threshold=options.pop("thresholds", 0.5), **options)
    for row, answer in zip(received, found, strict=True):
        if problem == "regression":
            expected = list(answer.items())
        else:
            expected = [(one["label"], one["score"]) for one in answer.get("labels", [answer])]
        assert [label for label, _ in row["best"]] == [label for label, _ in expected]
        assert [score for _, score in row["best"]] == pytest.approx([score for _, score in expected])


OPTIONS = (
    {"max_new_tokens": 20},
    {"max_new_tokens": 12, "repetition_penalty": 1.3, "no_repeat_ngram_size": 2, "min_new_tokens": 5},
    {"max_new_tokens": 20, "method": "sample", "top_k": 5, "seed": 3},
    {"max_new_tokens": 20, "method": "sample", "top_p": 0.7, "temperature": 1.5},
    {"max_new_tokens": 20, "method": "sample", "top_k": 20, "top_p": 0.9, "seed": 2**40},
    {"max_new_tokens": 9, "method": "sample"},
)
