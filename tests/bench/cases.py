"""What is measured: a table of cases, the goals of each backend, and how much work a full and a quick run do.

A case is a kind of traffic (connect, get, put, echo: CPU time; idle: memory; rate: latency; hostile: goodput) through one
listener of a proxy. The listeners are the same for all proxies (peers.py):

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
class Kind:
    """How traffic of a kind is measured: in which unit, how much of it in a full and a quick run (connections, bytes, round
    trips or seconds), over how many connections at a time."""

    unit: str
    full: int
    quick: int
    connections: int


KINDS = {
    "connect": Kind("ms", 2000, 150, 8),
    "get": Kind("s", BULK_BYTES, 48_000_000, 8),
    "put": Kind("s", BULK_BYTES, 48_000_000, 8),
    "echo": Kind("us", 40000, 3000, 50),
    "idle": Kind("kB", 500, 200, 500),
    "rate": Kind("ms", 5, 1, 1000),
    "hostile": Kind("of 1", 2000, 200, 8),
}


@dataclasses.dataclass(frozen=True)
class Case:
    """NEEDS names what a TLS library must be able to do; GOALS has the ratio to the best peer that each backend is to reach; SHARE
    is that of the slowest proxy's capacity, for a rate. Only what is QUICKLY done is in a quick run."""

    name: str
    title: str
    kind: str
    goals: dict = dataclasses.field(default_factory=dict)
    listener: str = "ecdsa"
    tickets: str = "default"
    tls: str | None = None
    resume: bool = False
    needs: tuple = ()
    share: float = 0.0
    quickly: bool = True

    @property
    def unit(self):
        return KINDS[self.kind].unit

    @property
    def connections(self):
        return KINDS[self.kind].connections

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
        return KINDS[self.kind].quick if quick else KINDS[self.kind].full


def goals(*values):
    return {backend: value for backend, value in zip(GOALS, values) if value is not None}


def tls13(name, title, kind, goals=None, needs=(), **keywords):
    return Case(name, title, kind, goals or {}, tls="1.3", needs=("tls1.3", *needs), **keywords)


def relay(name, title, kind):
    return Case(name, "no TLS: " + title, kind, listener="plain")


def client(name, title, kind, listener="out", **keywords):
    """Without half-close the end of a client reaches a TLS upstream only seconds later (unitlsd.conf(5)), so such a library has
    no measurement that ends in time."""
    return Case(name, "as TLS client: " + title, kind, goals(0.85, 0.75, 0.75), listener, needs=("half-close",), **keywords)


CASES = (
    tls13("full", "full handshake, TLS 1.3, ECDSA", "connect", goals(0.75, 0.6, 0.6)),
    tls13("full-no-tickets", "full handshake, no tickets", "connect", goals(0.75, 0.6, 0.6), tickets="none"),
    tls13("resumed", "resumed, TLS 1.3", "connect", goals(0.9, 0.65, 0.75), ("session-tickets",), resume=True),
    Case("full-1.2", "full handshake, TLS 1.2, ECDSA", "connect", goals(0.85, 0.75, 0.75), tls="1.2"),
    Case("resumed-1.2", "resumed, TLS 1.2", "connect", goals(0.85, 0.75, 0.75), tls="1.2", resume=True, needs=("session-tickets",)),
    Case("rsa-1.2", "full handshake, TLS 1.2, RSA-2048", "connect", goals(0.9, 0.9), "rsa", tls="1.2"),
    Case("down", "800 MB to the client", "get", goals(0.7, 0.7, 0.65)),
    Case("up", "800 MB from the client", "put", goals(0.7, 0.7, 0.65)),
    Case("echo", "512-byte round trip", "echo", goals(0.8, 0.75, 0.75)),
    Case("idle", "idle connection", "idle", goals(0.85, 0.2, 0.65)),
    relay("relay-connect", "connection", "connect"),
    relay("relay-down", "800 MB to the client", "get"),
    relay("relay-up", "800 MB from the client", "put"),
    relay("relay-echo", "512-byte round trip", "echo"),
    relay("relay-idle", "idle connection", "idle"),
    client("out-full", "full handshake", "connect"),
    client("out-again", "sessions resumed by default", "connect", "again", quickly=False),
    client("out-down", "800 MB to the client", "get"),
    client("out-up", "800 MB from the client", "put", quickly=False),
    client("out-echo", "512-byte round trip", "echo"),
    client("out-idle", "idle connection", "idle"),
    tls13("half", "handshake at 50 % of capacity", "rate", share=0.5),
    tls13("most", "handshake at 80 % of capacity", "rate", share=0.8),
    tls13("hostile", "goodput with 10 % hostile clients", "hostile", quickly=False),
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
    connections = min(case.connections, amount) if case.kind != "rate" else case.connections
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
