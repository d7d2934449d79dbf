"""The proxies: for each an equivalent configuration with one worker, and the processes that run it.

Equivalent: the same certificates, TLS 1.2 and 1.3, AES-128-GCM and X25519 (what every side of the measurement prefers or has
to take), verification of a TLS upstream, no log, the same upstream. Everything else is as each proxy has it by default, session
tickets too, unless a case asks for none.
"""

import dataclasses
import os
import re
import shutil
import signal
import socket
import subprocess

import cases
import certificates
import measure

CIPHERS = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
SUITE = "TLS_AES_128_GCM_SHA256"
CURVE = "X25519"

LISTENERS = ("ecdsa", "rsa", "out", "again", "plain")


@dataclasses.dataclass
class Setting:
    """What a configuration is made of. PORTS has those of the listeners that the proxy is to have."""

    folder: str
    certificates: certificates.Certificates
    ports: dict
    upstream: int
    tls_upstream: int
    tickets: str = "default"

    def path(self, name):
        return os.path.join(self.folder, name)

    def served(self):
        """The listeners with TLS from the client, each with its certificate."""
        return [(name, getattr(self.certificates, name)) for name in ("ecdsa", "rsa") if name in self.ports]

    def outgoing(self):
        """The listeners with TLS to the upstream, each with whether sessions may be resumed."""
        return [(name, name == "again") for name in ("out", "again") if name in self.ports]


def hitch(setting):
    lines = ['backend = "[127.0.0.1]:%d"' % setting.upstream, "workers = 1", "daemon = off", "log-level = 0", 'ocsp-dir = ""',
             "backlog = 4096", "tls-protos = TLSv1.2 TLSv1.3", 'ciphers = "%s"' % CIPHERS, 'ciphersuites = "%s"' % SUITE,
             'ecdh-curve = "%s"' % CURVE]
    if os.getuid() == 0:
        lines += ['user = "nobody"']  # it refuses to work as root
    for name, pem in setting.served():
        lines += ["frontend = {", '    host = "127.0.0.1"', '    port = "%d"' % setting.ports[name], '    pem-file = "%s"' % pem, "}"]
    return "\n".join(lines) + "\n"


def haproxy(setting):
    lines = ["global", "    nbthread 1", "    maxconn 4000", "    ssl-default-bind-ciphers " + CIPHERS,
             "    ssl-default-bind-ciphersuites " + SUITE, "    ssl-default-bind-curves " + CURVE,
             "    ssl-default-bind-options ssl-min-ver TLSv1.2", "    ssl-default-server-options ssl-min-ver TLSv1.2",
             "defaults", "    mode tcp", "    timeout connect 10s", "    timeout client 1h", "    timeout server 1h"]
    tickets = " no-tls-tickets" if setting.tickets == "none" else ""
    for name, pem in setting.served():
        lines += ["listen " + name, "    bind 127.0.0.1:%d ssl crt %s%s" % (setting.ports[name], pem, tickets),
                  "    server upstream 127.0.0.1:%d" % setting.upstream]
    for name, resume in setting.outgoing():
        lines += ["listen " + name, "    bind 127.0.0.1:%d" % setting.ports[name],
                  "    server upstream 127.0.0.1:%d ssl verify required ca-file %s sni str(%s) verifyhost %s%s" % (
                      setting.tls_upstream, setting.certificates.ca, certificates.SERVER_NAME, certificates.SERVER_NAME,
                      "" if resume else " no-ssl-reuse")]
    return "\n".join(lines) + "\n"


def nginx(setting):
    lines = ["load_module /usr/lib/nginx/modules/ngx_stream_module.so;", "daemon off;", "worker_processes 1;",
             "user root;" if os.getuid() == 0 else "", "pid %s;" % setting.path("nginx.pid"), "error_log stderr crit;",
             "worker_rlimit_nofile 16384;", "events { worker_connections 8192; }", "stream {", "proxy_timeout 1h;",
             "ssl_protocols TLSv1.2 TLSv1.3;", "ssl_ciphers %s;" % CIPHERS, "ssl_conf_command Ciphersuites %s;" % SUITE,
             "ssl_ecdh_curve %s;" % CURVE]
    if setting.tickets == "none":
        lines += ["ssl_session_tickets off;", "ssl_conf_command NumTickets 0;"]
    for name, pem in setting.served():
        lines += ["server { listen 127.0.0.1:%d ssl; proxy_pass 127.0.0.1:%d; ssl_certificate %s; ssl_certificate_key %s; }" % (
            setting.ports[name], setting.upstream, pem, pem)]
    for name, resume in setting.outgoing():
        lines += ["server { listen 127.0.0.1:%d; proxy_pass 127.0.0.1:%d; proxy_ssl on; proxy_ssl_verify on;" % (
            setting.ports[name], setting.tls_upstream),
            "  proxy_ssl_protocols TLSv1.2 TLSv1.3; proxy_ssl_trusted_certificate %s; proxy_ssl_name %s; proxy_ssl_server_name on;" % (
                setting.certificates.ca, certificates.SERVER_NAME),
            "  proxy_ssl_session_reuse %s; }" % ("on" if resume else "off")]
    return "\n".join(lines + ["}"]) + "\n"


