"""Load a trained model in any format, for any task."""

import os
from collections.abc import Callable, Mapping

from kerasft import security, tokenizers
from kerasft.bundles import MODEL_FILE, Bundle, load_bundle, read_metadata
from kerasft.errors import CheckpointError, KerasftError
from kerasft.inference.runners import Runner, open_runner, weights_path
from kerasft.pipelines.causal_lm import TextGenerationPipeline
from kerasft.pipelines.intent_and_slots import IntentAndSlotsPipeline
from kerasft.pipelines.masked_lm import MaskedLMPipeline
from kerasft.pipelines.pipeline import Pipeline
from kerasft.pipelines.question_answering import QuestionAnsweringPipeline
from kerasft.pipelines.relation_extraction import RelationExtractionPipeline
from kerasft.pipelines.sentence_embedding import SentenceEmbeddingPipeline
from kerasft.pipelines.sequence_to_sequence import SequenceToSequencePipeline
from kerasft.pipelines.text_classification import TextClassificationPipeline
from kerasft.pipelines.token_classification import TokenClassificationPipeline
from kerasft.tasks.task import trained_columns
from kerasft.tasks.tasks import task_of

PIPELINES: dict[str, type[Pipeline]] = {
    kind.task.name: kind
    for kind in (
        IntentAndSlotsPipeline,
        MaskedLMPipeline,
        QuestionAnsweringPipeline,
        RelationExtractionPipeline,
        SentenceEmbeddingPipeline,
        SequenceToSequencePipeline,
        TextClassificationPipeline,
        TextGenerationPipeline,
        TokenClassificationPipeline,
    )
}
"""Pipeline class of each task."""


def load(folder: Bundle | str | os.PathLike, *, num_threads: int = 2, trust: bool = False) -> Pipeline:
    """Load a bundle, a SavedModel or a LiteRT folder as a pipeline for texts.

    All three give the same predictions, within the tolerances of their reports.

    Args:
        folder: A folder written by `kerasft.save_bundle`, `kerasft.export.saved_model` or `kerasft.export.litert`; or a bundle
            in memory, from `kerasft.make_bundle`.
        num_threads: Number of threads for LiteRT; TensorFlow selects its own.
        trust: See `kerasft.load_bundle`; also skips the checks of SavedModel operations and LiteRT tables.

    Returns:
        The task's pipeline, such as `TextClassificationPipeline`.

    Raises:
        CheckpointError: If the folder is none of the three, its task has no pipeline, or a file is missing or corrupted.

    Example:

    >>> import kerasft, tempfile
    >>> from kerasft.demo import tiny
    >>> folder = kerasft.save_bundle(tempfile.mkdtemp() + "/reviews", tiny.classifier(), tiny.tokenizer())
    >>> load(folder)("a charming and often affecting journey")["label"] in ("negative", "positive")
    True
    """
    metadata = folder.metadata if isinstance(folder, Bundle) else read_metadata(folder)
    kind = PIPELINES[task_of(metadata, folder).name]
    with security.trust(trust):
        if isinstance(folder, Bundle):
            pipeline = kind.from_bundle(folder)
        elif weights_path(folder).name == MODEL_FILE:
            pipeline = _fitting(kind, load_bundle(folder), folder)
        else:
            pipeline = kind.from_runner(open_runner(folder, num_threads=num_threads), tokenizers.load(folder), metadata)
    pipeline.baseline = (metadata.get("settings") or {}).get("baseline")
    pipeline.columns = trained_columns(metadata)
    return pipeline


def _fitting(kind: type[Pipeline], bundle: Bundle, folder: str | os.PathLike) -> Pipeline:
    try:
        return kind.from_bundle(bundle)
    except KerasftError:
        raise
    except Exception as error:  # a modified file may cause any exception
        raise CheckpointError(
            f"{folder}: the model does not match the task {bundle.task!r} ({type(error).__name__}: {error}). Its files are "
            "corrupted or belong to different bundles; save or copy it again."
        ) from error


def texts_of(
    bundle: Bundle, source: object, *, columns: Mapping[str, object] | None = None
) -> list[str] | list[tuple[str, str]]:
    """Read the texts of evaluation data, for `kerasft.export.litert(texts=...)`.

    Args:
        bundle: The model, its tokenizer and task.
        source: Any source of the task's data function.
        columns: Column assignment, for tables.

    Returns:
        Texts (with entity markers for relation extraction), or tuples of two texts (such as question and context). For sentence
        pairs, each text once; for translation, the sources.

    Raises:
        DataError: If the data is invalid.

    Example:

    >>> from kerasft.demo import tiny
    >>> model, tokenizer = tiny.classifier(), tiny.tokenizer()
    >>> from kerasft.bundles import make_bundle
    >>> texts_of(make_bundle(model, tokenizer, max_length=16), [("a good film", "positive")])
    ['a good film']
    """
    return task_of(bundle.metadata).items(source, columns, bundle)


def scorer(
    bundle: Bundle, source: object, *, columns: Mapping[str, object] | None = None
) -> Callable[[Runner], float] | None:
    """Return a function that scores any format of a bundle's model on labeled data, for `kerasft.export.litert(gold=...)`.

    The score is the first metric of the pipeline's report, such as entity F1 for named entities.

    Args:
        bundle: The model, its tokenizer and task.
        source: Any source of the task's data function.
        columns: Column assignment, for tables.

    Returns:
        A function of a `Runner` with values from 0 to 1; None for language models, which have no such metric.

    Example:

    >>> from kerasft.demo import tiny
    >>> model, tokenizer = tiny.classifier(), tiny.tokenizer()
    >>> from kerasft.bundles import make_bundle
    >>> from kerasft.inference.runners import keras_runner
    >>> bundle = make_bundle(model, tokenizer, max_length=16)
    >>> 0 <= scorer(bundle, [("a good film", "positive")])(keras_runner(bundle.model)) <= 1
    True
    """
    if not task_of(bundle.metadata).has_score:
        return None
    kind = PIPELINES[bundle.task]

    def score(runner: Runner) -> float:
        pipeline = kind.from_runner(runner, bundle.tokenizer, bundle.metadata)
        pipeline.columns = trained_columns(bundle.metadata)
        report = pipeline.evaluate(source, columns=columns)
        return float(next(iter(report.metrics.values())))

    return score
