"""Keras alone finds every class of ours by its registered name, in a new process and whatever was imported first."""

import functools
import importlib
import inspect
import json
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

import kerasft
from kerasft import adapters, heads, losses, metrics, optimizers, serialization
from kerasft.backbones import GPT2Config, MT5Config, T5Config, gpt2, t5
from tests import tiny

ROOT = pathlib.Path(__file__).parent.parent
SIZES = {"vocabulary_size": 30, "num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 12}
T5_SIZES = {**SIZES, "num_decoder_layers": 1, "head_dim": 4}


def modules():
    """Every module of the package but the command line's, the phone's, and those that read the command line."""
    for path in sorted((ROOT / "kerasft").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[1] not in ("cli", "mobile", "__main__", "measuring", "postprocessing", "quantization"):
            yield importlib.import_module(".".join(parts[:-1] if parts[-1] == "__init__" else parts))


@functools.cache
def registered() -> dict[str, str]:
    """Name -> module of what the package registers."""
    found = {}
    for module in modules():
        for name, value in vars(module).items():
            own = getattr(value, "__module__", None) == module.__name__
            own = own and (inspect.isclass(value) or inspect.isfunction(value))
            if own and keras.saving.get_registered_name(value) == f"kerasft>{name}":
                found[name] = module.__name__
    return found


def test_the_table_holds_every_class_that_the_package_registers():
    listed = {name: module for module, names in serialization.CLASSES.items() for name in names.split()}
    assert listed | {"gelu_tanh": "kerasft.activations"} == registered()


def models() -> list[keras.Model]:
    encoders = [tiny.encoder(family) for family in tiny.ENCODERS]
    bert = tiny.encoder("bert", num_layers=1, activation=kerasft.backbones.gelu_tanh)
    lora = heads.text_classifier(bert, ["no", "yes"])
    quantized = adapters.quantize(lora)
    adapters.enable_lora(lora, 2)
    block = t5(T5Config(**T5_SIZES)).get_layer("transformer_encoder_layer_0")
    return [
        lora,
        quantized,
        *encoders,
        heads.text_classifier(encoders[0], kerasft.multi_label(["no", "yes"]), pooling="mean"),
        heads.intent_and_slots(encoders[0], ["a", "b"], ["O", "B-X"]),
        heads.relation_classifier(encoders[0], ["a", "b"], markers=(5, 6, 7, 8)),
        heads.masked_lm(encoders[0]),
        heads.text_classifier(gpt2(GPT2Config(**SIZES)), ["no", "yes"]),
        block,
        block.self_attention,
        block.feedforward,
        heads.sequence_to_sequence(t5(T5Config(**T5_SIZES))),
        t5(MT5Config(**T5_SIZES, gated=True)),
    ]


def instances() -> list:
    """At least one of every class; layers and configurations are inside of models, losses and the rest beside them."""
    rate = optimizers.WarmupLinearDecay(1e-3, total_steps=10)
    return [
        *models(),
        *(getattr(losses, name)() for name in dir(losses) if name in registered()),
        metrics.F1Score(3),
        metrics.MatthewsCorrelation(3),
        metrics.PearsonCorrelation(),
        metrics.SpearmanCorrelation(),
        metrics.Perplexity(),
        optimizers.AdamW(rate),
        optimizers.WarmupCosineDecay(1e-3, total_steps=10),
        optimizers.WarmupPolynomialDecay(1e-3, total_steps=10),
    ]


ALL = """
import json, sys
import keras, kerasft
loaded = [name for name in sys.modules if name.startswith("kerasft.")]
assert set(loaded) <= {"kerasft.serialization", "kerasft.activations"}, loaded
for line in open(sys.argv[1]):
    instance = keras.saving.deserialize_keras_object(json.loads(line))  # a model takes apart what it is given
    again = json.dumps(keras.saving.serialize_keras_object(instance))
    assert json.loads(again) == json.loads(line), (again, line)
for path in sys.argv[2:]:
    model = keras.models.load_model(path)
    print(path, type(model).__name__, type(getattr(model, 'optimizer', None)).__name__)
"""


def run(program: str, *arguments) -> str:
    words = [sys.executable, "-c", program, *map(str, arguments)]
    found = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr[-3000:]
    return found.stdout


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[pathlib.Path]:
    """A bundle's model, and one that Keras' own callback wrote in `fit`, with optimizer, loss and metrics."""
    folder = tmp_path_factory.mktemp("files")
    model = tiny.classifier(activation=kerasft.backbones.gelu_tanh)
    bundle = kerasft.save_bundle(folder / "bundle", model, tiny.tokenizer())
    rate = optimizers.WarmupLinearDecay(1e-3, total_steps=10)
    model.compile(
        optimizers.AdamW(rate), losses.SparseCategoricalCrossentropy(), metrics=[metrics.F1Score(2)], run_eagerly=True
    )
    callback = keras.callbacks.ModelCheckpoint(folder / "epoch.keras")
    model.fit(tiny.batch(["a good film", "bad"]), np.array([1, 0]), callbacks=[callback], verbose=0)
    return [bundle / "model.keras", folder / "epoch.keras"]


@pytest.mark.slow
def test_every_class_comes_back_in_a_process_that_imported_the_root_only(files, tmp_path):
    rows = [json.dumps(keras.saving.serialize_keras_object(instance)) for instance in instances()]
    assert {name for name in registered() if f'"kerasft>{name}"' in "".join(rows)} == set(registered())
    (tmp_path / "rows.jsonl").write_text("\n".join(rows))
    shown = run(ALL, tmp_path / "rows.jsonl", *files).split()
    assert [*shown[1:3], *shown[4:]] == ["LabelledModel", "NoneType", "LabelledModel", "AdamW"]


ORDERS = {
    "kerasft first": "import kerasft, keras; load = keras.models.load_model",
    "from keras": "import kerasft; from keras.models import load_model as load",
    "tf.keras": "import tensorflow as tf; import kerasft; load = tf.keras.models.load_model",
    "tf.keras after kerasft": "import kerasft; import tensorflow as tf; load = tf.keras.models.load_model",
    "a part of kerasft imports keras": "import kerasft.losses, keras; load = keras.models.load_model",
    "keras.saving": "from keras.saving import load_model as load; import kerasft",
}


# One of them in the default run, since each starts TensorFlow; the others are among the slow tests.
@pytest.mark.parametrize(
    "order",
    [name if name == "tf.keras after kerasft" else pytest.param(name, marks=pytest.mark.slow) for name in ORDERS],
)
def test_every_order_of_imports_will_do(order, files):
    run(f"import sys; {ORDERS[order]}; [load(path) for path in sys.argv[1:]]", *files)


def test_kerasft_is_imported_where_keras_is_missing_or_fails_and_registers_when_it_comes(tmp_path):
    (tmp_path / "keras.py").write_text("import keras_fails")
    program = f"""
import sys
sys.modules["keras"] = None
import kerasft
del sys.modules["keras"]
sys.path.insert(0, {str(tmp_path)!r})
for attempt in range(2):
    try:
        import keras
    except ModuleNotFoundError as error:
        assert error.name == "keras_fails"
registry = {{}}
import types
sys.modules["keras_fails"] = types.ModuleType("keras_fails")
with open({str(tmp_path / "keras.py")!r}, "a") as file:
    file.write('''
KerasTensor = object
class saving:
    get_custom_objects = staticmethod(lambda: registry)
    register_keras_serializable = staticmethod(lambda package: lambda function: function)
registry = {{}}
''')
import importlib
importlib.invalidate_caches()
import keras
print(sorted(keras.registry)[0], "tensorflow" in sys.modules)
"""
    assert run(program).split() == ["kerasft>AdamW", "False"]


def test_a_stand_in_is_the_class_to_all_that_ask():
    stand_in = serialization.StandIn("kerasft.losses.span", "SpanCrossentropy")
    assert f"{stand_in.__name__} {stand_in}" == "SpanCrossentropy <class 'kerasft.losses.span.SpanCrossentropy'>"
    assert isinstance(stand_in(), losses.SpanCrossentropy)
    assert isinstance(stand_in.from_config({}), losses.SpanCrossentropy)
    with pytest.raises(AttributeError):
        _ = stand_in.__wrapped__
