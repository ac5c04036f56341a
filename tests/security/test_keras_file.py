"""What a model file may name, link to and ask for. Each file is refused before Keras sees it."""

import importlib
import importlib.metadata
import io
import json
import os
import zipfile

import h5py
import keras
import numpy as np
import pytest

import kerasft
from kerasft import security
from kerasft.errors import CheckpointError
from kerasft.security import keras_file
from tests import tiny, tiny_t5
from tests.environments.test_steps import ENCODER_HEADS
from tests.security.conftest import rewrite

# Each calls, opens, connects to or runs something when Keras makes it of a config, in one version of Keras or another.
NAMES = [
    ("keras.layers", "Lambda", None),
    ("keras.layers", "TFSMLayer", None),
    ("keras.layers", "TorchModuleWrapper", None),
    ("keras.layers", "JaxLayer", None),
    ("keras.layers", "StringLookup", None),
    ("keras.visualization", "plot_image_gallery", None),
    ("keras.utils", "get_file", None),
    ("keras.datasets.mnist", "load_data", None),
    ("keras.ops", "fori_loop", None),
    ("keras.src.saving.saving_lib", "load_model", None),
    ("keras.callbacks", "CSVLogger", None),
    ("keras_hub.src.tokenizers.word_piece_tokenizer", "WordPieceTokenizer", "keras_hub>WordPieceTokenizer"),
    ("keras_hub.src.models.bert.bert_backbone", "BertBackbone", "keras_hub>BertBackbone"),
    ("bloom.bloom_decoder", "BloomDecoder", None),  # KerasHub's is in its own package
    ("os", "system", None),
    ("builtins", "eval", "builtins"),
    ("kerasft.heads.pooling", "MaskedMean", "kerasft>Nothing"),
    ("keras.layers", "Dense", "kerasft>Other"),
    (None, "Dense", None),
    (None, "__lambda__", None),
    (None, "__typespec__", None),
    ("keras.layers", ["Dense"], None),
]


def named(module, name, registered):
    return {"module": module, "class_name": name, "config": {"path": "stolen"}, "registered_name": registered}


PLACES = {
    "layer": lambda config, value: config["config"]["layers"].append(
        {**value, "name": "x", "inbound_nodes": [], "build_config": None}
    ),
    "activation": lambda config, value: dense(config).update(activation=value),
    "initializer": lambda config, value: dense(config).update(kernel_initializer=value),
    "dtype": lambda config, value: dense(config).update(dtype=value),
    "deep": lambda config, value: dense(config).update(extra=[{"a": [value]}]),
    "call": lambda config, value: config["config"]["layers"][-1]["inbound_nodes"][0].update(kwargs={"x": value}),
    "model": lambda config, value: config.update(value),
}


def dense(config):
    return config["config"]["layers"][-1]["config"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", NAMES, ids=lambda name: str(name[1]))
def test_a_config_names_only_what_computes(bundle, monkeypatch, name, place):
    monkeypatch.setattr("keras.models.load_model", lambda *args, **kwargs: pytest.fail("Keras saw it"))
    rewrite(bundle / "model.keras", lambda config: PLACES[place](config, named(*name)))
    with pytest.raises(CheckpointError, match=r"which is not one of the classes that kerasft loads.*trust=True"):
        kerasft.load_bundle(bundle)


@pytest.mark.parametrize(
    "function", ["plot_image_gallery", "kerasft>gelu_tan", ["relu"], "keras_hub>gelu", "save_model"]
)
def test_a_function_is_an_activation(bundle, function):
    value = {"module": "builtins", "class_name": "function", "config": function, "registered_name": "function"}
    rewrite(bundle / "model.keras", lambda config: dense(config).update(activation=value))
    with pytest.raises(CheckpointError, match=r"names the function .*, which is not one of"):
        kerasft.load_bundle(bundle)


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"model.weights.h5": None, "model.weights.npz": b"x"}, "must contain"),
        ({"assets/x/vocabulary.txt": b"x"}, "must contain"),
        ({"../outside": b"x"}, "must contain"),
        ({"metadata.json": None}, "must contain"),
        ({"config.json": b"\xff"}, "expected JSON in UTF-8"),
        ({"config.json": b"[" * 100_000}, "nested deeper"),
        ({"config.json": b"[" * 200 + b"]" * 200}, "nested deeper"),
        ({"config.json": b"[]"}, "a config that is not of a model"),
        ({"config.json": b"{}"}, "a config that is not of a model"),
        ({"model.weights.h5": b"x"}, "model.weights.h5 is corrupted"),
        ({"model.weights.h5": b""}, "model.weights.h5 is corrupted"),
    ],
)
def test_the_archive_holds_the_three_files_of_a_model(bundle, members, problem):
    rewrite(bundle / "model.keras", members=members)
    with pytest.raises(CheckpointError, match=problem):
        kerasft.load_bundle(bundle)


