"""What callgrind writes: instructions by the object file that they are in."""

import collections
import re


class Profile:
    """One dump of callgrind: what triggered it, and its instructions by the path of the object file."""

    def __init__(self, path, is_own=lambda place: False):
        self.trigger = None
        self.spent = collections.Counter()  # there, without what was called
        self.called = collections.Counter()  # with it, of calls from an own object
        self.names = {}
        caller = callee = None
        of_call = False
        with open(path, encoding="utf-8", errors="replace") as source:
            for line in source:
                line = line.rstrip("\n")
                if line.startswith("ob="):
                    caller = self._name(line)
                elif line.startswith("cob="):
                    callee = self._name(line)
                elif line.startswith("desc: Trigger: Client Request: "):
                    self.trigger = line.split(": ", 3)[3]
                elif line.startswith("calls="):
                    of_call = True  # the next line is the cost of the call
                elif re.match(r"[0-9+*-]", line):
                    cost = int(line.split()[1])
                    if not of_call:
                        self.spent[caller] += cost
                    elif callee is not None and is_own(caller):
                        self.called[callee] += cost
                    if of_call:
                        callee = None  # without a cob= the caller's own
                    of_call = False

    def _name(self, line):
        """The name that a line has or, the second time, refers to."""
        number, name = re.match(r"c?ob=\((\d+)\)(?: (.*))?$", line).groups()
        return self.names.setdefault(number, name)
