"""Token classification: a tag per word, such as named entities."""

from typing import Any

from kerasft.answers.tags import scheme_of
from kerasft.encoding.windows import special_tokens
from kerasft.heads.own_model import OwnHead
from kerasft.tasks.agreement import same_labels
from kerasft.tasks.samples import encode_texts, sample_texts
from kerasft.tasks.settling import draw_tagged, settle_tags, tagged_items
from kerasft.tasks.task import Exports, Task, TrainedModel

_NAME = "token-classification"
DEFAULTS = {"constrained": False}


def resolve_tags(bundle: TrainedModel, max_length: int) -> dict[str, Any]:
    """Return the tagging settings: `scheme`, `window`, `stride`, `word_tag`, `constrained`.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer = tiny.tokenizer()
    >>> from kerasft.bundles import Bundle
    >>> resolve_tags(Bundle(None, tokenizer, {"labels": ["O", "B-LOC", "I-LOC"]}), 16)["stride"]
    3
    """
    room = max_length - sum(map(len, special_tokens(bundle.tokenizer)))
    stride = bundle.settings.get("stride")
    return {
        "scheme": scheme_of(bundle.metadata["labels"]),
        "window": max_length,
        "stride": stride if stride is not None and stride < room else room // 4,
        "word_tag": "first_token",
        "constrained": bool(bundle.settings.get("constrained", DEFAULTS["constrained"])),
    }


TOKEN_CLASSIFICATION = Task(
    name=_NAME,
    model_name="token_classifier",
    defaults=DEFAULTS,
    settle=settle_tags,
    items=tagged_items,
    draw=draw_tagged,
    sample=sample_texts,
    encode=encode_texts,
    agree=same_labels,
    resolve=resolve_tags,
    exports=Exports(strings=False, mediapipe=False, generation=False),
    own_head=OwnHead(_NAME, "(batch, length, labels)", 3, labels='["O", "B-PER", "I-PER"]', tags=True),
    has_score=True,
)
