"""Figures that lie on curves, as lines of text and as a chart. Only pure functions."""

import collections

import report

# One point: VALUE at X. GOAL is what it may be at most, or None.
Figure = collections.namedtuple("Figure", "curve x value unit goal")

WIDTH, HEIGHT, LEFT, GAP, PER_LINE = 250, 130, 56, 70, 3


def is_met(figure):
    """None where there is no goal."""
    return None if figure.goal is None else figure.value <= figure.goal


def line(figure):
    text = "%-55s %9s  %9s %-5s" % (figure.curve, format(figure.x, ","), report.number(figure.value), figure.unit)
    if figure.goal is not None:
        text += "  at most %s: %s" % (report.number(figure.goal), "yes" if is_met(figure) else "NO")
    return text.rstrip()


def summary(figures):
    judged = [figure for figure in figures if figure.goal is not None]
    missed = ["%s at %s: %s %s" % (each.curve, format(each.x, ","), report.number(each.value), each.unit)
              for each in judged if not is_met(each)]
    return "%d of %d goals met%s" % (len(judged) - len(missed), len(judged), "; missed: " + "; ".join(missed) if missed else "")


def plot(points, left, top):
    """One curve in a frame of its own."""
    most = max(max(each.value for each in points), max((each.goal for each in points if each.goal is not None), default=0.0), 1e-9) * 1.1
    parts = ['<rect x="%d" y="%d" width="%d" height="%d" fill="none" stroke="#dadce0"/>' % (left, top, WIDTH, HEIGHT),
             report.text_at(left, top - 8, "%s (%s)" % (points[0].curve, points[0].unit), 10)]

    def at(index, value):
        """Evenly apart: the steps are rather decades than sums."""
        return left + 24 + index / (len(points) - 1) * (WIDTH - 48), top + HEIGHT - max(value, 0.0) / most * HEIGHT

    spots = [(at(index, each.value), each) for index, each in enumerate(points)]
    parts.append('<polyline points="%s" fill="none" stroke="#1a73e8" stroke-width="1.5"/>' % " ".join("%.1f,%.1f" % spot for spot, _ in spots))
    for index, ((x, y), each) in enumerate(spots):
        missed = is_met(each) is False
        parts.append('<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>' % (x, y, "#d93025" if missed else "#1a73e8"))
        parts.append(report.text_at(x, y - 6, report.number(each.value), 9, "middle"))
        parts.append(report.text_at(x, top + HEIGHT + 13, format(each.x, ","), 9, "middle", "#5f6368"))
        if each.goal is not None:
            goal = at(index, each.goal)[1]
            parts.append('<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#000000" stroke-width="2"/>' % (x - 9, goal, x + 9, goal))
    return parts


def svg(figures, heading):
    """A frame for each curve of more than one point; a black mark is a goal, a red point misses it."""
    curves = collections.defaultdict(list)
    for figure in figures:
        curves[figure.curve].append(figure)
    curves = {name: points for name, points in curves.items() if len(points) > 1}
    lines = -(-len(curves) // PER_LINE) or 1
    width, height = LEFT + PER_LINE * (WIDTH + GAP), 80 + lines * (HEIGHT + 60)
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif">' % (
        width, height, width, height), '<rect width="100%" height="100%" fill="#ffffff"/>',
        report.text_at(LEFT, 22, "How cost grows (black mark: goal; red: missed)", 15), report.text_at(LEFT, 40, heading, 11, colour="#5f6368")]
    for index, points in enumerate(curves.values()):
        parts += plot(points, LEFT + index % PER_LINE * (WIDTH + GAP), 80 + index // PER_LINE * (HEIGHT + 60))
    return "\n".join(parts + ["</svg>"]) + "\n"
