"""Rows whose label no training row has, as published test sets have them: found, named, and counted as errors."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from kerasft.data.label_cells import LabelIndex, label_cells
from kerasft.data.labels import are_numbers_for_names, unknown_label
from kerasft.data.readers.columns import find_columns
from kerasft.data.readers.label_names import natural_key, visible_name
from kerasft.data.readers.rows import Rows
from kerasft.data.readers.sources import read_rows
from kerasft.encoding.token_store import logger
from kerasft.features import REGRESSION, Labels


def separate_unseen(
    source: object, labels: Labels, *, columns: Mapping[str, object] | None = None
) -> tuple[Rows, list[str]]:
    """Find the rows with labels that a model does not know; how many there are is logged.

    Args:
        source: As for `kerasft.data.text_classification`, with one column of labels.
        labels: The model's labels.
        columns: As there.

    Returns:
        The rows of known labels only, and the names of the others in natural order.

    Raises:
        DataError: If no row has a known label, or the others are numbers where the model's are names: another file, or
            another way of writing the labels.

    Example:

    >>> rows, names = separate_unseen([("fine", "a"), ("good", "b"), ("odd", "c")], Labels(["a", "b"]))
    >>> len(rows), names
    (2, ['c'])
    """
    rows = read_rows(source, columns)
    roles = find_columns(rows, columns, need_label=True)
    if labels.problem == REGRESSION or roles.several:
        return rows, []
    index_of = LabelIndex(labels)
    cells = label_cells(rows, roles, problem=labels.problem, known=index_of)
    strange = [[visible_name(text) for text in texts if text not in index_of] for texts in cells]
    known = np.array([not names for names in strange], bool)
    counts = Counter(name for names in strange for name in names)
    if not counts:
        return rows, []
    if not known.any() or are_numbers_for_names(counts, labels):
        first = int(np.flatnonzero(~known)[0])
        raise unknown_label(rows, roles, row=first, cells=cells, index_of=index_of)
    names = sorted(counts, key=natural_key)
    shown = ", ".join(f"{name} ({counts[name]})" for name in names[:10]) + (", ..." if len(names) > 10 else "")
    logger.warning(
        "%s: %d of %d rows have labels that no training row has: %s. They count as errors.",
        *(rows.name, int((~known).sum()), len(rows), shown),
    )
    return rows.take(np.flatnonzero(known)), names
