"""Open a trained model's folder, whatever its form."""

import os

from kerasft import tokenizers
from kerasft.bundles import check_task, read_metadata
from kerasft.export.runners import open_runner
from kerasft.features import Labels
from kerasft.pipelines.text_classification import TextClassificationPipeline


def load(folder: str | os.PathLike, *, num_threads: int = 2) -> TextClassificationPipeline:
    """Load a bundle, a SavedModel or a LiteRT folder as something to call with texts.

    All three give the same answers within what their reports state.

    Args:
        folder: What `kerasft.save_bundle`, `kerasft.export.saved_model` or `kerasft.export.litert` wrote.
        num_threads: Threads of a LiteRT file; TensorFlow sets its own.

    Raises:
        CheckpointError: If the folder is none of the three or of another task, or a file is missing or damaged; the
            message says what is there.

    Example:

    >>> import kerasft, tempfile
    >>> from tests import tiny
    >>> folder = kerasft.save_bundle(tempfile.mkdtemp() + "/reviews", tiny.classifier(), tiny.tokenizer())
    >>> load(folder)("a charming and often affecting journey")["label"] in ("negative", "positive")
    True
    """
    metadata = read_metadata(folder)
    check_task(metadata, folder)
    return TextClassificationPipeline(
        open_runner(folder, num_threads=num_threads),
        tokenizers.load(folder),
        Labels(metadata["labels"], metadata["problem"]),
        max_length=metadata["max_length"],
        pair=bool(metadata.get("pair")),
    )
