"""A plot without a plotting library: two panels of horizontal bars, readable in light and dark."""

from collections.abc import Sequence
from math import log10
from xml.sax.saxutils import escape

from benchmarks.figures import Figure, shown

WIDTH, BAR, GAP, TITLE, MARGIN = 860, 18, 8, 40, 16
LABEL_WIDTH, VALUE_WIDTH = 400, 90
STYLE = """
  .card { fill: #ffffff; stroke: #d0d7de }
  text { fill: #1f2328; font: 12px system-ui, sans-serif }
  .title { font-weight: 600 }
  .bar { fill: #0969da } .missed { fill: #bc4c00 } .mark { stroke: #1f2328; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    .card { fill: #151b23; stroke: #3d444d }
    text { fill: #f0f6fc }
    .bar { fill: #4493f8 } .missed { fill: #f0883e } .mark { stroke: #f0f6fc }
  }
"""


def as_svg(panels: Sequence[tuple[str, Sequence[Figure]]]) -> str:
    """Bars of each panel on a logarithmic scale, a mark where the figure to reach is."""
    parts: list[str] = []
    top = MARGIN
    for title, figures in panels:
        drawn = [one for one in figures if one.value > 0]
        parts.append(_text(MARGIN, top + 18, title, "title"))
        top += TITLE
        values = [one.value for one in drawn] + [one.reach.bound for one in drawn if one.reach]
        lowest, highest = min(values, default=1.0) / 3, max(values, default=10.0)
        for one in drawn:
            parts += _bar(one, top, lowest, highest)
            top += BAR + GAP
        top += MARGIN
    height = top
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}">\n'
        f"<style>{STYLE}</style>\n"
        f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _bar(figure: Figure, top: int, lowest: float, highest: float) -> list[str]:
    room = WIDTH - LABEL_WIDTH - VALUE_WIDTH - 2 * MARGIN

    def length(value: float) -> float:
        return round(room * log10(value / lowest) / log10(highest / lowest), 1)

    left, middle = LABEL_WIDTH + MARGIN, top + BAR - 4
    kind = "missed" if figure.reached is False else "bar"
    end = left + length(figure.value)
    parts = [
        _text(MARGIN, middle, figure.what),
        f'<rect class="{kind}" x="{left}" y="{top}" width="{length(figure.value)}"'
        f' height="{BAR}" rx="2"/>',
    ]
    if figure.reach is not None:
        mark = round(left + length(figure.reach.bound), 1)
        parts.append(
            f'<line class="mark" x1="{mark}" x2="{mark}" y1="{top - 3}" y2="{top + BAR + 3}"/>'
        )
        end = max(end, mark)
    return [*parts, _text(end + 8, middle, shown(figure.value))]


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:g}" y="{y}">{escape(text)}</text>'
