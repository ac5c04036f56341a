"""LiteRT files of every kind that is measured, made once."""

import keras
import pytest
import tensorflow as tf

from tests import tiny


@pytest.fixture(scope="session")
def signatures_file(tmp_path_factory):
    """A tiny classifier in int8 with the signatures `length_8` and `length_16`, which share their weights."""
    model = tiny.classifier()
    archive = keras.export.ExportArchive()
    archive.track(model)
    names = ["length_8", "length_16"]
    for name in names:
        shape = (1, int(name.split("_")[1]))
        spec = {key: tf.TensorSpec(shape, tf.int32, name=key) for key in model.input}
        archive.add_endpoint(name, lambda features: {"logits": model(features, training=False)}, [spec])
    folder = tmp_path_factory.mktemp("signatures")
    archive.write_out(str(folder / "saved_model"), verbose=False)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved_model"), signature_keys=names)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return _written(folder, converter)


@pytest.fixture(scope="session")
def free_file(tmp_path_factory):
    """A model of another maker: float32 in (any number of rows, any length, 3), no layer of kerasft's."""
    inputs = keras.Input((None, 3), name="frames")
    model = keras.Model(inputs, keras.layers.Dense(4, activation="relu")(keras.layers.Dense(8)(inputs)))
    folder = tmp_path_factory.mktemp("free")
    model.export(str(folder / "saved_model"), verbose=False)
    return _written(folder, tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved_model")))


@pytest.fixture(scope="session")
def nameless_file(tmp_path_factory):
    """A file without a signature, as old converters wrote them."""
    table = tf.random.stateless_normal((8, 4), (0, 1))
    function = tf.function(lambda image: tf.nn.softmax(image @ table), [tf.TensorSpec((1, 8), tf.float32)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    return _written(tmp_path_factory.mktemp("nameless"), converter)


def _written(folder, converter):
    path = folder / "model.tflite"
    path.write_bytes(converter.convert())
    return path


@pytest.fixture(scope="session")
def flex_file(tmp_path_factory):
    """A file with an operation that is TensorFlow's, which the plain runtime has not."""
    function = tf.function(lambda x: tf.linalg.inv(x), [tf.TensorSpec((2, 2), tf.float32)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    return _written(tmp_path_factory.mktemp("flex"), converter)


@pytest.fixture(scope="session")
def positions_file(tmp_path_factory):
    """A classifier of any length up to its 16 positions."""
    folder = tmp_path_factory.mktemp("positions")
    tiny.classifier(max_sequence_length=16).export(str(folder / "saved_model"), verbose=False)
    return _written(folder, tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved_model")))
