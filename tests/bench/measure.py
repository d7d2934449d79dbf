"""What a proxy costs, read from the kernel, and the programs that make it work.

CPU time is that of the process-wide scheduler clock of each process of the proxy. It counts nanoseconds and includes threads
that have ended, which /proc/PID/task/*/schedstat loses (stunnel has a thread for each connection) and /proc/PID/stat rounds
to 10 ms. A process that is running is up to one tick behind, so a reading waits until the proxy is quiet.

Memory is the proportional set size: what processes share is counted once. What a connection takes is the growth of the anonymous
part alone: the rest is files, which a proxy shares with whoever maps them, the load generator among them, so that they weigh less
while that runs.
"""

import json
import os
import re
import select
import subprocess
import time

PATIENCE = 20

# From the kernel's include/linux/posix-timers.h: the clock of a whole process as the scheduler sees it.
PROCESS_CLOCK = 2


class Failed(Exception):
    """A case could not be measured; the text says why."""


def pause(seconds):
    """Between two looks at something that tells nobody when it changes."""
    select.select([], [], [], seconds)


def until(condition, what, patience=PATIENCE):
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            raise Failed("waited in vain for " + what)
        pause(0.01)


def process_tree(pid):
    """The ids of a process and all its descendants."""
    found = [pid]
    for each in found:
        try:
            for task in os.listdir("/proc/%d/task" % each):
                with open("/proc/%d/task/%s/children" % (each, task)) as source:
                    found += [int(word) for word in source.read().split()]
        except OSError:
            pass  # it has ended
    return found


def cpu_ns(pid):
    return time.clock_gettime_ns((~pid << 3) | PROCESS_CLOCK)


class CpuTime:
    """The CPU time of a proxy's processes between two moments, in seconds."""

    def __init__(self, root):
        self.root = root
        self.before = self._settled()

    def _read(self):
        try:
            return {pid: cpu_ns(pid) for pid in process_tree(self.root)}
        except OSError as error:
            raise Failed("a process of the proxy ended: %s" % error) from None

    def _settled(self):
        """A reading at rest. What goes on for longer than a second is the proxy's own way of working."""
        last = self._read()
        for _ in range(25):
            pause(0.04)
            now = self._read()
            if sum(now.values()) - sum(last.values()) < 100_000:
                return now
            last = now
        return last

    def seconds(self):
        after = self._settled()
        gone = set(self.before) - set(after)
        if gone:
            raise Failed("a process of the proxy ended during the case")
        return sum(value - self.before.get(pid, 0) for pid, value in after.items()) / 1e9


def parse_pss(text):
    """kB from the text of a smaps_rollup: all, and the part that is anonymous."""
    found = dict(re.findall(r"^(Pss|Pss_Anon):\s+(\d+) kB$", text, re.M))
    return int(found.get("Pss", 0)), int(found.get("Pss_Anon", 0))


def pss_kb(root):
    """The proportional set size of a proxy's processes, and the anonymous part of it."""
    total = anonymous = 0
    for pid in process_tree(root):
        try:
            with open("/proc/%d/smaps_rollup" % pid) as source:
                mine = parse_pss(source.read())
        except ProcessLookupError:
            continue
        total += mine[0]
        anonymous += mine[1]
    return total, anonymous


def parse_listening(text):
    """The TCP ports that somebody listens on, from the text of /proc/net/tcp."""
    ports = set()
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 3 and fields[3] == "0A":
            ports.add(int(fields[1].rsplit(":", 1)[1], 16))
    return ports


def listening():
    with open("/proc/net/tcp") as source:
        return parse_listening(source.read())


def parse_load(text):
    """The JSON object that the load generator prints last."""
    for line in reversed(text.strip().splitlines()):
        if line.startswith("{"):
            return json.loads(line)
    raise ValueError("no JSON object in the output")


def describe_errors(result):
    """What the load generator says went wrong, the most frequent first."""
    errors = sorted(result.get("errors", {}).items(), key=lambda item: -item[1])
    text = "; ".join("%s (%d)" % item for item in errors[:3])
    return "%d of %d failed%s" % (result.get("failed", 0), result.get("failed", 0) + result.get("units", 0),
                                  ": " + text if text else "")


def cores():
    """The core of a proxy, and that of load generator and upstream server: another one, where there is one."""
    mine = sorted(os.sched_getaffinity(0))
    return mine[0], mine[1 if len(mine) > 1 else 0]


def pinned(core, command):
    """A command that runs on one core only and ends when we do."""
    return ["taskset", "-c", str(core), "setpriv", "--pdeathsig", "TERM", "--", *command]


class Upstream:
    """The server behind the proxies. Reports at its end how many bytes were not what they had to be."""

    def __init__(self, program, core, certificate=None, key=None):
        command = [program] + (["--tls", certificate, key] if certificate else [])
        self.process = subprocess.Popen(pinned(core, command), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, start_new_session=True)
        if not select.select([self.process.stdout], [], [], PATIENCE)[0]:
            self.process.kill()
            raise Failed("the upstream server does not start")
        line = self.process.stdout.readline().decode("utf-8", "replace")
        if not line.startswith("port "):
            self.process.kill()
            raise Failed("the upstream server says " + line.strip())
        self.port = int(line.split()[1])

    def close(self):
        """Ends it; returns its report."""
        try:
            output = self.process.communicate(timeout=PATIENCE)[0].decode("utf-8", "replace")
            return parse_load(output)
        except (subprocess.TimeoutExpired, ValueError) as error:
            self.process.kill()
            self.process.wait()
            return {"violations": 0, "error": str(error)}


class Load:
    """The load generator: runs a case to its end, or holds idle connections."""

    def __init__(self, program, core, ca, server_name):
        self.program = program
        self.core = core
        self.ca = ca
        self.server_name = server_name

    def command(self, port, plain, arguments, timeout):
        kind = ["--plain"] if plain else ["--ca", self.ca, "--server-name", self.server_name]
        return pinned(self.core, [self.program, "--address", "127.0.0.1:%d" % port, *kind, *arguments, "--timeout", str(timeout)])

    def run(self, port, plain, arguments, timeout=60):
        try:
            done = subprocess.run(self.command(port, plain, arguments, timeout), stdin=subprocess.DEVNULL, capture_output=True,
                                  timeout=timeout + 5, start_new_session=True)
        except subprocess.TimeoutExpired:
            raise Failed("the load did not end within %d s" % timeout) from None
        return self.result(done.returncode, done.stdout, done.stderr)

    @staticmethod
    def result(status, stdout, stderr):
        try:
            result = parse_load(stdout.decode("utf-8", "replace"))
        except ValueError:
            text = stderr.decode("utf-8", "replace").strip().splitlines()
            raise Failed("load: status %d%s" % (status, ": " + text[-1] if text else "")) from None
        if result.get("failed"):
            raise Failed(describe_errors(result))
        if status != 0 or not result.get("units"):
            raise Failed("load: status %d, %d units" % (status, result.get("units", 0)))
        return result

    def hold(self, port, plain, arguments, look, timeout=60):
        """Holds idle connections, and meanwhile calls look(); returns what that returned and the result."""
        process = subprocess.Popen(self.command(port, plain, arguments, timeout), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        try:
            ready = select.select([process.stdout], [], [], timeout)[0] and process.stdout.readline()
            seen = look() if ready == b"ready\n" else None
            rest, stderr = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failed("the load did not end after idling") from None
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        result = self.result(process.returncode, (ready or b"") + rest, stderr)
        if seen is None:
            raise Failed("the idle connections were never ready")
        return seen, result
