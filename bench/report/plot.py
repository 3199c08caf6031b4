"""Small plots as SVG, readable on light and on dark pages.

A row is a peer; a panel is a size. `dots` has one mark for each number of clients, with a line over
the range of all rounds; `bars` shows whose CPU time it was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from statistics import median

_LABELS, _PANEL, _GAP, _ROW, _TOP, _FOOT = 178, 210, 32, 19, 34, 26
_LEAST_WIDTH = 660  # for the titles and legends of a plot with one panel
_STYLE = """<style>
  text { font: 12px system-ui, -apple-system, "DejaVu Sans", sans-serif; fill: #1f2328 }
  .quiet { fill: #656d76; font-size: 11px } .ours { font-weight: 600 }
  .title { font-weight: 600; font-size: 14px }
  .paper { fill: #ffffff } .grid { stroke: #d8dee4 }
  .a { fill: #2a6fdb; stroke: #2a6fdb } .b { fill: #c2570c; stroke: #c2570c }
  .c { fill: #1a7f4b; stroke: #1a7f4b } .bar { stroke: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .quiet { fill: #9198a1 } .paper { fill: #0d1117 }
    .grid { stroke: #30363d } .a { fill: #6aa5ff; stroke: #6aa5ff }
    .b { fill: #f0a050; stroke: #f0a050 } .c { fill: #56c98e; stroke: #56c98e }
    .bar { stroke: none } }
</style>"""
_CLASSES = "abc"


@dataclass(frozen=True)
class Panel:
    title: str
    axis: str
    # By peer: for each series, in the order of the legend, the values of all rounds.
    values: dict[str, list[list[float]]]
    logarithmic: bool = False


def _ticks(most: float, about: int = 4) -> list[float]:
    """Round steps from 0 to at least `most`."""
    raw = most / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    return [step * count for count in range(math.ceil(most / step - 1e-9) + 1)]


def _tick_text(value: float) -> str:
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"


class _Scale:
    def __init__(self, values: Sequence[float], left: float, logarithmic: bool) -> None:
        most = max(values, default=1.0) or 1.0
        self._left, self._log = left, logarithmic
        if logarithmic:
            least = min((value for value in values if value > 0), default=most)
            first, last = math.floor(math.log10(least)), math.ceil(math.log10(most))
            self.ticks = [10.0 ** power for power in range(first, max(last, first + 1) + 1)]
        else:
            self.ticks = _ticks(most)

    def __call__(self, value: float) -> float:
        first, last = self.ticks[0], self.ticks[-1]
        if self._log:
            share = math.log10(max(value, first) / first) / math.log10(last / first)
        else:
            share = value / last
        return self._left + share * _PANEL


def _mark(number: int, x: float, y: float) -> str:
    kind = _CLASSES[number]
    if number == 0:
        return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3.6"/>'
    if number == 1:
        return f'<rect class="{kind}" x="{x - 3.2:.1f}" y="{y - 3.2:.1f}" width="6.4" height="6.4"/>'
    return f'<path class="{kind}" d="M{x:.1f} {y - 4.2:.1f}l4.2 7.4h-8.4z"/>'


def _dots(values: Sequence[Sequence[float]], y: float, scale: _Scale) -> list[str]:
    parts = []
    for number, of_series in enumerate(values):
        if not of_series:
            continue
        parts.append(f'<line class="{_CLASSES[number]}" stroke-width="1.5" x1="'
                     f'{scale(min(of_series)):.1f}" x2="{scale(max(of_series)):.1f}" '
                     f'y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_mark(number, scale(median(of_series)), y))
    return parts


def _bars(values: Sequence[Sequence[float]], y: float, scale: _Scale) -> list[str]:
    parts, sum_ = [], 0.0
    for number, of_series in enumerate(values):
        height = median(of_series) if of_series else 0.0
        left, right = scale(sum_), scale(sum_ + height)
        if right - left > 0.2:
            parts.append(f'<rect class="{_CLASSES[number]} bar" x="{left:.1f}" y="{y - 5:.1f}" '
                         f'width="{right - left:.1f}" height="10"/>')
        sum_ += height
    return parts


def _panel(panel: Panel, peers: Sequence[str], left: float, top: float, bars: bool) -> list[str]:
    if bars:
        extent = [sum(median(series) for series in of_peer if series)
                  for of_peer in panel.values.values()]
    else:
        extent = [value for of_peer in panel.values.values() for series in of_peer
                  for value in series]
    scale = _Scale(extent, left, panel.logarithmic)
    bottom = top + _ROW * len(peers)
    parts = [f'<text class="ours" x="{left:.0f}" y="{top - 18:.0f}">{escape(panel.title)}</text>',
             f'<text class="quiet" x="{left:.0f}" y="{top - 5:.0f}">{escape(panel.axis)}</text>']
    for tick in scale.ticks:
        x = scale(tick)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top:.0f}" '
                     f'y2="{bottom:.0f}"/><text class="quiet" text-anchor="middle" x="{x:.1f}" '
                     f'y="{bottom + 14:.0f}">{_tick_text(tick)}</text>')
    for row, peer in enumerate(peers):
        if peer in panel.values:
            y = top + _ROW * (row + 0.5)
            parts += (_bars if bars else _dots)(panel.values[peer], y, scale)
    return parts


def _legend(names: Sequence[str], y: float) -> list[str]:
    parts, x = [], float(_LABELS)
    for number, name in enumerate(names):
        parts.append(_mark(number, x + 4, y - 4))
        parts.append(f'<text x="{x + 14:.0f}" y="{y:.0f}">{escape(name)}</text>')
        x += 34 + 6.6 * len(name)
    return parts


def figure(title: str, said: str, legend: Sequence[str], lines: Sequence[Sequence[Panel]],
           bars: bool = False) -> str:
    """An SVG of lines of panels, each line with its own peers on the left."""
    lines = [line for line in lines if any(panel.values for panel in line)]
    columns = max((len(line) for line in lines), default=1)
    width = max(_LEAST_WIDTH, _LABELS + columns * (_PANEL + _GAP) + 14)
    parts, top = _legend(legend, 62), 78.0
    for line in lines:
        peers = list(dict.fromkeys(peer for panel in line for peer in panel.values))
        top += _TOP
        for row, peer in enumerate(peers):
            ours = ' class="ours"' if peer.startswith("layergate") else ""
            parts.append(f'<text{ours} text-anchor="end" x="{_LABELS - 12}" '
                         f'y="{top + _ROW * (row + 0.5) + 4:.1f}">{escape(peer)}</text>')
        for column, panel in enumerate(line):
            parts += _panel(panel, peers, _LABELS + column * (_PANEL + _GAP), top, bars)
        top += _ROW * len(peers) + _FOOT
    height = top + 8
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:.0f}" '
        f'width="{width}" height="{height:.0f}" role="img">', f"<title>{escape(title)}</title>",
        _STYLE, f'<rect width="{width}" height="{height:.0f}" class="paper"/>',
        f'<text class="title" x="12" y="24">{escape(title)}</text>',
        f'<text class="quiet" x="12" y="42">{escape(said)}</text>', *parts, "</svg>", ""])
