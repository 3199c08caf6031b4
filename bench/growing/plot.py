"""Lines over a logarithmic axis, as SVG."""

from __future__ import annotations

import html
import math

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 640, 360, 80, 50, 40, 20
Point = tuple[float, float]


def svg(title: str, across: str, upwards: str, points: list[Point]) -> str:
    """One line through the points, whose x are positive; the y axis begins at 0."""
    low = math.log10(min(x for x, _ in points))
    high = max(math.log10(max(x for x, _ in points)), low + 1)
    top = max(max(y for _, y in points) * 1.1, 1e-9)

    def at(point: Point) -> tuple[float, float]:
        x = LEFT + (math.log10(point[0]) - low) / (high - low) * (WIDTH - LEFT - RIGHT)
        return x, HEIGHT - BOTTOM - point[1] / top * (HEIGHT - BOTTOM - TOP)

    def text(x: float, y: float, words: str, anchor: str = "middle") -> str:
        return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(words)}</text>'

    parts = [text(WIDTH / 2, 20, title), text(WIDTH / 2, HEIGHT - 8, across),
             text(8, TOP - 10, upwards, "start"),
             f'<path d="M{LEFT},{TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" class="axis"/>']
    for x, _ in points:
        place = at((x, 0))
        parts.append(text(place[0], place[1] + 18, f"{x:,.0f}"))
    for step in range(5):
        value = top * step / 4
        parts.append(text(LEFT - 6, at((points[0][0], value))[1] + 4, f"{value:.4g}", "end"))
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(at, points))
    parts.append(f'<polyline points="{line}" class="line"/>')
    parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in map(at, points)]
    style = ("text{font:12px sans-serif}.axis{fill:none;stroke:#666}"
             ".line{fill:none;stroke:#06c;stroke-width:2}circle{fill:#06c}")
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">'
            f"<style>{style}</style>{''.join(parts)}</svg>\n")
