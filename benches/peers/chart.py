"""Charts as SVG, written by hand: bars for CPU time per request, curves for growth. Light and dark."""

from html import escape
from math import floor, log10

WIDTH, LABEL, BAR, GAP = 760, 190, 22, 10
# The reader's theme decides: an SVG in an `img` follows it too.
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.faint { fill: #656d76 } .bar { fill: #8c959f } .ours { fill: #1f6feb } .line { stroke: #d0d7de }
.curve { fill: none; stroke: #8c959f; stroke-width: 2 } .curve.ours { stroke: #1f6feb; stroke-width: 3 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .faint { fill: #9198a1 } .bar { fill: #6e7681 }
  .ours { fill: #4493f8 } .line { stroke: #3d444d }
  .curve { fill: none; stroke: #6e7681 } .curve.ours { fill: none; stroke: #4493f8 }
}
"""


def bars(title: str, rows: list[tuple[str, float, str]], ours: str, notes: list[str]) -> str:
    """One bar for each row: its name, its length, and what to write behind it. Notes go below, a line each."""
    height = 60 + len(rows) * (BAR + GAP) + 20 * len(notes)
    longest = max(value for _, value, _ in rows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}">',
        f"<style>{STYLE}</style>",
        f'<text x="0" y="18" font-weight="600">{escape(title)}</text>',
    ]
    for at, (name, value, label) in enumerate(rows):
        y = 40 + at * (BAR + GAP)
        length = max(1, value / longest * (WIDTH - LABEL - 130))
        weight = ' font-weight="600"' if name == ours else ""
        parts += [
            f'<text x="{LABEL - 10}" y="{y + 16}" text-anchor="end"{weight}>{escape(name)}</text>',
            f'<rect class="{"ours" if name == ours else "bar"}" x="{LABEL}" y="{y}" width="{length:.1f}" '
            f'height="{BAR}" rx="2"/>',
            f'<text x="{LABEL + length + 8:.1f}" y="{y + 16}"{weight}>{escape(label)}</text>',
        ]
    bottom = 40 + len(rows) * (BAR + GAP)
    parts += [
        f'<line class="line" x1="{LABEL}" y1="34" x2="{LABEL}" y2="{bottom}"/>',
        *(f'<text class="faint" x="0" y="{bottom + 26 + 20 * at}">{escape(note)}</text>'
          for at, note in enumerate(notes)), "</svg>",
    ]
    return "\n".join(parts) + "\n"


def rounded_up(value: float) -> float:
    """The next number that divides well into four."""
    unit = 10 ** (floor(log10(value)) if value > 0 else 0)
    return next(step * unit for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if step * unit >= value)


def lines(title: str, across: str, series: dict[str, list[tuple[float, float]]], ours: str, note: str) -> str:
    """Curves over a logarithmic axis, each with its name and last value at its end."""
    top, bottom, left, right = 50, 300, 70, WIDTH - 170
    points = [point for curve in series.values() for point in curve]
    low, high = (log10(max(1, pick(x for x, _ in points))) for pick in (min, max))
    tallest = rounded_up(max(y for _, y in points))

    def place(x: float, y: float) -> tuple[float, float]:
        share = (log10(max(1, x)) - low) / ((high - low) or 1)
        return left + share * (right - left), bottom - y / tallest * (bottom - top)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 70}" role="img" '
        f'aria-label="{escape(title)}">',
        f"<style>{STYLE}</style>",
        f'<text x="0" y="18" font-weight="600">{escape(title)}</text>',
    ]
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = bottom - share * (bottom - top)
        parts += [
            f'<line class="line" x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>',
            f'<text class="faint" x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{share * tallest:g}</text>',
        ]
    for x in sorted({x for x, _ in points}):
        parts.append(f'<text class="faint" x="{place(x, 0)[0]:.1f}" y="{bottom + 20}" '
                     f'text-anchor="middle">{x:,.0f}</text>')
    for name, curve in series.items():
        mark = "curve ours" if name == ours else "curve"
        path = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y in curve)
        parts.append(f'<polyline class="{mark}" points="{path}"/>')
        dot = "ours" if name == ours else "bar"
        parts += ['<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="3"/>'.format(dot, *place(x, y)) for x, y in curve]
    # Names at the curves' ends, from the bottom up, none over another.
    lowest = bottom + 20
    ends = ((place(*curve[-1]), name, curve[-1][1]) for name, curve in series.items())
    for (x, y), name, value in sorted(ends, key=lambda it: -it[0][1]):
        lowest = min(y + 4, lowest - 16)
        weight = ' font-weight="600"' if name == ours else ""
        parts.append(f'<text x="{x + 8:.1f}" y="{lowest:.1f}"{weight}>{escape(name)} {value:.3g}</text>')
    parts += [f'<text class="faint" x="{left}" y="{bottom + 40}">{escape(across)}</text>',
              f'<text class="faint" x="0" y="{bottom + 62}">{escape(note)}</text>', "</svg>"]
    return "\n".join(parts) + "\n"
