"""Sentence embedding: a vector per text."""

from collections.abc import Mapping
from typing import Any

from kerasft.data.readers.columns import settle
from kerasft.data.readers.sources import read_rows
from kerasft.data.sentence_pairs import read_pairs
from kerasft.data.text_classification import valid_labelled_rows
from kerasft.data.trained_columns import read_as_trained
from kerasft.errors import bad_argument
from kerasft.features import EMBEDDING, REGRESSION
from kerasft.heads.own_model import OwnHead
from kerasft.heads.sentence_encoder import sentence_encoder_of
from kerasft.tasks.agreement import same_vectors
from kerasft.tasks.drawing import draw_rows
from kerasft.tasks.samples import encode_texts, sample_texts
from kerasft.tasks.settling import checked, valid_texts
from kerasft.tasks.task import Exports, Reading, Settled, Task, TrainedModel, trained_columns

_NAME = "sentence-embedding"
_DEFAULTS = {"max_score": 1.0}


def _settle(source: object, columns: Mapping[str, object] | None, reading: Reading) -> Settled:
    rows = read_rows(read_as_trained(source, reading.trained, columns), columns)
    selected = {*(rows.roles or {}), *(columns or {})}
    rows = settle(rows, columns, need_label=reading.need_label)
    if not reading.need_label and selected & {"text", "text_pair"} and "label" not in selected:
        rows.roles.pop("label", None)  # if the texts are named explicitly, scores would be too

    def valid(rows, roles):
        return valid_labelled_rows(rows, roles, problem=REGRESSION) if roles.label else valid_texts(rows, roles)

    return checked(rows, columns, reading, valid=valid)


def _items(source: object, columns: Mapping[str, object] | None, bundle: TrainedModel) -> list[str]:
    source = read_as_trained(source, trained_columns(bundle.metadata), columns)
    max_score = bundle.settings.get("max_score", _DEFAULTS["max_score"])
    pairs, _ = read_pairs(source, columns=columns, max_score=max_score)
    return list(dict.fromkeys(text for pair in pairs for text in pair))


def _resolve(bundle: TrainedModel, _: int) -> dict[str, Any]:
    """Return how the model pools and whether it normalizes: apps that compare embeddings need to know."""
    encoder = sentence_encoder_of(bundle.model)
    if encoder.default_prompt_name is not None:
        prompt = encoder.prompts[encoder.default_prompt_name]
        fix = "Apps do not add prompts: set default_prompt_name to null in kerasft.json, and prepend the prompt to the texts."
        raise bad_argument("bundle", "a sentence embedder without a default prompt for mobile export", prompt, fix)
    is_own = hasattr(bundle.model, "bundle_task")  # the pooling of a custom head is unknown
    return {"pooling": None if is_own else encoder.pooling, "normalized": encoder.normalize}


SENTENCE_EMBEDDING = Task(
    name=_NAME,
    model_name="sentence_embedding",
    defaults=_DEFAULTS,
    settle=_settle,
    items=_items,
    draw=draw_rows,
    sample=sample_texts,
    encode=encode_texts,
    agree=same_vectors,
    resolve=_resolve,
    exports=Exports(strings=True, mediapipe=True, generation=False),
    own_head=OwnHead(_NAME, "(batch, dimensions)", 2, output=EMBEDDING),
    has_score=True,
)