def test_what_unpacks_to_more_is_refused(bundle):
    rewrite(bundle / "model.keras", members={"metadata.json": bytes(10_000_000)}, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(CheckpointError, match="is compressed or encrypted"):
        kerasft.load_bundle(bundle)


def test_two_members_of_one_name_are_refused(bundle):
    with zipfile.ZipFile(bundle / "model.keras", "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("config.json", archive.read("config.json"))
    with pytest.raises(CheckpointError, match="must contain"):
        kerasft.load_bundle(bundle)


@pytest.mark.parametrize(
    "size", [{"vocabulary_size": 10**9}, {"vocabulary_size": 10**18}, {"hidden_dim": 10**7}], ids=str
)
def test_a_config_asks_for_no_more_than_the_file_holds(bundle, size):
    def change(config):
        next(layer for layer in config["config"]["layers"] if layer["class_name"] == "TokenEmbedding")["config"].update(
            size
        )

    rewrite(bundle / "model.keras", change)
    with pytest.raises(CheckpointError, match=r"requires more weights than the file contains|cannot be loaded"):
        kerasft.load_bundle(bundle)


def test_a_million_layers_are_refused(bundle, monkeypatch):
    monkeypatch.setenv("KERASFT_MAX_LAYERS", "100")

    def change(config):
        layers = config["config"]["layers"]
        layers.extend([layers[-1]] * 101)

    rewrite(bundle / "model.keras", change)
    with pytest.raises(CheckpointError, match="more than 100 layers"):
        kerasft.load_bundle(bundle)


def weights(write):
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        write(file)
    return content.getvalue()


def external(file):
    file.create_dataset("x", (3,), "uint8", external=[("/etc/passwd", 0, 3)])


def virtual(file):
    layout = h5py.VirtualLayout((3,), "uint8")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", shape=(3,))
    file.create_virtual_dataset("x", layout)


HDF5 = {
    "soft link": lambda file: file.update(x=h5py.SoftLink("/y")),
    "external link": lambda file: file.update(x=h5py.ExternalLink("/etc/passwd", "/x")),
    "external data": external,
    "virtual data": virtual,
    "compressed": lambda file: file.create_dataset("x", data=np.zeros(10**6), compression="gzip"),
    "never written": lambda file: file.create_dataset("x", (10**6, 10**6), "float32", chunks=(1, 10)),
    "no shape": lambda file: file.create_dataset("x", data=h5py.Empty("f")),
    "text of any length": lambda file: file.create_dataset("x", data="a", dtype=h5py.string_dtype()),
    "references": lambda file: file.create_dataset("x", (1,), h5py.ref_dtype),
    "a named type": lambda file: file.update(x=np.dtype("f4")),
}


@pytest.mark.parametrize("kind", HDF5)
def test_weights_are_numbers_that_stand_in_the_file(bundle, kind):
    rewrite(bundle / "model.keras", members={"model.weights.h5": weights(HDF5[kind])})
    with pytest.raises(CheckpointError, match=r"model\.weights\.h5 (contains|stores|declares)"):
        kerasft.load_bundle(bundle)


def test_a_ring_of_hard_links_ends():
    def write(file):
        file.create_group("a")["b"] = file["/"]

    assert security.check_hdf5(io.BytesIO(weights(write)), "ring.h5") == 0


@pytest.mark.parametrize("special", ["fifo", "device", "folder"])
def test_a_pipe_or_device_is_not_opened(bundle, special):
    path = bundle / "kerasft.json"
    path.unlink()
    if special == "fifo":
        os.mkfifo(path)
    elif special == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    with pytest.raises(CheckpointError, match=r"expected a regular file|is not a bundle"):
        kerasft.load_bundle(bundle)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("settings", None),
        ("settings", [1]),
        ("metrics", "x"),
        ("versions", 1),
        ("labels", 5),
        ("labels", [["a"]]),
        ("max_length", 10**18),
        ("max_length", 0),
        ("max_length", float("inf")),
        ("problem", None),
        ("format_version", "x"),
        ("task", ["text-classification"]),
    ],
)
def test_fields_of_another_type_are_a_sentence(bundle, field, value):
    metadata = json.loads((bundle / "kerasft.json").read_text())
    (bundle / "kerasft.json").write_text(json.dumps({**metadata, field: value}))
    with pytest.raises(CheckpointError, match=r"kerasft\.json.*(damaged|must be)|the task must be one of"):
        kerasft.pipelines.load(bundle)


