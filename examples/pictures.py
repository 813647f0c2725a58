"""What examples/mesh.py draws of its run: who holds which slice of the rows and of W, and the curves of all schemes on top of one another."""

from __future__ import annotations

from pathlib import Path

COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44")
SHARED = "#cccccc"
WIDE, HIGH, NARROW, GAP = 150, 110, 60, 24  # pixels: of X, of W across, and between them


def picture(width, height, shapes):
    """An SVG of shapes."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">'
    return "\n".join([head, f'<rect width="{width}" height="{height}" fill="white"/>', *shapes, "</svg>", ""])


def text(x, y, words, anchor="middle", colour="#222222"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{words}</text>'


def block(at, size, share, ranks, of_all):
    """A share ((first row, last), (first column, last)) of an array of so many rows and columns, in the colour of the rank that holds it."""
    (x, y), (width, height), (rows, columns) = at, size, of_all
    (top, bottom), (left, right) = share
    box = x + width * left / columns, y + height * top / rows, width * (right - left) / columns, height * (bottom - top) / rows
    colour = COLOURS[ranks[0]] if len(ranks) == 1 else SHARED
    found = '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" stroke="white" stroke-width="2" fill="{}"/>'.format(*box, colour)
    name = "all" if len(ranks) == 4 else " ".join(map(str, ranks))
    return [found, text(box[0] + box[2] / 2, box[1] + box[3] / 2 + 4, name, colour="white" if len(ranks) == 1 else "#222222")]


def held(at, size, shares, of_all):
    """An array, cut as the ranks hold it; what several hold is grey."""
    ranks = {}
    for rank, share in enumerate(shares):
        ranks.setdefault(share, []).append(rank)
    return [shape for share, some in ranks.items() for shape in block(at, size, share, some, of_all)]


def slices(schemes, rows, width, targets):
    """Who holds what: schemes are (name, what is added up, [(rows, columns, targets) of each rank], bytes a step)."""
    shapes, step = [text(WIDE / 2 + 20, 22, "X, N x P"), text(WIDE + GAP + 20 + NARROW / 2, 22, "W', P x q")], HIGH + GAP + 16
    for number, (name, added, ranks, crossed) in enumerate(schemes):
        y = 32 + number * step
        shapes += held((20, y), (WIDE, HIGH), [(own_rows, own_columns) for own_rows, own_columns, _ in ranks], (rows, width))
        shapes += held((20 + WIDE + GAP, y), (NARROW, HIGH), [(own_columns, own_targets) for _, own_columns, own_targets in ranks], (width, targets))
        beside = 20 + WIDE + 2 * GAP + NARROW
        shapes += [text(beside, y + 20, name, "start"), text(beside, y + 42, added, "start", "#555555"), text(beside, y + 64, crossed, "start", "#555555")]
    return picture(760, 32 + len(schemes) * step, shapes)


def curves(losses):
    """Losses by step, {name: numbers}: the first is drawn widest, each later one thinner on top of it."""
    most, steps = max(max(curve) for curve in losses.values()), max(map(len, losses.values()))
    shapes = [
        '<path d="M50 20V230H600" stroke="#555555" fill="none"/>',
        text(325, 252, f"step, 0 to {steps - 1}"),
        text(46, 26, f"{most:.3g}", "end"),
        text(46, 232, "0", "end"),
    ]
    for number, (name, curve) in enumerate(losses.items()):
        points = " ".join(f"{50 + 550 * step / (steps - 1):.1f},{230 - 210 * loss / most:.1f}" for step, loss in enumerate(curve))
        thick, colour = 13 - 3 * number, ("#dddddd", *COLOURS)[number]
        shapes.append(f'<polyline points="{points}" stroke="{colour}" stroke-width="{thick}" fill="none" stroke-linejoin="round"/>')
        shapes += [f'<path d="M330 {40 + 22 * number}h30" stroke="{colour}" stroke-width="{thick}"/>', text(370, 44 + 22 * number, name, "start")]
    return picture(620, 262, shapes)


def write(folder, schemes, rows, width, targets, losses):
    """Both pictures."""
    Path(folder, "parallelism-slices.svg").write_text(slices(schemes, rows, width, targets))
    Path(folder, "parallelism-losses.svg").write_text(curves(losses))
