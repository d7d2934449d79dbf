"""What is measured: a table of cases, the goals of each backend, and how much work a full and a quick run do.

A case is a kind of traffic through one listener of a proxy. The listeners are the same for all proxies (peers.py):

    ecdsa  TLS from the client, plaintext to the upstream, an ECDSA P-256 certificate
    rsa    the same with an RSA-2048 certificate
    out    plaintext from the client, TLS to the upstream, every connection a full handshake
    again  the same with the proxy's own habit of resuming sessions
    plain  no TLS at all
"""

import dataclasses

# The backends that have a goal; the others are measured without one.
GOALS = ("openssl", "boringssl", "gnutls")

BULK_BYTES = 800_000_000

# Of further clients, in the case "hostile".
HOSTILE_PERCENT = 10


@dataclasses.dataclass(frozen=True)
class Case:
    """KIND is how it is measured: connect, get, put, echo (CPU time), idle (memory), rate (latency) or hostile (goodput)."""

    name: str
    title: str
    kind: str
    unit: str
    listener: str = "ecdsa"
    tickets: str = "default"
    tls: str | None = None
    resume: bool = False
    needs: tuple = ()
    goals: dict = dataclasses.field(default_factory=dict)
    count: int = 0
    quick: int = 0
    connections: int = 8
    share: float = 0.0
    quickly: bool = True

    @property
    def relay(self):
        return self.listener == "plain"

    @property
    def client(self):
        """The proxy is a TLS client."""
        return self.listener in ("out", "again")

    @property
    def parts(self):
        """The figures that one measurement gives, by what is appended to the case's name."""
        return ("-p50", "-p99") if self.kind == "rate" else ("",)

    def amount(self, quick):
        return self.quick if quick else self.count


def goals(*values):
    return {backend: value for backend, value in zip(GOALS, values) if value is not None}


CLIENT_GOALS = goals(0.85, 0.75, 0.75)
TLS13 = ("tls1.3",)