def stunnel(setting):
    lines = ["foreground = yes", "pid =", "debug = crit", "syslog = no", "sslVersionMin = TLSv1.2"]
    for name, pem in setting.served():
        lines += ["[%s]" % name, "accept = 127.0.0.1:%d" % setting.ports[name], "connect = 127.0.0.1:%d" % setting.upstream,
                  "cert = " + pem, "ciphers = " + CIPHERS, "ciphersuites = " + SUITE, "curves = " + CURVE]
        if setting.tickets == "none":
            lines += ["options = NO_TICKET"]
    for name, resume in setting.outgoing():
        lines += ["[%s]" % name, "client = yes", "accept = 127.0.0.1:%d" % setting.ports[name],
                  "connect = 127.0.0.1:%d" % setting.tls_upstream, "verifyChain = yes", "CAfile = " + setting.certificates.ca,
                  "checkHost = " + certificates.SERVER_NAME, "sni = " + certificates.SERVER_NAME,
                  "sessionResume = " + ("yes" if resume else "no")]
    return "\n".join(lines) + "\n"


def unitlsd(setting, backend=None):
    lines = ["[daemon]", "workers = 1", "log_level = error", "control = none"]
    for name, pem in setting.served():
        lines += ["[listener %s]" % name, "listen = 127.0.0.1:%d" % setting.ports[name], "tls = " + name, "upstream = plain",
                  "[tls %s]" % name, "backend = " + backend, "certificate = " + pem]
        if setting.tickets == "none":
            lines += ["session_tickets = no"]
    for name, _ in setting.outgoing():
        lines += ["[listener %s]" % name, "listen = 127.0.0.1:%d" % setting.ports[name], "upstream = " + name,
                  "[upstream %s]" % name, "server = 127.0.0.1:%d" % setting.tls_upstream, "tls = " + name, "[tls %s]" % name,
                  "backend = " + backend, "ca = " + setting.certificates.ca, "server_name = " + certificates.SERVER_NAME]
    if "plain" in setting.ports:
        lines += ["[listener plain]", "listen = 127.0.0.1:%d" % setting.ports["plain"], "upstream = plain"]
    if "plain" in setting.ports or setting.served():
        lines += ["[upstream plain]", "server = 127.0.0.1:%d" % setting.upstream]
    return "\n".join(lines) + "\n"


# For those that have no key for the number of tickets in TLS 1.3: the library's own configuration.
OPENSSL_NO_TICKETS = """openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = default
[default]
NumTickets = 0
Options = -SessionTicket
"""

SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class Proxy:
    """A proxy by its NAME in the report. CONFIGURE makes the text of its configuration, COMMAND what is started with the path
    of that; LISTENERS are those it can have; CANNOT names what its TLS library lacks."""

    def __init__(self, name, configure, command, listeners, version, backend=None, can=None, ours=False):
        self.name = name
        self.configure = configure
        self.command = command
        self.listeners = listeners
        self.version = version
        self.backend = backend
        self.can = can
        self.ours = ours

    @property
    def has_goal(self):
        """Whether it is among those that are compared: the peers, the plain relay, the backends with a goal."""
        return self.backend is None or self.backend in cases.GOALS

    def lacks(self, case):
        """Why the proxy cannot do the case, or None."""
        if case.listener not in self.listeners:
            return "no TLS client" if case.client else "no such listener"
        for need in case.needs if self.can is not None else ():
            if need not in self.can:
                return "the library has no " + need.replace("tls", "TLS ").replace("session-tickets", "session tickets")
        return None


