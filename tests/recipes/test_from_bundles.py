"""The bundle of every task as the `--model` of every other: the model is built, or a sentence says why it cannot be."""

import pathlib

import keras
import numpy as np
import pytest

import kerasft
from kerasft import adapters, heads, recipes
from kerasft.backbones import GPT2Config, gpt2
from kerasft.cli import train as command
from kerasft.demo import customer_service_tasks
from kerasft.encoding.entity_markers import ENTITY_MARKERS, marker_ids
from kerasft.errors import KerasftError
from kerasft.pipelines.load import PIPELINES
from kerasft.tasks import TASKS
from tests import tiny, tiny_t5
from tests.export.conftest import trained

ENCODER_HEADS = {
    "text_classifier": lambda backbone: heads.text_classifier(backbone, ["no", "yes"]),
    "token_classifier": lambda backbone: heads.token_classifier(backbone, ["O", "B-X", "I-X"]),
    "intent_and_slots": lambda backbone: heads.intent_and_slots(backbone, ["go", "stay"], ["O", "B-X"]),
    "question_answering": heads.question_answering,
    "masked_lm": heads.masked_lm,
    "sentence_embedding": heads.sentence_embedding,
}
ENCODER_TASKS = sorted({*TASKS, "few-shot"} - {"causal-lm", "sequence-to-sequence"})
ALL_TASKS = [*ENCODER_TASKS, "causal-lm", "sequence-to-sequence"]
SOURCES = [
    *ENCODER_HEADS,
    "relation_classifier",
    "lora",
    "added_tokens",
    "causal_lm",
    "gpt2_text_classifier",
    "sequence_to_sequence",
]
REFUSED = {
    ("causal_lm", "masked-lm"): "`backbone` must be an encoder; received: 'gpt2'",
    ("causal_lm", "sequence-to-sequence"): "`backbone` must be an encoder-decoder",
    **{(source, "sequence-to-sequence"): "`backbone` must be an encoder-decoder" for source in SOURCES[:9]},
    **{(source, "causal-lm"): r"`backbone` must be a causal \(left-to-right\) decoder" for source in SOURCES[:9]},
    **{
        ("sequence_to_sequence", task): r"Load one with kerasft.load_pretrained.* \(not T5, an encoder-decoder\)"
        for task in [*ENCODER_TASKS, "causal-lm"]
    },
}
REFUSED["sequence_to_sequence", "masked-lm"] = "`backbone` must be an encoder; received: 't5'"
REFUSED |= {
    ("gpt2_text_classifier", task): why for (source, task), why in list(REFUSED.items()) if source == "causal_lm"
}


GPT2 = ("causal_lm", "gpt2_text_classifier")


class Built(Exception):
    """Raised in place of the training, when model and data are there."""


@pytest.fixture(scope="module")
def bundles(tmp_path_factory) -> dict[str, pathlib.Path]:
    folder = tmp_path_factory.mktemp("bundles")
    tokenizer, models = (
        tiny.tokenizer(),
        {name: head(trained(tiny.backbone(num_layers=1))) for name, head in ENCODER_HEADS.items()},
    )
    models["lora"] = heads.text_classifier(trained(tiny.backbone(num_layers=1)), ["no", "yes"])
    adapters.enable_lora(models["lora"], 2)
    sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 12, "max_sequence_length": 32}
    for name, head in {"causal_lm": heads.causal_lm, "gpt2_text_classifier": ENCODER_HEADS["text_classifier"]}.items():
        models[name] = head(gpt2(GPT2Config(vocabulary_size=len(tokenizer), tied_output=False, **sizes)))
    ending = tiny.tokenizer()
    ending.eos_token = "[SEP]"  # as GPT-2's own tokenizer has one
    made = {
        name: kerasft.save_bundle(folder / name, model, ending if name in GPT2 else tokenizer, max_length=16)
        for name, model in models.items()
    }
    larger, longer = kerasft.vocabulary.add_tokens(tiny.classifier(num_layers=1), tokenizer, ["customer"])
    made["added_tokens"] = kerasft.save_bundle(folder / "added_tokens", larger, longer, max_length=16)
    larger, longer = kerasft.vocabulary.add_tokens(tiny.backbone(num_layers=1), tokenizer, ENTITY_MARKERS, special=True)
    relations = heads.relation_classifier(larger, ["a", "b"], markers=marker_ids(longer))
    made["relation_classifier"] = kerasft.save_bundle(folder / "relation_classifier", relations, longer, max_length=16)
    made["sequence_to_sequence"] = kerasft.save_bundle(
        folder / "sequence_to_sequence", tiny_t5.model(), tiny_t5.tokenizer(), max_length=16
    )
    assert set(made) == set(SOURCES)
    return made


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, pathlib.Path]:
    folder = tmp_path_factory.mktemp("data")
    return {task: customer_service_tasks.write(folder / task, task, rows=400)["dev"] for task in ALL_TASKS}


def recipe_of(task: str):
    return getattr(recipes, task.replace("-", "_"))


