"""Joint intent classification and slot filling."""

from typing import Any

from kerasft.tasks.agreement import same_labels
from kerasft.tasks.samples import encode_texts, sample_texts
from kerasft.tasks.settling import draw_tagged, settle_tags, tagged_items
from kerasft.tasks.task import Exports, Task, TrainedModel
from kerasft.tasks.token_classification import DEFAULTS, resolve_tags


def _resolve(bundle: TrainedModel, max_length: int) -> dict[str, Any]:
    return resolve_tags(bundle, max_length) | {"intents": list(bundle.settings["intents"])}


INTENT_AND_SLOTS = Task(
    name="intent-and-slots",
    model_name="intent_and_slots",
    defaults=DEFAULTS,
    settle=settle_tags,
    items=tagged_items,
    draw=draw_tagged,
    sample=sample_texts,
    encode=encode_texts,
    agree=same_labels,
    resolve=_resolve,
    exports=Exports(strings=False, mediapipe=False, generation=False),
    own_head=None,
    has_score=True,
)
