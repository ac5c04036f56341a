"""Open a trained model's folder, whatever its form and its task."""

import os

from kerasft import tokenizers
from kerasft.bundles import MODEL_FILE, Bundle, load_bundle, read_metadata
from kerasft.errors import CheckpointError
from kerasft.export.runners import open_runner, weights_path
from kerasft.pipelines.intent_and_slots import IntentAndSlotsPipeline
from kerasft.pipelines.masked_lm import MaskedLMPipeline
from kerasft.pipelines.pipeline import Pipeline
from kerasft.pipelines.question_answering import QuestionAnsweringPipeline
from kerasft.pipelines.relation_extraction import RelationExtractionPipeline
from kerasft.pipelines.sentence_embedding import SentenceEmbeddingPipeline
from kerasft.pipelines.sequence_to_sequence import SequenceToSequencePipeline
from kerasft.pipelines.text_classification import TextClassificationPipeline
from kerasft.pipelines.text_generation import TextGenerationPipeline
from kerasft.pipelines.token_classification import TokenClassificationPipeline

PIPELINES: dict[str, type[Pipeline]] = {
    "causal-lm": TextGenerationPipeline,
    "intent-and-slots": IntentAndSlotsPipeline,
    "masked-lm": MaskedLMPipeline,
    "relation-extraction": RelationExtractionPipeline,
    "sentence-embedding": SentenceEmbeddingPipeline,
    "sequence-to-sequence": SequenceToSequencePipeline,
    "text-classification": TextClassificationPipeline,
    "question-answering": QuestionAnsweringPipeline,
    "token-classification": TokenClassificationPipeline,
}
"""The pipeline of each task; see `kerasft.bundles.TASKS`."""


def load(folder: Bundle | str | os.PathLike, *, num_threads: int = 2) -> Pipeline:
    """Load a bundle, a SavedModel or a LiteRT folder as something to call with texts.

    All three give the same answers within what their reports state.

    Args:
        folder: What `kerasft.save_bundle`, `kerasft.export.saved_model` or `kerasft.export.litert` wrote; or a bundle in
            memory, as `kerasft.make_bundle` makes it.
        num_threads: Threads of a LiteRT file; TensorFlow sets its own.

    Returns:
        The task's pipeline, such as `TextClassificationPipeline`.

    Raises:
        CheckpointError: If the folder is none of the three or of a task without a pipeline, or a file is missing or
            damaged; the message says what is there.

    Example:

    >>> import kerasft, tempfile
    >>> from tests import tiny
    >>> folder = kerasft.save_bundle(tempfile.mkdtemp() + "/reviews", tiny.classifier(), tiny.tokenizer())
    >>> load(folder)("a charming and often affecting journey")["label"] in ("negative", "positive")
    True
    """
    metadata = folder.metadata if isinstance(folder, Bundle) else read_metadata(folder)
    task = metadata.get("task", "text-classification")
    if task not in PIPELINES:
        raise CheckpointError(
            f"{folder}: the task must be one of {', '.join(PIPELINES)}; received: {task!r}. "
            "Call the model of kerasft.load_bundle(...) itself, or install the kerasft that wrote the folder."
        )
    kind = PIPELINES[task]
    if isinstance(folder, Bundle):
        return kind.from_bundle(folder)
    if weights_path(folder).name == MODEL_FILE:
        return kind.from_bundle(load_bundle(folder))
    return kind.from_runner(open_runner(folder, num_threads=num_threads), tokenizers.load(folder), metadata)