class Running:
    """A started proxy. Its processes end with stop(), each by its id."""

    def __init__(self, proxy, folder, setting, core):
        self.proxy = proxy
        self.ports = setting.ports
        path = os.path.join(folder, "configuration")
        with open(path, "w") as out:
            out.write(proxy.configure(setting))
        environment = dict(os.environ, PATH=SYSTEM_PATH)
        if setting.tickets == "none" and not proxy.ours:
            environment["OPENSSL_CONF"] = os.path.join(folder, "openssl.cnf")
            with open(environment["OPENSSL_CONF"], "w") as out:
                out.write(OPENSSL_NO_TICKETS)
        self.log_path = os.path.join(folder, "log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(measure.pinned(core, [*proxy.command, path]), stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT, cwd=folder, env=environment, start_new_session=True)
        self.pid = self.process.pid
        try:
            wanted = set(self.ports.values())
            measure.until(lambda: wanted <= measure.listening() or self.process.poll() is not None, "its listeners")
            self.check()
        except measure.Failed as failure:
            self.stop()
            raise measure.Failed("%s does not start: %s%s" % (proxy.name, failure, self.log_tail())) from None

    def check(self):
        if self.process.poll() is not None:
            raise measure.Failed("the proxy ended with status %d" % self.process.returncode)

    def log_tail(self):
        with open(self.log_path, "rb") as log:
            lines = [line.strip() for line in log.read().decode("utf-8", "replace").splitlines() if line.strip()]
        return "".join(" | " + line[:200] for line in lines[-3:])

    def stop(self):
        ids = measure.process_tree(self.pid) if self.process.poll() is None else []
        if ids:
            self.process.terminate()
            try:
                self.process.wait(1)
            except subprocess.TimeoutExpired:
                pass
        # A proxy may wait for its connections to end; what is left of it goes by force.
        for pid in ids[1:]:
            try:
                if os.getpgid(pid) == self.pid or os.getsid(pid) == self.pid:
                    os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def free_ports(count):
    """Ports that nobody has now, different from each other."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def version_of(command, pattern):
    """What a program says its version is."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20,
                              env=dict(os.environ, PATH=SYSTEM_PATH))
    except (OSError, subprocess.TimeoutExpired):
        return "?"
    found = re.search(pattern, done.stdout.decode("utf-8", "replace"))
    return found.group(1) if found else "?"


def parse_backends(text):
    """The output of `unitls backends`: {name: (version, capabilities)}."""
    found = {}
    name = None
    key = None
    for line in text.splitlines():
        head = re.match(r"([a-z0-9]+): (.*)$", line)
        row = re.match(r"    (\S.{12}\S*) (.*)$", line)
        if head:
            name, key = head.group(1), None
            found[name] = (head.group(2), set())
        elif line.startswith(" " * 18) and key == "can":
            found[name][1].update(item for item in re.split(r"[,\s]+", line) if item)
        elif row:
            key = row.group(1).strip()
            if key == "can":
                found[name][1].update(item for item in re.split(r"[,\s]+", row.group(2)) if item)
    return found


def all_proxies(builddir):
    """Every proxy of the report, in its order: the peers, our backends, the plain relay."""
    def path(name):
        return shutil.which(name, path=SYSTEM_PATH) or name

    served = ("ecdsa", "rsa")
    both = served + ("out", "again")
    proxies = [
        Proxy("hitch", hitch, [path("hitch"), "--config"], served, version_of([path("hitch"), "-V"], r"hitch (\S+)")),
        Proxy("haproxy", haproxy, [path("haproxy"), "-db", "-q", "-f"], both,
              version_of([path("haproxy"), "-v"], r"version (\S+)")),
        Proxy("nginx", nginx, [path("nginx"), "-e", "stderr", "-p", ".", "-c"], both, version_of([path("nginx"), "-v"], r"nginx/(\S+)")),
        Proxy("stunnel", stunnel, [path("stunnel4")], both, version_of([path("stunnel4"), "-version"], r"stunnel (\S+)")),
    ]
    daemon = os.path.abspath(os.path.join(builddir, "bin", "unitlsd"))
    listed = subprocess.run([os.path.join(builddir, "bin", "unitls"), "backends"], capture_output=True, timeout=60, check=True)
    backends = parse_backends(listed.stdout.decode("utf-8", "replace"))
    order = ("openssl", "boringssl", "gnutls")
    for name in sorted(backends, key=lambda each: (order.index(each) if each in order else len(order), each)):
        version, can = backends[name]
        proxies.append(Proxy("unitlsd " + name, lambda setting, name=name: unitlsd(setting, name), [daemon, "-c"], both, version,
                             backend=name, can=can, ours=True))
    proxies.append(Proxy("unitlsd relay", unitlsd, [daemon, "-c"], ("plain",), version_of([daemon, "--version"], r"(\d\S+)"),
                         ours=True))
    return proxies


def choose(proxies, names):
    """Those of these names; "unitlsd" stands for all of ours, and "boringssl" for "unitlsd boringssl"."""
    if not names:
        return proxies
    chosen = [proxy for proxy in proxies if {proxy.name, proxy.name.replace("unitlsd ", ""), proxy.name.split()[0]} & set(names)]
    known = {name for proxy in proxies for name in (proxy.name, proxy.name.replace("unitlsd ", ""), proxy.name.split()[0])}
    unknown = sorted(set(names) - known)
    if unknown:
        raise ValueError("no such proxy: %s (there are %s)" % (", ".join(unknown), ", ".join(proxy.name for proxy in proxies)))
    return chosen
