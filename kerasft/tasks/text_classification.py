"""Text classification of texts or pairs of texts: single-label, multi-label or regression."""

from collections.abc import Mapping
from typing import Any

from kerasft.answers.text_classification import THRESHOLD, check_settings
from kerasft.data.readers.columns import settle
from kerasft.data.readers.sources import read_rows
from kerasft.data.text_classification import texts_and_labels, valid_labelled_rows
from kerasft.data.trained_columns import read_as_trained
from kerasft.features import MULTI_LABEL, REGRESSION, SINGLE_LABEL
from kerasft.heads.own_model import OwnHead
from kerasft.tasks.agreement import same_labels
from kerasft.tasks.drawing import draw_stratified
from kerasft.tasks.samples import encode_texts, sample_texts
from kerasft.tasks.settling import checked
from kerasft.tasks.task import Exports, Reading, Settled, Task, TrainedModel, trained_columns

_NAME = "text-classification"
_DEFAULTS = {"threshold": THRESHOLD}
_ACTIVATIONS = {SINGLE_LABEL: "softmax", MULTI_LABEL: "sigmoid", REGRESSION: None}


def _settle(source: object, columns: Mapping[str, object] | None, reading: Reading) -> Settled:
    rows = read_rows(read_as_trained(source, reading.trained, columns), columns)
    rows = settle(rows, columns, need_label=True)

    def valid(rows, roles):
        return valid_labelled_rows(rows, roles, problem=reading.problem)

    return checked(rows, columns, reading, valid=valid)


def _items(source: object, columns: Mapping[str, object] | None, bundle: TrainedModel) -> list:
    source = read_as_trained(source, trained_columns(bundle.metadata), columns)
    return texts_and_labels(source, columns=columns)[0]


def _resolve(bundle: TrainedModel, _: int) -> dict[str, Any]:
    problem = bundle.metadata["problem"]
    settings = bundle.settings
    check_settings(settings, bundle.labels)
    return {
        "activation": _ACTIVATIONS[problem],
        "multi_label": problem == MULTI_LABEL,
        "threshold": _DEFAULTS["threshold"] if problem == MULTI_LABEL else None,
        "out_of_scope": settings.get("out_of_scope"),
        **{name: settings[name] for name in ("thresholds", "temperature") if name in settings},
    }


TEXT_CLASSIFICATION = Task(
    name=_NAME,
    model_name="text_classifier",
    defaults=_DEFAULTS,
    settle=_settle,
    items=_items,
    draw=draw_stratified,
    sample=sample_texts,
    encode=encode_texts,
    agree=same_labels,
    resolve=_resolve,
    exports=Exports(strings=True, mediapipe=True, generation=False),
    own_head=OwnHead(_NAME, "(batch, labels)", 2, labels='["negative", "positive"]'),
    has_score=True,
)