def options_of(task: str, model: pathlib.Path, train: pathlib.Path, output: pathlib.Path, **more):
    kind = recipe_of(task).Options
    sizes = {"max_length": 16, "block_size": 16, "max_source_length": 16, "max_target_length": 16}
    if task == "question-answering":
        sizes["max_length"] = 32  # the question, and a window that holds an answer whole
    sizes |= {
        "stride": 4,
        "max_question_length": 6,
        "max_answer_length": 6,
        "generate_rows": 0,
        "max_new_tokens": 4,
        "examples_per_class": 2,
        "partners": 1,
        "epochs": 1,
    }
    fitting = {name: value for name, value in sizes.items() if name in kind.__dataclass_fields__}
    return kind(model=str(model), train=str(train), output=str(output), **{**fitting, **more})


def pairs():
    """Every source with every task; in the default run each source and each task once or twice, the rest among the slow tests."""
    for row, source in enumerate(SOURCES):
        for column, task in enumerate(ALL_TASKS):
            marks = () if row % len(ALL_TASKS) == column else pytest.mark.slow
            yield pytest.param(source, task, marks=marks)


@pytest.mark.parametrize(("source", "task"), list(pairs()))
def test_every_bundle_is_a_start_for_every_task(source, task, bundles, files, tmp_path, monkeypatch):
    recipe = recipe_of(task)

    def stop(*args, **kwargs):
        raise Built

    monkeypatch.setattr(recipe, "make_optimizer", stop)
    options = options_of(task, bundles[source], files[task], tmp_path / "new")
    if (source, task) in REFUSED:
        with pytest.raises(KerasftError, match=REFUSED[source, task]):
            recipe.main(options)
    else:
        with pytest.raises(Built):
            recipe.main(options)


RING = ["text-classification", "token-classification", "intent-and-slots", "question-answering", "relation-extraction"]
RING += ["masked-lm", "sentence-embedding", "few-shot", "text-classification"]


@pytest.mark.filterwarnings("ignore:.*questions could not be answered")  # few rows, short windows
@pytest.mark.slow
def test_one_task_after_the_other_is_trained_from_the_bundle_before(bundles, files, tmp_path):
    model = bundles["masked_lm"]
    for number, task in enumerate(RING):
        model = recipe_of(task).main(options_of(task, model, files[task], tmp_path / f"{number}"))["bundle"]
    for task, source in (("causal-lm", "causal_lm"), ("sequence-to-sequence", "sequence_to_sequence")):
        recipe_of(task).main(options_of(task, bundles[source], files[task], tmp_path / task))


@pytest.mark.parametrize(
    "name", ["token_classifier", "intent_and_slots", "question_answering", "masked_lm", "causal_lm"]
)
def test_the_same_task_continues_with_its_head(name, bundles):
    bundle = kerasft.load_bundle(bundles[name])
    head = {**ENCODER_HEADS, "causal_lm": heads.causal_lm}[name]
    model = head(kerasft.load_pretrained(bundles[name])[0])
    batch = tiny.batch(["a good film", "bad"])
    batch = {name: batch[name] for name in model.input}
    before, expected = model(batch), bundle.model(batch)
    assert kerasft.checkpoints.restore_head(model, bundles[name])
    same = keras.tree.map_structure(lambda x, y: np.allclose(x, y, atol=1e-5), model(batch), expected)
    assert all(keras.tree.flatten(same))
    assert not all(
        np.allclose(x, y, atol=1e-5) for x, y in zip(keras.tree.flatten(before), keras.tree.flatten(expected))
    )


def test_another_head_is_not_taken_over(bundles):
    for name, other in (("token_classifier", ["O", "B-Y", "I-Y"]), ("text_classifier", ["no", "yes"])):
        model = heads.token_classifier(tiny.backbone(), other)
        assert not kerasft.checkpoints.restore_head(model, bundles[name])
    model = heads.intent_and_slots(tiny.backbone(), ["stay", "go"], ["O", "B-X"])
    assert not kerasft.checkpoints.restore_head(model, bundles["intent_and_slots"])


@pytest.mark.slow
def test_an_untied_t5_keeps_its_output_matrix(tmp_path, monkeypatch, files):
    from kerasft.backbones import T5Config, t5  # here: of the one test that needs them

    sizes = {
        "num_layers": 1,
        "num_decoder_layers": 1,
        "num_heads": 2,
        "head_dim": 4,
        "hidden_dim": 8,
        "intermediate_dim": 12,
    }
    backbone = t5(T5Config(vocabulary_size=len(tiny_t5.tokenizer()), tied_output=False, **sizes))
    model = trained(heads.sequence_to_sequence(backbone))
    kerasft.checkpoints.save_huggingface(tmp_path / "t5", model, tiny_t5.tokenizer())
    kerasft.save_bundle(tmp_path / "bundle", model, tiny_t5.tokenizer(), max_length=16)
    found = []
    monkeypatch.setattr(keras.Model, "compile", lambda self, *args, **kwargs: found.append(self))
    monkeypatch.setattr(keras.Model, "fit", lambda self, *args, **kwargs: (_ for _ in ()).throw(Built))
    task = "sequence-to-sequence"
    for source in ("t5", "bundle"):
        with pytest.raises(Built):
            recipe_of(task).main(options_of(task, tmp_path / source, files[task], tmp_path / "new"))
        logits = found.pop().get_layer("logits").kernel
        np.testing.assert_allclose(logits, model.get_layer("logits").kernel, atol=1e-6)


def test_every_table_has_every_task():
    tasks = set(TASKS)
    assert set(PIPELINES) == tasks
    assert set(command._TASKS) == tasks | {"few-shot"}
    assert set(customer_service_tasks._WRITERS) == tasks | {"few-shot"}
