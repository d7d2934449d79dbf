"""What each TLS library costs in memory, both ends in one process, without sockets or a proxy: measured by the floor programs on
the proxies' core in every round, as the machine's speed drifts, and given in the units of the cases."""

import json
import os
import subprocess

import cases
import measure

# Which figure of a floor program belongs to a case, and what makes its microseconds a unit, a MB or a round trip the case's unit.
# One ticket in TLS 1.3, as unitlsd sends.
FIGURES = {
    "full": ("full_1_3_one_ticket", 1e-3),
    "full-no-tickets": ("full_1_3_no_tickets", 1e-3),
    "resumed": ("resumed_1_3_one_ticket", 1e-3),
    "full-1.2": ("full_1_2", 1e-3),
    "resumed-1.2": ("resumed_1_2", 1e-3),
    "rsa-1.2": ("full_1_2_rsa", 1e-3),
    "down": ("encrypt", cases.BULK_BYTES / 1e6 / 1e6),
    "up": ("decrypt", cases.BULK_BYTES / 1e6 / 1e6),
    "echo": ("round_trip", 1.0),
}

SECONDS_MAX = 60


def parse(text):
    """{case: figure} from what a floor program prints."""
    found = json.loads(text)["us_per_unit"]
    return {case: found[name] * factor for case, (name, factor) in FIGURES.items() if name in found}


def run(program, core, folder):
    """One measurement; FOLDER has the certificates."""
    try:
        done = subprocess.run(measure.pinned(core, [program, folder]), stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=SECONDS_MAX)
    except subprocess.TimeoutExpired:
        raise measure.Failed("%s did not end within %d s" % (os.path.basename(program), SECONDS_MAX)) from None
    if done.returncode != 0:
        text = done.stderr.decode("utf-8", "replace").strip()
        raise measure.Failed("%s: status %d: %s" % (os.path.basename(program), done.returncode, text))
    return parse(done.stdout.decode())


class Floors:
    """The figures of all rounds by backend, and what went wrong."""

    def __init__(self, path_of, core, folder):
        self.path_of = path_of
        self.core = core
        self.folder = folder
        self.measured = {}
        self.failures = {}

    def measure(self, backend):
        try:
            figures = run(self.path_of("floor-" + backend), self.core, self.folder)
        except (measure.Failed, OSError, ValueError, KeyError) as failure:
            self.failures[backend] = str(failure)
        else:
            self.measured.setdefault(backend, []).append(figures)

    def medians(self, median):
        return {backend: {case: median([each[case] for each in rounds]) for case in rounds[0]}
                for backend, rounds in self.measured.items()}
