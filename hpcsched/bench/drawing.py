"""What all plots of a report share: colours, marks, and how one becomes SVG text to be put into a page."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

from hpcsched.bench.plan import Arm
from hpcsched.bench.verdict import Verdict

COLOURS = {Arm.BARE: "#0072B2", Arm.CONTAINER: "#D55E00", Arm.CONTROL: "#56B4E9"}
"""Told apart with every kind of colour blindness (Okabe & Ito 2008)."""
MARKERS = {Arm.BARE: "o", Arm.CONTAINER: "s", Arm.CONTROL: "^"}
LABELS = {Arm.BARE: "bare metal", Arm.CONTAINER: "container", Arm.CONTROL: "bare metal again (control)"}
VERDICT_COLOURS = {
    Verdict.EQUIVALENT: "#007A58",
    Verdict.DIFFERENT: "#B00020",
    Verdict.NOT_SHOWN: "#6B5900",
    Verdict.VOID: "#666666",
}
"""Of text on white: 4.5 to 1 or better."""
MARGIN_COLOUR = "#009E73"
GREY = "#555555"
WIDTH = 8.4
"""Inches, at which text in a plot is as large as that around it."""
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "hpcsched",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "sans-serif"],
    "font.size": 8.5,
    "text.parse_math": False,
    "axes.edgecolor": "#999999",
    "axes.linewidth": 0.7,
    "xtick.color": GREY,
    "xtick.labelcolor": "#1a1a1a",
    "ytick.color": GREY,
    "ytick.labelcolor": "#1a1a1a",
}


@contextmanager
def style() -> Iterator[None]:
    import matplotlib

    with matplotlib.rc_context(STYLE):
        yield


def new_figure(height: float) -> Any:
    """Of a page's width; `height` in inches. Its size says where all lies: nothing is moved to fit."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH, height))


def plain(axes: Any, grid: str = "x") -> None:
    """Without a frame, with a faint grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, axis=grid, color="#E4E4E4", linewidth=0.6)
    axes.set_axisbelow(True)


def svg(figure: Any, title: str) -> str:
    """Only the element itself, wide as the page, with a title for readers that do not see it."""
    body = io.StringIO()
    figure.savefig(body, format="svg", metadata={"Date": None})
    text = body.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    begin = f'<svg role="img" aria-label="{escape(title)}" '
    return re.sub(r'^<svg ([^>]*?)width="[^"]*" height="[^"]*"', lambda found: begin + found[1], text, count=1)
