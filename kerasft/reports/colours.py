"""The colours of marked spans, in a light and a dark page.

Eight hues that people with any colour vision tell apart; still, no meaning rests on colour alone: each span has its type's name
beside it, and what is wrong has a dashed frame and a word.

References:
    - [Okabe and Ito, 2008](https://jfly.uni-koeln.de/color/), Color Universal Design
"""

_HUES = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#0072b2", "#d55e00", "#8c8c8c")
NUM_HUES = len(_HUES)
"""Types beyond this many share colours."""
INK, DARK_INK = "#1f2933", "#e8edf2"
_PAPER, _DARK_PAPER = "#ffffff", "#14181d"


def mixed(colour: str, share: float, paper: str) -> str:
    """Put a share of a colour over another one, as a solid colour.

    Example:

    >>> mixed("#000000", 0.25, "#ffffff")
    '#bfbfbf'
    """
    parts = [(int(colour[at : at + 2], 16), int(paper[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(share * over + (1 - share) * under):02x}" for over, under in parts)


def backgrounds(*, dark: bool = False) -> list[str]:
    """The hues as backgrounds of text: pale on a light page, deep on a dark one.

    Example:

    >>> len(backgrounds()), len(set(backgrounds(dark=True)))
    (8, 8)
    """
    share, paper = (0.27, _DARK_PAPER) if dark else (0.3, _PAPER)
    return [mixed(hue, share, paper) for hue in _HUES]


def lines() -> list[str]:
    """The hues in full, for the line under a span.

    Example:

    >>> lines()[1]
    '#e69f00'
    """
    return list(_HUES)