def test_whoever_trusts_a_file_loads_it(bundle):
    inputs = keras.Input((2,), name="token_ids")
    keras.Model(inputs, keras.layers.CategoryEncoding(3)(inputs)).save(bundle / "model.keras")
    with pytest.raises(CheckpointError, match=r"keras\.layers\.CategoryEncoding"):
        kerasft.load_bundle(bundle)
    assert kerasft.load_bundle(bundle, trust=True).model.layers
    with security.trust():
        assert kerasft.load_bundle(bundle).model.layers
    assert not security.is_trusted()


@pytest.mark.parametrize(
    ("family", "head"),
    [(family, "text_classifier") for family in tiny.ENCODERS] + [("bert", head) for head in ENCODER_HEADS],
)
def test_every_model_of_ours_passes(tmp_path, family, head):
    model = ENCODER_HEADS[head](tiny.encoder(family))
    model.save(tmp_path / "model.keras")
    numbers = security.check_keras_file(tmp_path / "model.keras")
    assert numbers >= model.count_params()
    with security.bounded_variables(numbers, "model.keras"):
        assert keras.models.load_model(tmp_path / "model.keras", compile=False).layers


def test_t5_passes(tmp_path):
    tiny_t5.model().save(tmp_path / "model.keras")
    assert security.check_keras_file(tmp_path / "model.keras") > 0


def test_the_list_names_classes_that_keras_has():
    from kerasft.security import keras_file

    version = importlib.metadata.version("keras")
    for module, names in keras_file._KERAS.items():
        if module.startswith("keras.src"):
            continue
        found = keras
        for part in module.split(".")[1:]:
            found = getattr(found, part)
        missing = {name for name in names if not hasattr(found, name)}
        # ReversibleEmbedding and the quantization configs came after the oldest Keras that kerasft takes.
        newer = {"ReversibleEmbedding", "Int4QuantizationConfig", "Int8QuantizationConfig"}
        assert missing <= newer, (module, missing, version)


@pytest.mark.parametrize("key", ["module", "registered_name", "class_name"])
@pytest.mark.parametrize("value", [{}, [], 1, True])
def test_a_name_that_is_no_text_is_refused(key, value):
    config = {"module": "keras.layers", "class_name": "Dense", "config": {}, "registered_name": None, key: value}
    with pytest.raises(CheckpointError, match="not one of the classes that kerasft loads"):
        security.check_config(config, "model.keras")


def test_every_listed_name_is_one_of_keras():
    lists = keras_file._KERAS | keras_file._KERAS_HUB_MODULES
    missing = [f"{module}.{name}" for module, names in lists.items() for name in names if not _exists(module, name)]
    assert missing == []


def _exists(module, name):
    try:
        return hasattr(importlib.import_module(module), name)
    except ModuleNotFoundError:  # keras.src.ops.linalg and the like are attributes of keras.src in some versions
        return False
