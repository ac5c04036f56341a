"""Find the answers of a file that fit a question: embed them once, then compare by cosine."""

import json
import os
import pathlib
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerasft import security
from kerasft.data.plain_texts import read_table
from kerasft.errors import CheckpointError, bad_argument
from kerasft.files import local_path, written_aside
from kerasft.limits import how_to_raise, limit
from kerasft.pipelines.pipeline import texts_of
from kerasft.pipelines.sentence_embedding import SentenceEmbeddingPipeline, unit

VECTORS_FILE = "index.npz"
ANSWERS_FILE = "answers.jsonl"
# The names that sentence-transformers' encode_query and encode_document look for among a checkpoint's prompts.
_QUESTIONS, _ENTRIES = ("query",), ("document", "passage", "corpus")


class Search:
    """Answers a question with the most similar entries of a file, such as the answers of a customer service.

    Of a checkpoint with prompts for them, questions and entries each get their own ("query"; "document", "passage" or "corpus").
    The comparison is exact: one matrix product over all N entries, some 10 ms for 100,000 of 384 numbers.

    Args:
        embedder: A sentence-embedding pipeline.
        answers: A .txt file (an entry a line), a .csv, .tsv, .jsonl, ... file, or a list of texts or dictionaries. All
            columns are given back; questions are compared with one of them.
        column: The column that questions are compared with, a name; None: the text column, found by its usual names.
        batch_size: Texts in one run.

    Raises:
        DataError: If the answers cannot be read, or one is empty.

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
        self.vectors = vectors  # (N, H), of length 1

    def __call__(self, questions: str | Sequence[str], *, top_k: int = 3, batch_size: int = 32) -> Any:
        """Find the entries that fit best.

        Args:
            questions: One question or a list of them.
            top_k: The most entries for each, >= 1.
            batch_size: Questions in one run.

        Returns:
            For one question a list of dictionaries, the best first: `score`, the cosine in [-1, 1]; `row`, the entry's
            number from 0; and the entry's columns. For a list a list of such lists.

        Raises:
            KerasftError: If `top_k` is out of range.
            DataError: If a question is not text.
        """
        if isinstance(top_k, bool) or not isinstance(top_k, int) or top_k < 1:
            raise bad_argument("top_k", "a whole number >= 1", top_k, "3 is usual.")
        asked, one = texts_of(questions, self.embedder.fields)
        if not asked:
            return []
        prompt = _prompt(self.embedder, _QUESTIONS)
        vectors = unit(self.embedder.embed(asked, batch_size=batch_size, prompt_name=prompt))  # (Q, H)
        found = [self._best(self.vectors @ vector, top_k) for vector in vectors]
        return found[0] if one else found

    def _best(self, scores: np.ndarray, top_k: int) -> list[dict]:
        order = np.argsort(-scores, kind="stable")[:top_k]
        return [{"score": round(float(scores[row]), 6), "row": int(row), **self.rows[row]} for row in order]

    def save(self, folder: str | os.PathLike) -> pathlib.Path:
        """Write the index as a folder of `index.npz` and `answers.jsonl`, whole or not at all.

        Args:
            folder: Where to write; an existing folder is replaced only if it is an index or empty.

        Raises:
            KerasftError: If the folder holds something else.
        """
        folder = local_path(folder)
        if folder.exists() and not (folder.is_dir() and _only_ours(folder)):
            fix = f"It {'holds other files' if folder.is_dir() else 'is a file'}; choose another folder."
            raise bad_argument("folder", "a new folder or an index to replace", str(folder), fix)
        with written_aside(folder) as aside:
            np.savez(aside / VECTORS_FILE, vectors=self.vectors)
            lines = [
                json.dumps({"compared": text, "row": row}, ensure_ascii=False, default=str)
                for text, row in zip(self.texts, self.rows)
            ]
            (aside / ANSWERS_FILE).write_text("\n".join(lines) + "\n", "utf-8")
        return folder

    @classmethod
    def load(cls, folder: str | os.PathLike, embedder: SentenceEmbeddingPipeline) -> "Search":
        """Open an index that `save` wrote, without embedding the answers again.

        Args:
            folder: The index.
            embedder: The pipeline that the index was made with; its first answer is embedded again to make sure.

        Raises:
            CheckpointError: If the folder is no index, is damaged, or was made with another model.
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
                f"{folder} is no index: {error}. Make it again with Search(...).save(folder)."
            ) from error
        if vectors.ndim != 2 or len(vectors) != len(texts) or not texts:
            raise CheckpointError(
                f"{folder} is damaged: {len(texts)} answers, vectors of shape {vectors.shape}. Make the index again."
            )
        probe = unit(embedder.embed(texts[:1], prompt_name=_prompt(embedder, _ENTRIES)))[0]
        if probe.shape != vectors[0].shape or float(probe @ vectors[0]) < 0.98:  # 0.99 between float32 and int8
            raise CheckpointError(
                f"{folder} was made with another model than this one: the first answer's vector differs. Make it again."
            )
        search = cls.__new__(cls)
        search._set(embedder, rows, texts, vectors)
        return search


def _prompt(embedder: SentenceEmbeddingPipeline, names: Sequence[str]) -> str | None:
    """The first of these prompts that the checkpoint has; None: its default one, if any."""
    return next((name for name in names if name in embedder.prompts), None)


def _only_ours(folder: pathlib.Path) -> bool:
    return {path.name for path in folder.iterdir()} <= {VECTORS_FILE, ANSWERS_FILE}
