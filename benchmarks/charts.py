"""Plots as SVG: bars side by side, readable in the light and in the dark."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

COLORS: Final = ("#2f6f4f", "#8fb996", "#5b7db1", "#c9974d", "#888888")
WIDTH: Final = 720
HEIGHT: Final = 280
LEFT, TOP, BELOW = 16, 56, 28
Series = Mapping[str, Sequence[float | None]]


def bars(title: str, groups: Sequence[str], series: Series) -> str:
    """A group of bars for each of `groups`, one of each series; each group has its own scale, which
    is that of its longest bar, and each bar its figure."""
    plot, step = HEIGHT - TOP - BELOW, (WIDTH - 2 * LEFT) / max(1, len(groups))
    wide = step * 0.8 / max(1, len(series))
    parts = [_text(LEFT, 22, title, size=15), *_legend([*series])]
    for place, group in enumerate(groups):
        start = LEFT + place * step + step * 0.1
        most = max((values[place] or 0 for values in series.values()), default=0) or 1
        for number, values in enumerate(series.values()):
            value = values[place]
            if value is not None:
                x, tall = start + number * wide, plot * value / most
                y = TOP + plot - tall
                parts.append(
                    f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide * 0.9:.1f}" height="{tall:.1f}"'
                    f' fill="{COLORS[number % len(COLORS)]}"/>'
                )
                parts.append(_text(x + wide * 0.45, y - 4, _short(value), anchor="middle", size=10))
        parts.append(_text(start + step * 0.4, HEIGHT - 8, group, anchor="middle"))
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' aria-label="{escape(title)}" font-family="sans-serif">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _legend(names: Sequence[str]) -> list[str]:
    parts = []
    for number, name in enumerate(names):
        x = LEFT + number * 130
        parts.append(
            f'<rect x="{x}" y="32" width="10" height="10" fill="{COLORS[number % len(COLORS)]}"/>'
        )
        parts.append(_text(x + 14, 41, name, size=11))
    return parts


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"'
        f' fill="#222222">{escape(text)}</text>'
    )


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
