"""Knowledge graph extraction: (head, relation, tail) triples from documents, with an entity and a relation pipeline."""

import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from kerasft.data.relation_extraction import negative_label
from kerasft.errors import bad_argument, bad_data
from kerasft.metrics.relations import direction, undirected
from kerasft.pipelines.sentences import split_sentences
from kerasft.truncation import one_warning

_CHUNK = 64  # documents per chunk, so that the sentences of a corpus are not all in memory


class _Sentence(NamedTuple):
    """A sentence and its origin."""

    text: str
    start: int
    document: Any


class KnowledgeGraph:
    """Finds the entities of each sentence, and predicts the relation of every pair of them.

    A model whose labels have directions ("Cause-Effect(e2,e1)") is called once per pair, in text order, and a triple with
    direction (e2,e1) has the later entity as its head. Other models are called for both orders. Overlapping entities are not
    paired. The negative label ("Other", "no_relation") gives no triple.

    Args:
        entities: A `TokenClassificationPipeline`, or any function from a list of texts to a list of
            `{"entities": [{"start", "end", "label", ...}, ...]}`, characters in the text.
        relations: A `RelationExtractionPipeline`, or a callable with the same interface and `labels`.
        max_distance: Maximum number of characters between paired entities; None: no limit within a sentence.
        min_score: Minimum probability of a relation, from 0 to 1.
        types: Allowed (head, tail) type pairs for relation names (without direction), such as
            `{"works_for": [("PER", "ORG")]}`: other triples of that relation are dropped. Relations that are not listed are
            not restricted.

    Raises:
        KerasftError: If an argument is out of range, or `types` has a relation that the model does not have.

    Example:

    >>> def entities(texts, batch_size):
    ...     spans = [[("PER", text.find("Ada"), 3), ("ORG", text.find("Acme"), 4)] for text in texts]
    ...     return [{"entities": [{"start": s, "end": s + n, "label": t} for t, s, n in row if s >= 0]} for row in spans]
    >>> def relations(items, batch_size):
    ...     return [{"label": "works_for" if head["start"] < tail["start"] else "Other", "score": 0.9} for _, head, tail in items]
    >>> relations.labels = ["works_for", "Other"]
    >>> triples = KnowledgeGraph(entities, relations)("Hello. Ada joined Acme.")
    >>> [(triple["head"], triple["relation"], triple["tail"], triple["tail_start"]) for triple in triples]
    [('Ada', 'works_for', 'Acme', 18)]
    """

    def __init__(
        self,
        entities: Callable,
        relations: Callable,
        *,
        max_distance: int | None = None,
        min_score: float = 0.5,
        types: Mapping[str, Iterable[tuple[str, str]]] | None = None,
    ):
        labels = list(relations.labels)
        known = {undirected(label) for label in labels}
        if max_distance is not None and (isinstance(max_distance, bool) or not max_distance >= 0):
            raise bad_argument(
                "max_distance", "a number of characters >= 0, or None", max_distance, "For example: 100."
            )
        if not 0 <= min_score <= 1:
            raise bad_argument("min_score", "a probability from 0 to 1", min_score, "0.5 is the default.")
        unknown = sorted(set(types or ()) - known)
        if unknown:
            raise bad_argument(
                "types", f"for relations of the model: {', '.join(sorted(known))}", unknown[0], "Correct the name."
            )
        self.entities = entities
        self.relations = relations
        self.max_distance = max_distance
        self.min_score = min_score
        self.types = {name: {tuple(pair) for pair in pairs} for name, pairs in (types or {}).items()}
        self.directed = any(direction(label) for label in labels)
        self.negative_label = getattr(relations, "negative_label", None) or negative_label(labels)

    @one_warning()
    def __call__(self, documents: Any, *, batch_size: int = 32) -> list[dict[str, Any]]:
        """Extract the triples of one or more documents.

        Args:
            documents: A text, a dictionary `{"text": ..., "id": ...}`, or an iterable of these.
            batch_size: Sentences, and entity pairs, per batch.

        Returns:
            Triples in document order: `head`, `head_type`, `head_start`, `head_end`, `relation`, `tail`, `tail_type`,
            `tail_start`, `tail_end`, `score` (the relation's probability), `document` (its id, or 0-based index). Offsets are
            characters of the document: `text[head_start:head_end] == head`.

        Raises:
            DataError: If a document is not a string.
        """
        if isinstance(documents, str | Mapping):
            documents = [documents]
        elif isinstance(documents, bytes) or not isinstance(documents, Iterable):
            raise bad_data(
                "documents", "expected a text or a sequence of texts", "Use a list of texts.", value=documents
            )
        numbered = enumerate(documents)
        triples = []
        while chunk := list(itertools.islice(numbered, _CHUNK)):
            sentences = [sentence for number, document in chunk for sentence in _sentences(number, document)]
            if sentences:
                triples += self._triples(sentences, batch_size)
        return triples

    def _triples(self, sentences: list[_Sentence], batch_size: int) -> list[dict[str, Any]]:
        entities = self.entities([sentence.text for sentence in sentences], batch_size=batch_size)
        pairs = [
            (sentence, head, tail)
            for sentence, answer in zip(sentences, entities, strict=True)
            for head, tail in self._pairs(answer["entities"])
        ]
        if not pairs:
            return []
        items = [(sentence.text, _span(head), _span(tail)) for sentence, head, tail in pairs]
        answers = self.relations(items, batch_size=batch_size)
        triples = [
            _triple(*pair, answer) for pair, answer in zip(pairs, answers, strict=True) if self._is_relation(answer)
        ]
        return [triple for triple in triples if self._is_allowed(triple)]

    def _pairs(self, entities: list[dict[str, Any]]) -> Iterable[tuple[dict, dict]]:
        entities = sorted(entities, key=lambda entity: (entity["start"], entity["end"]))
        for first, second in itertools.combinations(entities, 2):
            distance = second["start"] - first["end"]
            if distance < 0 or (self.max_distance is not None and distance > self.max_distance):
                continue
            yield first, second
            if not self.directed:
                yield second, first

    def _is_relation(self, answer: dict[str, Any]) -> bool:
        return answer["label"] != self.negative_label and answer["score"] >= self.min_score

    def _is_allowed(self, triple: dict[str, Any]) -> bool:
        allowed = self.types.get(triple["relation"])
        return allowed is None or (triple["head_type"], triple["tail_type"]) in allowed


