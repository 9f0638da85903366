"""A picture of bars as SVG, which can be read on a light and on a dark page."""

from __future__ import annotations

from xml.sax.saxutils import escape

from ._claims import Panel, Results, short

WIDTH, LEFT, RIGHT = 780, 240, 90
ROW, BAR, GAP = 22, 14, 26
LONGEST = 4.0
"""A bar that is longer ends at the edge, in a point: else the short ones would all look alike."""
BAR_ROOM = WIDTH - LEFT - RIGHT
TEXT, OURS, OTHERS, LINE = "#79797a", "#2f7fd1", "#8f8f93", "#79797a"
"""Between black and white, so that each stands out on both. The page shines through."""
FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"


def picture(panels: tuple[Panel, ...], results: Results) -> str:
    """Return the picture of all panels of which something of ours and something else is known."""
    drawn, top = [_text(0, 16, "Shorter is better.")], GAP
    for panel in panels:
        lengths = panel.lengths(results)
        if {bar.is_ours for bar, _ in lengths} == {True, False}:
            drawn += _panel(panel.title, [(b.name, n, b.is_ours) for b, n in lengths], top)
            top += ROW * (len(lengths) + 1) + GAP
    body = "\n".join(drawn)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}"'
        f' height="{top}" role="img" font-family="{FONT}" font-size="13">\n'
        f"<title>Benchmarks of eguma_async beside the alternatives: shorter is better</title>\n"
        f"{body}\n</svg>\n"
    )


def _panel(title: str, bars: list[tuple[str, float, bool]], top: int) -> list[str]:
    edge = min(LONGEST, max(length for _, length, _ in bars))
    drawn = [_text(0, top + 14, title, bold=True)]
    for number, (name, length, is_ours) in enumerate(bars, 1):
        y = top + ROW * number
        width = max(1.0, BAR_ROOM * min(length, edge) / edge)
        colour = OURS if is_ours else OTHERS
        drawn.append(_text(LEFT - 10, y + BAR - 2, name, anchor="end", bold=is_ours))
        drawn.append(f'<path d="{_bar(y, width, cut=length > edge)}" fill="{colour}"/>')
        drawn.append(_text(LEFT + width + 8, y + BAR - 2, short(length), bold=is_ours))
    x = LEFT + BAR_ROOM / edge
    if edge >= 1:
        drawn.append(
            f'<path d="M{x:.1f} {top + ROW - 3}V{top + ROW * (len(bars) + 1) - 3}" stroke="{LINE}"'
            ' stroke-dasharray="2 3" fill="none"/>'
        )
    return drawn


def _bar(y: int, width: float, *, cut: bool) -> str:
    """Return the outline of a bar; one that is cut ends in a point."""
    end = LEFT + width
    if cut:
        return (
            f"M{LEFT} {y}H{end - 8:.1f}L{end:.1f} {y + BAR / 2:g}L{end - 8:.1f} {y + BAR}H{LEFT}Z"
        )
    return f"M{LEFT} {y}H{end:.1f}V{y + BAR}H{LEFT}Z"


def _text(x: float, y: float, words: str, *, anchor: str = "start", bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{TEXT}" text-anchor="{anchor}"{weight}>'
        f"{escape(words)}</text>"
    )