CASES = (
    Case("full", "full handshake, TLS 1.3, ECDSA", "connect", "ms", tls="1.3", needs=TLS13, goals=goals(0.75, 0.6, 0.6),
         count=2000, quick=300),
    Case("full-no-tickets", "full handshake, no tickets", "connect", "ms", tickets="none", tls="1.3", needs=TLS13,
         goals=goals(0.75, 0.6, 0.6), count=2000, quick=300),
    Case("resumed", "resumed, TLS 1.3", "connect", "ms", tls="1.3", resume=True, needs=TLS13 + ("session-tickets",),
         goals=goals(0.9, 0.65, 0.75), count=2000, quick=300),
    Case("full-1.2", "full handshake, TLS 1.2, ECDSA", "connect", "ms", tls="1.2", goals=goals(0.85, 0.75, 0.75),
         count=2000, quick=300),
    Case("resumed-1.2", "resumed, TLS 1.2", "connect", "ms", tls="1.2", resume=True, needs=("session-tickets",),
         goals=goals(0.85, 0.75, 0.75), count=2000, quick=300),
    Case("rsa-1.2", "full handshake, TLS 1.2, RSA-2048", "connect", "ms", listener="rsa", tls="1.2", goals=goals(0.9, 0.9),
         count=1000, quick=150),
    Case("down", "800 MB to the client", "get", "s", goals=goals(0.7, 0.7, 0.65), count=BULK_BYTES, quick=96_000_000),
    Case("up", "800 MB from the client", "put", "s", goals=goals(0.7, 0.7, 0.65), count=BULK_BYTES, quick=96_000_000),
    Case("echo", "512-byte round trip", "echo", "us", goals=goals(0.8, 0.75, 0.75), count=40000, quick=5000, connections=50),
    Case("idle", "idle connection", "idle", "kB", goals=goals(0.85, 0.2, 0.65), connections=500, count=500, quick=300),
    Case("half", "handshake at 50 % of capacity", "rate", "ms", tls="1.3", needs=TLS13, share=0.5, count=5, quick=1,
         connections=1000),
    Case("most", "handshake at 80 % of capacity", "rate", "ms", tls="1.3", needs=TLS13, share=0.8, count=5, quick=1,
         connections=1000),
    Case("hostile", "goodput with 10 % hostile clients", "hostile", "of 1", tls="1.3", needs=TLS13, count=2000, quick=300,
         quickly=False),
    Case("out-full", "as TLS client: full handshake", "connect", "ms", listener="out", goals=CLIENT_GOALS, count=2000,
         quick=200),
    Case("out-again", "as TLS client: sessions resumed by default", "connect", "ms", listener="again", goals=CLIENT_GOALS,
         count=2000, quick=200),
    Case("out-down", "as TLS client: 800 MB to the client", "get", "s", listener="out", goals=CLIENT_GOALS, count=BULK_BYTES,
         quick=96_000_000),
    Case("out-up", "as TLS client: 800 MB from the client", "put", "s", listener="out", goals=CLIENT_GOALS, count=BULK_BYTES,
         quick=96_000_000),
    Case("out-echo", "as TLS client: 512-byte round trip", "echo", "us", listener="out", goals=CLIENT_GOALS, count=40000,
         quick=5000, connections=50),
    Case("out-idle", "as TLS client: idle connection", "idle", "kB", listener="out", goals=CLIENT_GOALS, connections=500,
         count=500, quick=300),
    Case("relay-connect", "no TLS: connection", "connect", "ms", listener="plain", count=2000, quick=300),
    Case("relay-down", "no TLS: 800 MB to the client", "get", "s", listener="plain", count=BULK_BYTES, quick=96_000_000),
    Case("relay-up", "no TLS: 800 MB from the client", "put", "s", listener="plain", count=BULK_BYTES, quick=96_000_000),
    Case("relay-echo", "no TLS: 512-byte round trip", "echo", "us", listener="plain", count=40000, quick=5000, connections=50),
    Case("relay-idle", "no TLS: idle connection", "idle", "kB", listener="plain", connections=500, count=500, quick=300),
)

# What our own cost may be at most, in the unit of the case; see report.own_cost().
OWN_COST_GOALS = {"connect": 0.060, "get": 0.1, "put": 0.1, "echo": 6.0}

# The case of the same kind without TLS, which own cost is reckoned against.
RELAY_CASES = {case.kind: case.name for case in CASES if case.relay}


def choose(names, quick):
    """The cases of these names, in the table's order; without names, all that a quick or full run has."""
    if not names:
        return [case for case in CASES if case.quickly or not quick]
    unknown = sorted(set(names) - {case.name for case in CASES})
    if unknown:
        raise ValueError("no such case: %s (there are %s)" % (", ".join(unknown), ", ".join(case.name for case in CASES)))
    return [case for case in CASES if case.name in names]


def load_arguments(case, amount, rate=None):
    """What the load generator is told, but for where to connect and how to verify."""
    connections = min(case.connections, amount) if case.kind in ("connect", "hostile", "echo", "idle") else case.connections
    arguments = ["--case", {"hostile": "connect"}.get(case.kind, case.kind), "--connections", str(connections)]
    if case.kind in ("connect", "hostile"):
        arguments += ["--count", str(amount)]
    elif case.kind in ("get", "put"):
        arguments += ["--bytes", str(amount)]
    elif case.kind == "echo":
        arguments += ["--count", str(amount), "--bytes", "512"]
    elif case.kind == "rate":
        arguments += ["--rate", str(rate), "--count", str(max(1, rate * amount))]
    if case.tls:
        arguments += ["--tls", case.tls]
    if case.resume:
        arguments += ["--resume"]
    return arguments


def per_unit(case, cpu_seconds, units):
    """CPU time in the unit of the case; bulk is given for BULK_BYTES whatever was moved."""
    factor = {"ms": 1e3, "us": 1e6, "s": BULK_BYTES}[case.unit]
    return cpu_seconds * factor / units
