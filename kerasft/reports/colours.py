"""Colors of highlighted spans, for light and dark mode.

Eight hues that are distinguishable with any color vision deficiency. No information is conveyed by color alone: each span is
labeled with its type, and errors have a dashed outline and a word.

References:
    - [Okabe and Ito, 2008](https://jfly.uni-koeln.de/color/), Color Universal Design
"""

_HUES = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#0072b2", "#d55e00", "#8c8c8c")
NUM_HUES = len(_HUES)
"""With more types than this, colors repeat."""
INK, DARK_INK = "#1f2933", "#e8edf2"
_PAPER, _DARK_PAPER = "#ffffff", "#14181d"


def mixed(colour: str, share: float, paper: str) -> str:
    """Blend a color over a background with opacity `share`; return the opaque color.

    Example:

    >>> mixed("#000000", 0.25, "#ffffff")
    '#bfbfbf'
    """
    channels = [(int(colour[at : at + 2], 16), int(paper[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(share * over + (1 - share) * under):02x}" for over, under in channels)


def backgrounds(*, dark: bool = False) -> list[str]:
    """The hues as text backgrounds: pale in light mode, dark in dark mode.

    Example:

    >>> len(backgrounds()), len(set(backgrounds(dark=True)))
    (8, 8)
    """
    share, paper = (0.27, _DARK_PAPER) if dark else (0.3, _PAPER)
    return [mixed(hue, share, paper) for hue in _HUES]


def lines() -> list[str]:
    """The hues at full opacity, for the underline of a span.

    Example:

    >>> lines()[1]
    '#e69f00'
    """
    return list(_HUES)
