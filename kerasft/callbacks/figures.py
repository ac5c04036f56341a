"""Figures in one calm style, for TensorBoard, notebooks and reports. No global state of matplotlib is touched."""

import contextlib
import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

INK, MUTED, LINE = "#1f2933", "#66727f", "#d9dfe6"
BLUE, ORANGE = "#2b5fa8", "#d1622b"
_STYLE = {
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "figure.facecolor": "white",
    "font.family": "sans-serif",
    "font.size": 9,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text: small, searchable, in the page's own font
    "svg.hashsalt": "kerasft",  # the same figure gives the same bytes
    "text.color": INK,
    "text.parse_math": False,  # a label "$5" is not a formula
    "xtick.color": MUTED,
    "ytick.color": MUTED,
}


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Use this module's style while a figure is made or saved.

    Example:

    >>> with style():
    ...     matplotlib.rcParams["text.parse_math"]
    False
    """
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # labels in any script; the browser has the glyphs
        yield


def shorten(text: object, limit: int = 32) -> str:
    """Shorten a text to `limit` characters by removing the middle: many names differ only at the end.

    Example:

    >>> shorten("card_payment_not_recognized", 16)
    'card_paym…gnized'
    """
    text = " ".join(str(text).split())
    tail = (limit - 1) * 2 // 5
    return text if len(text) <= limit else f"{text[: limit - 1 - tail]}…{text[len(text) - tail :]}"


def to_array(figure: Figure, dpi: int = 110) -> np.ndarray:
    """Draw a figure as pixels, uint8 (height, width, 4).

    Example:

    >>> to_array(Figure(figsize=(2, 1)), dpi=100).shape
    (100, 200, 4)
    """
    with style():
        figure.set_dpi(dpi)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        return np.array(canvas.buffer_rgba())


def to_svg(figure: Figure) -> str:
    """Draw a figure as an `<svg>` element for an HTML page. Names in it are escaped.

    Example:

    >>> to_svg(confusion_matrix([[1, 0], [0, 1]], ["<b>", "no"])).count("&lt;b&gt;")
    2
    """
    buffer = io.StringIO()
    with style():
        figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    width = float(re.search(r'width="([\d.]+)pt"', svg).group(1))
    fluid = f'role="img" style="max-width: {width * 4 / 3:.0f}px"'  # natural size, but never wider than the page
    return re.sub(r'width="[\d.]+pt" height="[\d.]+pt"', fluid, svg, count=1)


def confusion_matrix(matrix: Sequence[Sequence[int]], labels: Sequence[str]) -> Figure:
    """Draw how often each class (row) was taken for each class (column).

    A cell's strength is its share of the row. The diagonal is blue; mistakes are orange, and drawn stronger than their
    share so that rare ones are seen among many classes.

    Args:
        matrix: Counts, (C, C): rows are labels, columns predictions.
        labels: C names.

    Example:

    >>> confusion_matrix([[5, 1], [0, 4]], ["negative", "positive"]).axes[0].get_xlabel()
    'predicted'
    """
    matrix = np.asarray(matrix)
    count = len(matrix)
    cell, font_size = (0.8, 11) if count <= 4 else (0.52, 9) if count <= 20 else (0.17, 6.5)  # inches, points
    names = [shorten(name) for name in labels]
    margin = 0.5 + max(map(len, names)) * font_size * 0.0085
    with style():
        figure = Figure(figsize=(count * cell + margin + 0.3, count * cell + margin + 0.3), layout="constrained")
        axes = figure.add_subplot()
        axes.imshow(_confusion_colours(matrix), interpolation="nearest")
        level = count <= 4 and max(map(len, names)) <= 9  # such names have room beside each other
        axes.set_xticks(range(count), names, fontsize=font_size, rotation=0 if level else 90)
        axes.set_yticks(range(count), names, fontsize=font_size)
        axes.set_xticks(np.arange(count + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(count + 1) - 0.5, minor=True)
        axes.grid(which="minor", color=LINE, linewidth=0.4)
        axes.tick_params(which="both", length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("predicted")
        axes.set_ylabel("truth")
        shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        for row, column in zip(*np.nonzero(matrix)):
            strong = shares[row, column] > (0.55 if row == column else 0.35)
            axes.text(
                *(column, row, f"{matrix[row, column]}"),
                ha="center",
                va="center",
                fontsize=font_size if count <= 20 else 5,
                color="white" if strong else INK,
            )
    return figure


def _confusion_colours(matrix: np.ndarray) -> np.ndarray:
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)  # (C, C)
    diagonal = np.eye(len(matrix), dtype=bool)
    strength = np.where(diagonal, shares * 0.9, np.sqrt(shares) * 0.95)[..., None]  # (C, C, 1)
    full = np.where(diagonal[..., None], matplotlib.colors.to_rgb(BLUE), matplotlib.colors.to_rgb(ORANGE))
    return 1 - strength * (1 - full)  # (C, C, 3)


def class_scores(scores: Mapping[str, float], title: str = "F1") -> Figure:
    """Draw one bar per class, the best on top.

    Args:
        scores: A value from 0 to 1 for each class.
        title: What the value is.

    Example:

    >>> class_scores({"toxic": 0.9, "insult": 0.5}).axes[0].get_title(loc="left")
    'F1'
    """
    ordered = sorted(scores.items(), key=lambda item: item[1])
    with style():
        figure = Figure(figsize=(6, 0.8 + 0.24 * len(ordered)), layout="constrained")
        axes = figure.add_subplot()
        axes.barh([shorten(name) for name, _ in ordered], [value for _, value in ordered], color=BLUE, height=0.7)
        axes.set_xlim(0.0, 1.0)
        axes.set_title(title)
        axes.tick_params(length=0)
    return figure


def scatter(gold: np.ndarray, predicted: np.ndarray, names: Sequence[str]) -> Figure:
    """Plot predictions against targets, one panel per regression target; the line is where both are equal.

    Args:
        gold: The targets, (N, K).
        predicted: The predictions, (N, K).
        names: K names.

    Example:

    >>> len(scatter(np.zeros((3, 2)), np.ones((3, 2)), ["joy", "anger"]).axes)
    2
    """
    with style():
        figure = Figure(figsize=(4.2 * len(names), 4.0), layout="constrained")
        for index, name in enumerate(names):
            x, y = gold[:, index], predicted[:, index]
            axes = figure.add_subplot(1, len(names), index + 1)
            low, high = min(x.min(), y.min()), max(x.max(), y.max())
            axes.plot([low, high], [low, high], color=MUTED, linewidth=1)
            axes.scatter(x, y, s=12, color=BLUE, alpha=0.35, linewidths=0)
            axes.set(xlabel="truth", ylabel="predicted", title=shorten(name))
    return figure
