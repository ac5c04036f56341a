"""Extractive question answering: the answer is a span of the context."""

from collections.abc import Mapping
from typing import Any

from kerasft.answers.question_answering import MAX_ANSWER_LENGTH, N_BEST
from kerasft.data.readers.squad import read_squad
from kerasft.encoding.question_windows import QuestionWindows
from kerasft.heads.own_model import OwnHead
from kerasft.tasks.agreement import same_spans
from kerasft.tasks.drawing import draw_items
from kerasft.tasks.samples import encode_texts, sample_texts
from kerasft.tasks.task import Exports, Reading, Settled, Task, TrainedModel

_NAME = "question-answering"
_DEFAULTS = {"max_answer_length": MAX_ANSWER_LENGTH, "num_best": N_BEST}


def _settle(source: object, columns: Mapping[str, object] | None, _: Reading) -> Settled:
    return Settled(source, columns, None, "")  # SQuAD JSON has no columns


def _items(source: object, _: Mapping[str, object] | None, bundle: TrainedModel) -> list[tuple[str, str]]:
    return [(each.question, each.context) for each in read_squad(source)]


def _draw(
    source: object, _: Mapping[str, object] | None, *, count: int, seed: int, metadata: Mapping[str, Any]
) -> tuple[list, int]:
    return draw_items(read_squad(source), count, seed)


def _resolve(bundle: TrainedModel, max_length: int) -> dict[str, Any]:
    stride = bundle.settings.get("stride")
    stride = stride if stride is None else min(int(stride), (max_length - 1) // 2)
    windows = QuestionWindows(bundle.tokenizer, max_length=max_length, stride=stride)
    return {
        "window": max_length,
        "stride": windows.stride,
        "max_question_length": windows.max_question,
        "max_answer_length": int(bundle.settings.get("max_answer_length") or _DEFAULTS["max_answer_length"]),
        "num_best": _DEFAULTS["num_best"],
        "no_answer_threshold": bundle.settings.get("no_answer_threshold"),
    }


QUESTION_ANSWERING = Task(
    name=_NAME,
    model_name="question_answering",
    defaults=_DEFAULTS,
    settle=_settle,
    items=_items,
    draw=_draw,
    sample=sample_texts,
    encode=encode_texts,
    agree=same_spans,
    resolve=_resolve,
    exports=Exports(strings=False, mediapipe=False, generation=False),
    own_head=OwnHead(_NAME, "(batch, length, 2), or two outputs of (batch, length): start and end", 3, is_span=True),
    has_score=True,
)
