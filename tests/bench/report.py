"""The report: what many measurements say, as rows, as a table, as a chart. Only pure functions.

A measurement is a dictionary with "case", "proxy", "round" and either "values" ({"" or "-p50", "-p99": number}) or "failed" (why).
A row is one figure of one proxy over all rounds.
"""

import cases as bench

# The goal of a latency is met when both percentiles are below every peer's in this share of the rounds.
WINNING_SHARE = 0.8

OURS = "unitlsd "
RELAY = "unitlsd relay"


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def spread(values):
    """How far apart the measurements lie, as a share of their median."""
    middle = median(values)
    return (max(values) - min(values)) / middle if middle else 0.0


def is_peer(name):
    return not name.startswith(OURS)


def backend_of(name):
    return name[len(OURS):] if name.startswith(OURS) else None


def values_of(measurements, case, part, proxy):
    """{round: value}"""
    return {each["round"]: each["values"][part] for each in measurements
            if each["case"] == case and each["proxy"] == proxy and part in each.get("values", {})}


def reasons_of(measurements, case, proxy):
    return [each["failed"] for each in measurements if each["case"] == case and each["proxy"] == proxy and "failed" in each]


def names_of(measurements, case):
    """The proxies that a case was tried with, in the order of their first try."""
    return list(dict.fromkeys(each["proxy"] for each in measurements if each["case"] == case))


def wins(measurements, case, proxy):
    """In how many rounds, and of how many, a proxy's latencies were all below every peer's."""
    won = rounds = 0
    peers = [name for name in names_of(measurements, case.name) if is_peer(name) and name != proxy]
    for number in sorted({each["round"] for each in measurements if each["case"] == case.name}):
        below = []
        for part in case.parts:
            mine = values_of(measurements, case.name, part, proxy).get(number)
            others = [values_of(measurements, case.name, part, peer).get(number) for peer in peers]
            others = [value for value in others if value is not None]
            if mine is not None and others:
                below.append(mine < min(others))
        if below:
            rounds += 1
            won += all(below)
    return won, rounds


def own_cost(case, backend, value, relays, library):
    """The total less the library in memory and less a plain relay, in the unit of the case; None when either is unknown.
    LIBRARY is {backend: {case: figure}}, in the units of the cases."""
    relay = relays.get(bench.RELAY_CASES.get(case.kind))
    inside = library.get(backend, {}).get(case.name)
    if relay is None or inside is None or case.kind not in bench.OWN_COST_GOALS:
        return None
    return value - inside - relay


def higher_is_better(case):
    return case.kind == "hostile"


def rows(measurements, cases, library=None):
    """Every figure of every proxy, as dictionaries; a failed one has "failed" in place of its value."""
    found = []
    relays = {case.name: median(list(values.values())) for case in cases if case.relay
              for values in [values_of(measurements, case.name, "", RELAY)] if values}
    for case in cases:
        for part in case.parts:
            medians = {}
            block = []
            for proxy in names_of(measurements, case.name):
                values = list(values_of(measurements, case.name, part, proxy).values())
                reasons = reasons_of(measurements, case.name, proxy)
                row = {"case": case.name + part, "title": case.title, "unit": case.unit, "proxy": proxy, "rounds": len(values)}
                if reasons:
                    row["failed"] = reasons[0]
                if values:
                    medians[proxy] = row["value"] = median(values)
                    row["spread"] = spread(values)
                block.append(row)
            by_round = {proxy: values_of(measurements, case.name, part, proxy) for proxy in medians}
            add_ratios(case, part, block, medians, by_round)
            for row in block:
                if case.kind == "rate" and "value" in row and not is_peer(row["proxy"]) and backend_of(row["proxy"]) in bench.GOALS:
                    won, rounds = wins(measurements, case, row["proxy"])
                    row["won"] = "%d/%d" % (won, rounds)
                    row["met"] = bool(rounds) and won >= WINNING_SHARE * rounds
                if "value" in row and not case.relay and not is_peer(row["proxy"]):
                    inside = (library or {}).get(backend_of(row["proxy"]), {}).get(case.name)
                    if inside is not None:
                        row["library"] = inside
                    cost = own_cost(case, backend_of(row["proxy"]), row["value"], relays, library or {})
                    if cost is not None:
                        row["relay"] = relays[bench.RELAY_CASES[case.kind]]
                        row["own_cost"] = cost
                        row["own_cost_goal"] = bench.OWN_COST_GOALS[case.kind]
                        if cost >= 0:  # below, the parts were not measured alike, which is no goal met
                            row["own_cost_met"] = cost <= row["own_cost_goal"]
            found += block
    return found


def ratio_to(mine, best):
    """The median of the ratios within each round: the machine is as fast for one as for the other there, and may not be a round
    later. None when the two have no round in common."""
    ratios = [value / best[number] for number, value in mine.items() if best.get(number)]
    return median(ratios) if ratios else None


