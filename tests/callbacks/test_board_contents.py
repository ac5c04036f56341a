import numpy as np
import tensorflow as tf
from sklearn.metrics import precision_recall_curve
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from kerasft.callbacks.board_contents import markdown_table, write_embeddings, write_precision_recall


def test_precision_and_recall_are_sklearns(tmp_path):
    generator = np.random.default_rng(0)
    scores = (generator.integers(0, 100, (40, 2)) + 0.5) / 100  # between two thresholds
    gold = generator.random((40, 2)) < scores
    with tf.summary.create_file_writer(str(tmp_path)).as_default():
        write_precision_recall(scores, gold, ["a", "b"], step=3)
    events = EventAccumulator(str(tmp_path), size_guidance={"tensors": 0})
    events.Reload()
    for index, name in enumerate("ab"):
        (event,) = events.Tensors(f"precision_recall/{name}")
        values = tf.make_ndarray(event.tensor_proto)
        precision, recall, thresholds = precision_recall_curve(gold[:, index], scores[:, index])
        places = (thresholds * 100).astype(int)
        np.testing.assert_allclose(values[4][places], precision[:-1], atol=1e-6)
        np.testing.assert_allclose(values[5][places], recall[:-1], atol=1e-6)
        assert event.step == 3


def test_texts_with_tabs_and_lines_stay_in_one_row(tmp_path):
    write_embeddings(tmp_path, np.eye(2), texts=["a\tb\nc", "d"], labels=["x", "y"])
    assert (tmp_path / "embeddings_texts.tsv").read_text("utf-8") == "text\tlabel\na b c\tx\nd\ty\n"


def test_a_table_of_hostile_cells():
    table = markdown_table(["text"], [["a|b <script>"], ["x" * 500]])
    assert "a\\|b &lt;script>" in table
    assert max(map(len, table.splitlines())) < 220
