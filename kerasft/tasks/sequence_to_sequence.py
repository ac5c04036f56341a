"""Sequence-to-sequence: translation, summarization and similar tasks."""

from collections.abc import Mapping, Sequence

from kerasft.data.readers.invalid_rows import valid_rows
from kerasft.data.sequence_to_sequence import SOURCE_NAMES, TARGET_NAMES, read_sources, sources_and_references
from kerasft.data.trained_columns import read_as_trained
from kerasft.encoding.encoded import Batchable, encode_pairs
from kerasft.tasks.agreement import same_labels
from kerasft.tasks.causal_lm import GENERATION, resolve_generation
from kerasft.tasks.drawing import draw_rows
from kerasft.tasks.samples import sample_pairs
from kerasft.tasks.settling import first_name_note
from kerasft.tasks.task import Exports, Reading, Settled, Task, TrainedModel, trained_columns


def _settle(source: object, columns: Mapping[str, object] | None, reading: Reading) -> Settled:
    rows = read_as_trained(source, reading.trained, columns)
    rows = valid_rows(read_sources(rows, columns), sources_and_references)
    by_role = {{"source": "text", "target": "label"}.get(role, role): name for role, name in (columns or {}).items()}
    return Settled(rows, None, rows.roles, first_name_note(rows, by_role, (SOURCE_NAMES, TARGET_NAMES)))


def _items(source: object, columns: Mapping[str, object] | None, bundle: TrainedModel) -> list[str]:
    source = read_as_trained(source, trained_columns(bundle.metadata), columns)
    return sources_and_references(source, columns=columns).sources


def _encode(bundle: TrainedModel, texts: Sequence[tuple[str, str]], max_length: int) -> Batchable:
    start_id = bundle.settings.get("start_token_id", bundle.tokenizer.pad_token_id or 0)
    return encode_pairs(bundle.tokenizer, texts, max_length=max_length, start_id=start_id)


SEQUENCE_TO_SEQUENCE = Task(
    name="sequence-to-sequence",
    model_name="sequence_to_sequence",
    defaults=GENERATION,
    settle=_settle,
    items=_items,
    draw=draw_rows,
    sample=sample_pairs,
    encode=_encode,
    agree=same_labels,
    resolve=resolve_generation,
    exports=Exports(strings=False, mediapipe=False, generation=True),
    own_head=None,
    has_score=False,
)