def add_ratios(case, part, block, medians, by_round):
    """The ratio to the best peer, the goal and whether it is met, where there is a peer to compare with. Goodput with hostile
    clients has a goal of its own: it falls by no more than their share."""
    peers = [proxy for proxy in medians if is_peer(proxy)]
    if not peers:
        return
    best = (max if higher_is_better(case) else min)(peers, key=medians.get)
    for row in block:
        ratio = ratio_to(by_round[row["proxy"]], by_round[best]) if "value" in row else None
        if ratio is None:
            continue
        row["ratio"] = ratio
        if case.kind == "hostile" and not is_peer(row["proxy"]):
            row["met"] = row["value"] >= 1 - bench.HOSTILE_PERCENT / 100
        goal = case.goals.get(backend_of(row["proxy"]))
        if goal is not None and not part:
            row["goal"] = goal
            row["met"] = row["ratio"] <= goal


def number(value):
    """Three significant digits, without an exponent."""
    if value is None:
        return ""
    if abs(value) >= 100:
        return "%.0f" % value
    return "%.*f" % (1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3, value)


HEAD = ("case", "proxy", "median", "unit", "spread", "ratio", "goal", "met", "library", "relay", "own", "goal", "met", "p50 ms",
        "p99 ms", "PSS MB")
MET = {True: "yes", False: "NO", None: ""}


def table(found, extras=None):
    """The rows as text. EXTRAS has {(case, proxy): {"p50", "p99", "pss"}}, what stands beside the figures."""
    lines = [HEAD]
    notes = {}
    last = None
    for row in found:
        extra = (extras or {}).get((row["case"], row["proxy"]), {})
        name = row["case"] if row["case"] != last else ""
        if last is not None and name:
            lines.append(None)
        last = row["case"]
        if "value" not in row:
            lines.append((name, row["proxy"], "failed: " + row["failed"]))
            continue
        if "failed" in row:
            notes.setdefault(row["failed"], []).append("%s of %s" % (row["case"], row["proxy"]))
        goal = number(row["goal"]) if "goal" in row else row.get("won", "")
        lines.append((name, row["proxy"], number(row["value"]), row["unit"], "%.0f %%" % (100 * row["spread"]),
                      "%.2f" % row["ratio"] if "ratio" in row else "", goal, MET[row.get("met")], number(row.get("library")),
                      number(row.get("relay")), number(row.get("own_cost")), number(row.get("own_cost_goal")),
                      MET[row.get("own_cost_met")],
                      number(extra.get("p50")), number(extra.get("p99")), number(extra.get("pss"))))
    widths = [max(len(line[column]) for line in lines if line and len(line) == len(HEAD)) for column in range(len(HEAD))]
    for line in lines:
        if line and len(line) == 3:
            widths[0], widths[1] = max(widths[0], len(line[0])), max(widths[1], len(line[1]))
    told = ["\nSome rounds failed (%s): %s" % (reason, ", ".join(where)) for reason, where in notes.items()]
    return "\n".join([layout(line, widths) for line in lines] + told) + "\n"


def layout(line, widths):
    if line is None:
        return ""
    if len(line) == 3:
        return "%-*s  %-*s  %s" % (widths[0], line[0], widths[1], line[1], line[2])
    cells = ["%-*s" % (widths[0], line[0]), "%-*s" % (widths[1], line[1])]
    cells += ["%-*s" % (widths[column], line[column]) if column == 3 else "%*s" % (widths[column], line[column])
              for column in range(2, len(line))]
    return "  ".join(cells).rstrip()


def summary(found):
    """How many goals are met: a line a backend, and one for its own cost."""
    lines = []
    for proxy in dict.fromkeys(row["proxy"] for row in found if "met" in row):
        judged = [row for row in found if row["proxy"] == proxy and "met" in row]
        missed = ["%s %.2f" % (row["case"], row["ratio"]) for row in judged if not row["met"]]
        lines.append("%s: %d of %d goals met%s" % (proxy, len(judged) - len(missed), len(judged),
                                                  "; missed: " + ", ".join(missed) if missed else ""))
    for proxy in dict.fromkeys(row["proxy"] for row in found if "own_cost_met" in row):
        judged = [row for row in found if row["proxy"] == proxy and "own_cost_met" in row]
        missed = ["%s %s %s" % (row["case"], number(row["own_cost"]), row["unit"]) for row in judged if not row["own_cost_met"]]
        lines.append("%s: %d of %d goals of own cost met%s" % (proxy, len(judged) - len(missed), len(judged),
                                                              "; missed: " + ", ".join(missed) if missed else ""))
    return "\n".join(lines) + ("\n" if lines else "")


# ---- Chart ------------------------------------------------------------------------------------------------------------

# Peers are grey, ours have a colour each; in the order of the legend.
COLOURS = {"hitch": "#d2d5d9", "haproxy": "#b4b8bd", "nginx": "#93989e", "stunnel": "#6f747a", "unitlsd openssl": "#1a73e8",
           "unitlsd boringssl": "#188038", "unitlsd gnutls": "#e8710a", "unitlsd bearssl": "#a142f4", "unitlsd mbedtls": "#d01884",
           "unitlsd wolfssl": "#7b5e3b"}