def _sentences(number: int, document: Any) -> list[_Sentence]:
    name = document.get("id", number) if isinstance(document, Mapping) else number
    text = document.get("text") if isinstance(document, Mapping) else document
    if not isinstance(text, str):
        fix = 'Use strings, or dictionaries {"text": ..., "id": ...}.'
        raise bad_data("documents", "expected a text", fix, line=number + 1, value=document)
    return [_Sentence(text[start:end], start, name) for start, end in split_sentences(text)]


def _span(entity: dict[str, Any]) -> dict[str, int]:
    return {"start": entity["start"], "end": entity["end"]}


def _triple(sentence: _Sentence, head: dict, tail: dict, answer: dict[str, Any]) -> dict[str, Any]:
    if direction(answer["label"]) == "e2,e1":
        head, tail = tail, head
    triple = {**_part("head", sentence, head), "relation": undirected(answer["label"]), **_part("tail", sentence, tail)}
    return triple | {"score": answer["score"], "document": sentence.document}


def _part(role: str, sentence: _Sentence, entity: dict[str, Any]) -> dict[str, Any]:
    start, end = entity["start"], entity["end"]
    return {
        role: sentence.text[start:end],
        f"{role}_type": entity["label"],
        f"{role}_start": sentence.start + start,
        f"{role}_end": sentence.start + end,
    }
