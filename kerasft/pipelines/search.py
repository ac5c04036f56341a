"""Semantic search: embed the entries of a file once, then rank them by cosine similarity."""

import json
import os
import pathlib
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerasft import security
from kerasft.data.plain_texts import read_table
from kerasft.errors import CheckpointError, bad_argument, whole_number
from kerasft.files import local_path, written_aside
from kerasft.limits import how_to_raise, limit
from kerasft.pipelines.pipeline import texts_of
from kerasft.pipelines.sentence_embedding import SentenceEmbeddingPipeline, unit

VECTORS_FILE = "index.npz"
ANSWERS_FILE = "answers.jsonl"
# Prompt names used by sentence-transformers' encode_query and encode_document.
_QUESTIONS, _ENTRIES = ("query",), ("document", "passage", "corpus")


class Search:
    """Finds the entries of a file that are most similar to a query, such as customer-service answers.

    If the checkpoint has prompts for them, queries and entries get their own ("query"; "document", "passage" or "corpus").
    The search is exact: one matrix product over all N entries, about 10 ms for 100,000 entries of 384 dimensions.

    Args:
        embedder: A sentence-embedding pipeline.
        answers: A .txt file (one entry per line), a .csv, .tsv, .jsonl, ... file, or a list of texts or dictionaries. Results
            contain all columns; queries are compared with one of them.
        column: Name of the column to compare queries with; None: the text column, detected by name.
        batch_size: Texts per batch.

    Raises:
        DataError: If the entries cannot be read, or one is empty.

    Example:

    >>> from kerasft.demo import tiny
    >>> tokenizer, backbone = tiny.tokenizer(), tiny.backbone()
    >>> from kerasft.heads import sentence_embedding
    >>> from kerasft.pipelines import load
    >>> from kerasft import make_bundle
    >>> embedder = load(make_bundle(sentence_embedding(backbone), tokenizer, max_length=16))
    >>> search = Search(embedder, ["a good film", "please pay my card"])
    >>> search("a good film", top_k=1)
    [{'score': 1.0, 'row': 0, 'text': 'a good film'}]
    """

    def __init__(
        self,
        embedder: SentenceEmbeddingPipeline,
        answers: str | os.PathLike | Sequence[str] | Sequence[Mapping[str, Any]],
        *,
        column: str | None = None,
        batch_size: int = 32,
    ):
        rows, texts = read_table(answers, column=column)
        prompt = _prompt(embedder, _ENTRIES)
        self._set(embedder, rows, texts, unit(embedder.embed(texts, batch_size=batch_size, prompt_name=prompt)))

    def _set(self, embedder, rows: list[dict], texts: list[str], vectors: np.ndarray) -> None:
        self.embedder = embedder
        self.rows = rows
        self.texts = texts
        self.vectors = vectors  # (N, H), unit length

    def __call__(self, questions: str | Sequence[str], *, top_k: int = 3, batch_size: int = 32) -> Any:
        """Find the most similar entries.

        Args:
            questions: One query or a list of queries.
            top_k: Number of entries per query, >= 1.
            batch_size: Queries per batch.

        Returns:
            For one query a list of dictionaries, best first: `score`, the cosine similarity in [-1, 1]; `row`, the entry's
            0-based index; and the entry's columns. For a list of queries, a list of such lists.

        Raises:
            KerasftError: If `top_k` is out of range.
            DataError: If a query is not a string.
        """
        whole_number("top_k", top_k, "3 is usual.")
        queries, one = texts_of(questions, self.embedder.fields)
        if not queries:
            return []
        prompt = _prompt(self.embedder, _QUESTIONS)
        vectors = unit(self.embedder.embed(queries, batch_size=batch_size, prompt_name=prompt))  # (Q, H)
        matches = [self._best(self.vectors @ vector, top_k) for vector in vectors]
        return matches[0] if one else matches

    def _best(self, scores: np.ndarray, top_k: int) -> list[dict]:
        order = np.argsort(-scores, kind="stable")[:top_k]
        return [{"score": round(float(scores[row]), 6), "row": int(row), **self.rows[row]} for row in order]

    def save(self, folder: str | os.PathLike) -> pathlib.Path:
        """Save the index as a folder with `index.npz` and `answers.jsonl`, atomically.

        Args:
            folder: The output folder; an existing one is replaced only if it is an index or empty.

        Raises:
            KerasftError: If the folder contains other files.
        """
        folder = local_path(folder)
        if folder.exists() and not (folder.is_dir() and _only_ours(folder)):
            fix = f"It {'contains other files' if folder.is_dir() else 'is a file'}; choose another folder."
            raise bad_argument("folder", "a new folder or an index to replace", str(folder), fix)
        with written_aside(folder) as temporary:
            np.savez(temporary / VECTORS_FILE, vectors=self.vectors)
            lines = [
                json.dumps({"compared": text, "row": row}, ensure_ascii=False, default=str)
                for text, row in zip(self.texts, self.rows)
            ]
            (temporary / ANSWERS_FILE).write_text("\n".join(lines) + "\n", "utf-8")
        return folder

    @classmethod
    def load(cls, folder: str | os.PathLike, embedder: SentenceEmbeddingPipeline) -> "Search":
        """Load an index written by `save`, without embedding the entries again.

        Args:
            folder: The index.
            embedder: The pipeline that created the index; the first entry is embedded again to check this.

        Raises:
            CheckpointError: If the folder is not an index, is corrupted, or was created with another model.
        """
        folder = local_path(folder)
        try:
            security.check_regular_file(folder / ANSWERS_FILE)
            with zipfile.ZipFile(folder / VECTORS_FILE) as archive:
                if (size := sum(member.file_size for member in archive.infolist())) > limit("DATA_BYTES"):
                    raise ValueError(f"the vectors have {size} bytes. {how_to_raise('DATA_BYTES', size)}")
            with np.load(folder / VECTORS_FILE, allow_pickle=False) as arrays:
                vectors = arrays["vectors"]
            lines = [json.loads(line) for line in (folder / ANSWERS_FILE).read_text("utf-8").split("\n") if line]
            texts, rows = [line["compared"] for line in lines], [line["row"] for line in lines]
        except (
            OSError,
            EOFError,
            ValueError,
            KeyError,
            TypeError,
            RecursionError,
            MemoryError,
            zipfile.BadZipFile,
        ) as error:
            raise CheckpointError(
                f"{folder} is not an index: {error}. Create it with Search(...).save(folder)."
            ) from error
        if vectors.ndim != 2 or len(vectors) != len(texts) or not texts:
            raise CheckpointError(
                f"{folder} is corrupted: {len(texts)} answers, vectors of shape {vectors.shape}. Create the index again."
            )
        probe = unit(embedder.embed(texts[:1], prompt_name=_prompt(embedder, _ENTRIES)))[0]
        if probe.shape != vectors[0].shape or float(probe @ vectors[0]) < 0.98:  # 0.99 between float32 and int8
            raise CheckpointError(
                f"{folder} was created with a different model: the embedding of the first answer differs. Create it again."
            )
        search = cls.__new__(cls)
        search._set(embedder, rows, texts, vectors)
        return search


def _prompt(embedder: SentenceEmbeddingPipeline, names: Sequence[str]) -> str | None:
    """Return the first of these prompt names that the checkpoint has; None: its default prompt, if any."""
    return next((name for name in names if name in embedder.prompts), None)


def _only_ours(folder: pathlib.Path) -> bool:
    return {path.name for path in folder.iterdir()} <= {VECTORS_FILE, ANSWERS_FILE}