OTHER_COLOUR = "#129eaf"
PLOT_HEIGHT = 150
BAR = 12
GROUP_GAP = 26
LEFT, TOP = 60, 58
PER_LINE = 6
# Longer bars are cut, and say how long they are.
LONGEST = 2.0


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def text_at(x, y, text, size=11, anchor="start", colour="#202124", more=""):
    return '<text x="%.1f" y="%.1f" font-size="%d" text-anchor="%s" fill="%s"%s>%s</text>' % (
        x, y, size, anchor, colour, more, escape(text))


def svg(found, heading):
    """A chart: for each case a group of bars, the ratio of each proxy to the best peer; lower is better."""
    charted = [row for row in found if "ratio" in row]
    groups = list(dict.fromkeys(row["case"] for row in charted))
    named = {row["proxy"] for row in charted}
    proxies = [name for name in COLOURS if name in named] + sorted(named - set(COLOURS))
    group_width = len(proxies) * BAR + GROUP_GAP
    width = LEFT + min(PER_LINE, max(1, len(groups))) * group_width + 20
    legend_lines = -(-(len(proxies) + 1) // max(1, (width - LEFT) // 150))
    top = TOP + 18 * legend_lines
    panels = -(-len(groups) // PER_LINE)
    height = top + panels * (PLOT_HEIGHT + 58) + 10
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif">' % (
        width, height, width, height), '<rect width="100%" height="100%" fill="#ffffff"/>',
        text_at(LEFT, 22, "Cost as a ratio to the best peer (lower is better; goodput: higher)", 15),
        text_at(LEFT, 40, heading, 11, colour="#5f6368")]
    parts += legend(proxies, width)
    for panel in range(panels):
        base = top + panel * (PLOT_HEIGHT + 58) + PLOT_HEIGHT + 14
        chosen = groups[panel * PER_LINE:(panel + 1) * PER_LINE]
        parts += axis(base, LEFT + len(chosen) * group_width)
        for index, name in enumerate(chosen):
            parts += group([row for row in charted if row["case"] == name], proxies, LEFT + index * group_width, base)
    return "\n".join(parts + ["</svg>"]) + "\n"


def colour_of(proxy):
    return COLOURS.get(proxy, OTHER_COLOUR)


def legend(proxies, width):
    parts = []
    across = max(1, (width - LEFT) // 150)
    for index, name in enumerate([*proxies, "goal of a backend"]):
        x, y = LEFT + index % across * 150, TOP + 18 * (index // across)
        mark = index == len(proxies)
        parts.append('<rect x="%d" y="%d" width="11" height="%d" fill="%s"/>' % (
            x, y - (6 if mark else 10), 2 if mark else 11, "#000000" if mark else colour_of(name)))
        parts.append(text_at(x + 16, y, name))
    return parts


def length(ratio):
    return min(ratio, LONGEST) / LONGEST * PLOT_HEIGHT


def axis(base, right):
    parts = []
    for value in (0.0, 0.5, 1.0, 1.5, 2.0):
        y = base - length(value)
        strong = value == 1.0
        parts.append('<line x1="%d" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%s"/>' % (
            LEFT - 4, y, right, y, "#d93025" if strong else "#dadce0", "1.5" if strong else "1"))
        parts.append(text_at(LEFT - 8, y + 4, "%.1f" % value, 10, "end"))
    return parts


def group(block, proxies, left, base):
    """The bars of one case; a black mark is a backend's goal."""
    left += GROUP_GAP / 2
    parts = [text_at(left + len(proxies) * BAR / 2, base + 16, block[0]["case"], 11, "middle"),
             text_at(left + len(proxies) * BAR / 2, base + 30, block[0]["title"].removeprefix("as TLS client: "), 8, "middle",
                     "#5f6368")]
    for row in block:
        index = proxies.index(row["proxy"])
        x, tall = left + index * BAR, length(row["ratio"])
        parts.append('<rect x="%.1f" y="%.1f" width="%d" height="%.1f" fill="%s"><title>%s</title></rect>' % (
            x, base - tall, BAR - 2, tall, colour_of(row["proxy"]),
            escape("%s: %s %s, %.2f of the best peer" % (row["proxy"], number(row["value"]), row["unit"], row["ratio"]))))
        if row["ratio"] > LONGEST:
            parts.append(text_at(x + BAR - 3, base - tall + 3, "%.1f" % row["ratio"], 9, "end", "#ffffff",
                                 ' transform="rotate(-90 %.1f %.1f)"' % (x + BAR - 3, base - tall + 3)))
        if "goal" in row:
            y = base - length(row["goal"])
            parts.append('<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#000000" stroke-width="2"/>' % (
                x - 1, y, x + BAR - 1, y))
    return parts
