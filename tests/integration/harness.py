"""What the integration tests share: a temporary folder, certificates by the openssl command line, the daemon on ports that
the kernel chose, and small servers and clients. Python's standard library only; everything started is ended by its id.

    class Relay(harness.TestCase):
        def test_something(self):
            daemon = self.daemon(CONFIGURATION)
            with daemon.connect("web") as client: ...
"""

import contextlib
import functools
import os
import re
import resource
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

SOURCE = os.environ.get("SOURCEDIR") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILDDIR = os.environ.get("BUILDDIR") or os.path.join(SOURCE, "build", os.environ.get("BUILD", "release"))
UNITLSD = os.environ.get("UNITLSD") or os.path.join(BUILDDIR, "bin", "unitlsd")
UNITLSCTL = os.path.join(BUILDDIR, "bin", "unitlsctl")
MODULES = os.path.join(BUILDDIR, "lib", "unitls", "backends")

SANITIZED = any(name in BUILDDIR for name in ("asan", "tsan"))

# How long anything may take before a test fails. Sanitizers make everything slower.
PATIENCE = 90 if SANITIZED else 30


def backends():
    """The backends that were built, by name."""
    if not os.path.isdir(MODULES):
        return []
    return sorted(name[:-3] for name in os.listdir(MODULES) if name.endswith(".so"))


ASK_CAPABILITIES = """
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
library.unitls_backend_capabilities.restype = ctypes.POINTER(ctypes.c_uint64)
backend = ctypes.c_void_p()
if library.unitls_backend_load(sys.argv[2].encode(), ctypes.byref(backend), None) != 0:
    sys.exit(1)
print(library.unitls_backend_capabilities(backend)[0])
"""
CAP_HALF_CLOSE = 1 << 5  # unitls/backend.h
CAP_SESSION_TICKETS = 1 << 6


@functools.lru_cache(maxsize=None)
def can(backend, capability):
    """Whether a backend has a capability; asked in a process of its own, as this one has a TLS library itself."""
    library = os.path.join(os.path.dirname(os.path.dirname(MODULES)), "libunitls.so")
    # A sanitizer's runtime has to be there before Python.
    preload = re.findall(r"\S*lib[at]san\.so\S* => (\S+)", run("ldd", library).decode())
    environment = dict(os.environ, LD_PRELOAD=":".join(preload), ASAN_OPTIONS="detect_leaks=0")
    return int(run(sys.executable, "-c", ASK_CAPABILITIES, library, backend, env=environment)) & capability != 0


def run(*command, **keywords):
    """Runs a command to its end; its output is in the exception when it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                          timeout=PATIENCE, **keywords)
    if done.returncode != 0:
        raise AssertionError("%s: status %d\n%s" % (" ".join(command), done.returncode,
                                                    done.stdout.decode("utf-8", "replace")))
    return done.stdout


class Authority:
    """A throwaway certificate authority in a folder."""

    def __init__(self, folder, name="ca"):
        self.folder = folder
        self.key = os.path.join(folder, name + ".key")
        self.certificate = os.path.join(folder, name + ".pem")
        self.serial = 1
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-sha256",
            "-days", "30", "-subj", "/CN=" + name, "-keyout", self.key, "-out", self.certificate)

    def issue(self, file, names, key="ecdsa", expired=False):
        """A PEM file with certificate and key for these names (an IP address is told by its look). Returns its path."""
        base = os.path.join(self.folder, file)
        kinds = {"ecdsa": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["rsa:2048"]}
        san = ",".join(("IP:" if re.match(r"[0-9.]+$|.*:", name) else "DNS:") + name for name in names)
        with open(base + ".ext", "w") as out:
            out.write("subjectAltName=%s\nbasicConstraints=CA:FALSE\n" % san)
        run("openssl", "req", "-newkey", *kinds[key], "-nodes", "-subj", "/CN=" + file, "-keyout", base + ".key",
            "-out", base + ".csr")
        if expired:
            self.sign_expired(base)
        else:
            self.serial += 1
            run("openssl", "x509", "-req", "-sha256", "-in", base + ".csr", "-CA", self.certificate, "-CAkey", self.key,
                "-set_serial", str(self.serial), "-days", "30", "-extfile", base + ".ext", "-out", base + ".crt")
        path = base + ".pem"
        with open(path, "w") as out:
            for part in (".crt", ".key"):
                with open(base + part) as source:
                    out.write(source.read())
        return path

    def sign_expired(self, base):
        """openssl x509 has no dates before version 3.4, and no negative days since 3.5; openssl ca always has them."""
        with open(base + ".index", "w"):
            pass
        with open(base + ".cnf", "w") as out:
            out.write("[ca]\ndefault_ca=c\n[c]\ndatabase=%s.index\nnew_certs_dir=%s\ndefault_md=sha256\nrand_serial=1\npolicy=p\n"
                      "[p]\ncommonName=supplied\n" % (base, self.folder))
        run("openssl", "ca", "-batch", "-notext", "-config", base + ".cnf", "-cert", self.certificate, "-keyfile",
            self.key, "-startdate", "20200101000000Z", "-enddate", "20200102000000Z", "-in",
            base + ".csr", "-extfile", base + ".ext", "-out", base + ".crt")


class Log:
    """The lines that a process writes, collected by a thread, to be waited for."""

    def __init__(self, stream):
        self.stream = stream
        self.lines = []
        self.ended = False
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self._collect, daemon=True)
        self.thread.start()

    def _collect(self):
        for line in self.stream:
            with self.changed:
                self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def find(self, *parts, start=0):
        """All lines from START on that hold all the parts."""
        with self.changed:
            return [line for line in self.lines[start:] if all(part in line for part in parts)]

    def wait(self, *parts, count=1, start=0, timeout=None):
        """Waits until COUNT lines from START on hold all the parts; returns the last of them."""
        end = time.monotonic() + (timeout or PATIENCE)
        with self.changed:
            while True:
                found = [line for line in self.lines[start:] if all(part in line for part in parts)]
                if len(found) >= count:
                    return found[count - 1]
                left = end - time.monotonic()
                if left <= 0 or self.ended:
                    raise AssertionError("no line with %s in the log:\n%s" % (parts, "\n".join(self.lines[-200:])))
                self.changed.wait(left)

    def size(self):
        with self.changed:
            return len(self.lines)


def fields(line):
    """The fields of a logfmt line as a dictionary."""
    found = {}
    for match in re.finditer(r'([A-Za-z_0-9]+)=("(?:[^"\\]|\\.)*"|\S*)', line):
        value = match.group(2)
        found[match.group(1)] = value[1:-1] if value.startswith('"') else value
    return found


class Process:
    """A program that runs until the test ends."""

    def __init__(self, command, **keywords):
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, **keywords)
        self.log = Log(self.process.stdout)
        self.pid = self.process.pid

    def kill(self, number):
        os.kill(self.pid, number)

    def wait(self, timeout=None):
        return self.process.wait(timeout or PATIENCE)

    def stop(self, number=signal.SIGTERM):
        """Ends it and returns its status; by force when it does not go."""
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
        status = self.process.wait()
        self.log.thread.join(PATIENCE)
        if not self.log.thread.is_alive():
            self.process.stdout.close()
        return status


class Daemon(Process):
    """unitlsd with a configuration; every listener says which port the kernel gave it."""

    def __init__(self, folder, config, arguments=None, wait=True, limits=None, name="unitlsd.conf", log=None):
        self.folder = folder
        self.config_path = os.path.join(folder, name)
        self.control = self.config_path + ".control"
        if config is not None:
            self.write(config)
        self.addresses = {}
        command = [UNITLSD] + (arguments if arguments is not None else ["-c", self.config_path])

        def prepare():
            for kind, value in (limits or {}).items():
                resource.setrlimit(kind, (value, value))

        super().__init__(command, preexec_fn=prepare if limits else None, cwd=folder)
        if wait:
            self.wait_ready()

    def write(self, config):
        """Writes the configuration, with a [daemon] section and a control socket of its own unless it has them."""
        if "[daemon]" not in config:
            config = "[daemon]\nworkers = 2\n" + config
        if "control =" not in config:
            config = config.replace("[daemon]\n", "[daemon]\ncontrol = %s\n" % self.control, 1)
        with open(self.config_path + ".new", "w") as out:
            out.write(config)
        os.rename(self.config_path + ".new", self.config_path)

    def wait_ready(self):
        with open(self.config_path) as source:
            text = source.read()
        for name in re.findall(r"^\[listener ([^\]]+)\]", text, re.M):
            self.address(name)

    def address(self, listener):
        """Where a listener listens: (host, port), or a path."""
        if listener not in self.addresses:
            text = fields(self.log.wait("event=listening", "listener=%s " % listener))["address"]
            if text.startswith("unix:"):
                self.addresses[listener] = text[5:]
            else:
                host, port = text.rsplit(":", 1)
                self.addresses[listener] = (host.strip("[]"), int(port))
        return self.addresses[listener]

    def port(self, listener):
        return self.address(listener)[1]

    def connect(self, listener, timeout=None):
        """A plain connection to a listener."""
        return connect(self.address(listener), timeout)

    def connect_tls(self, listener, context, name="localhost", timeout=None):
        return wrap(self.connect(listener, timeout), context, server_hostname=name)

    def children(self):
        """Process ids by the name each child has in the log: worker-0, helper."""
        found = {}
        for pid in children_of(self.pid):
            found[pid] = process_name(pid)
        return found

    def workers(self):
        return [int(fields(line)["pid"]) for line in self.log.find("event=worker_started")
                if alive(int(fields(line)["pid"]))]

    def closes(self, **wanted):
        """The event=close lines as dictionaries, those with these values."""
        lines = [fields(line) for line in self.log.find("event=close ")]
        return [line for line in lines if all(line.get(key) == value for key, value in wanted.items())]

    def wait_close(self, *parts, **keywords):
        return fields(self.log.wait("event=close ", *parts, **keywords))

    def rss_kb(self):
        """Resident memory of all workers."""
        return sum(rss_kb(pid) for pid in self.workers())


def connect(address, timeout=None):
    if isinstance(address, str):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    else:
        client = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_STREAM)
    client.settimeout(timeout or PATIENCE)
    client.connect(address)
    return client


def alive(pid):
    return os.path.exists("/proc/%d" % pid)


def children_of(pid):
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as source:
            return [int(word) for word in source.read().split()]
    except OSError:
        return []


def process_name(pid):
    try:
        with open("/proc/%d/comm" % pid) as source:
            return source.read().strip()
    except OSError:
        return ""


def rss_kb(pid):
    try:
        with open("/proc/%d/status" % pid) as source:
            return int(re.search(r"VmRSS:\s+(\d+)", source.read()).group(1))
    except (OSError, AttributeError):
        return 0


@contextlib.contextmanager
def insight():
    """Looking into a process that cannot be dumped, as all of the daemon's, is for root alone; others skip the test."""
    try:
        yield
    except PermissionError as error:
        if os.geteuid() == 0:
            raise
        raise unittest.SkipTest("only root may see this: %s" % error) from None


def descriptors(pid):
    with insight():
        return len(os.listdir("/proc/%d/fd" % pid))


def until(condition, what="a condition", timeout=None):
    """Looks again and again at something that tells nobody when it changes (another process's memory, say)."""
    end = time.monotonic() + (timeout or PATIENCE)
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited in vain for " + what)
        select.select([], [], [], 0.02)


class TlsSocket(ssl.SSLSocket):
    """Tells a close_notify (an empty read) from a truncation (SSLEOFError), also after our own close_notify."""

    def recv(self, *arguments):
        try:
            return super().recv(*arguments)
        except ssl.SSLZeroReturnError:
            return b""


# How a reset looks: with TLS Python does not always tell it from an end without close_notify, which is no clean end either.
RESET = (ConnectionResetError, ssl.SSLEOFError)


def wrap(connection, context, **keywords):
    """TLS on a connected socket; the connection is closed when the handshake fails."""
    context.sslsocket_class = TlsSocket
    return context.wrap_socket(connection, suppress_ragged_eofs=False, **keywords)


def read_all(source, limit=None):
    """Everything up to the end, or LIMIT bytes."""
    parts = []
    size = 0
    while limit is None or size < limit:
        part = source.recv(65536 if limit is None else min(65536, limit - size))
        if not part:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def reset(connection):
    """Closes with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


class Server:
    """A server in a thread: calls handle(connection) in a thread of its own for each connection."""

    def __init__(self, handle, family=socket.AF_INET, address=None, context=None, backlog=4096, clean=True):
        self.handle = handle
        self.context = context
        self.clean = clean  # with TLS: whether a close_notify goes before the end
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.bind(address or (("::1", 0) if family == socket.AF_INET6 else ("127.0.0.1", 0)))
        self.listener.listen(backlog)
        self.address = self.listener.getsockname()
        self.port = self.address[1] if family != socket.AF_UNIX else None
        self.accepted = 0
        self.errors = []
        self.wake, self.wake_end = socket.socketpair()
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def text(self):
        """The address as the configuration writes it."""
        if isinstance(self.address, str):
            return "unix:" + self.address
        return ("[%s]:%d" if ":" in self.address[0] else "%s:%d") % self.address[:2]

    def _accept(self):
        while True:
            ready = select.select([self.listener, self.wake_end], [], [])[0]
            if self.wake_end in ready:
                return
            connection = self.listener.accept()[0]
            self.accepted += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            connection.settimeout(PATIENCE)
            if connection.family != socket.AF_UNIX:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.context is not None:
                connection = BufferedTls(connection, self.context, server_side=True)
            self.handle(connection)
            if self.context is not None and self.clean and connection.fileno() >= 0:
                connection.end()
        except (OSError, ssl.SSLError) as error:
            self.errors.append(error)
        finally:
            connection.close()

    def close(self):
        if self.listener.fileno() < 0:
            return
        self.wake.send(b"x")
        self.thread.join(PATIENCE)
        for each in (self.listener, self.wake, self.wake_end):
            each.close()


def echo(connection):
    """Sends back what comes, until the end."""
    while True:
        data = connection.recv(65536)
        if not data:
            return
        connection.sendall(data)


def answer_at_end(connection):
    """Reads to the end, then answers with how much it was: needs half-close."""
    data = read_all(connection)
    connection.sendall(b"got %d" % len(data))


def client_context(authority=None, minimum=None, maximum=None):
    """A TLS client that trusts the authority (None: verifies nothing)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authority is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(authority.certificate)
    if minimum is not None:
        context.minimum_version = minimum
    if maximum is not None:
        context.maximum_version = maximum
    return context


def server_context(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


class BufferedTls:
    """TLS by hand on a blocking socket, for tests of the ways to end: end() sends close_notify and does nothing else, where
    SSLSocket.unwrap() would read, too."""

    def __init__(self, connection, context, server_side=False, server_hostname=None):
        self.socket = connection
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side, server_hostname)
        self._call(self.tls.do_handshake)

    def _flush(self):
        data = self.outgoing.read()
        if data:
            self.socket.sendall(data)

    def _call(self, function, *arguments):
        while True:
            try:
                value = function(*arguments)
                self._flush()
                return value
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLWantReadError:
                self._flush()
            except ssl.SSLError:
                self._flush()
                raise
            data = self.socket.recv(65536)
            if data:
                self.incoming.write(data)
            else:
                self.incoming.write_eof()

    def recv(self, size):
        return self._call(self.tls.read, size)

    def sendall(self, data):
        view = memoryview(data)
        while view:
            view = view[self._call(self.tls.write, view):]

    def end(self):
        held = self.incoming.read()
        try:
            self.tls.unwrap()
        except (ssl.SSLWantReadError, ssl.SSLSyscallError):
            pass
        self.incoming.write(held)
        self._flush()

    def setsockopt(self, *arguments):
        self.socket.setsockopt(*arguments)

    def fileno(self):
        return self.socket.fileno()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def end(connection):
    """Ends our direction only: close_notify or FIN."""
    if isinstance(connection, BufferedTls):
        connection.end()
    elif isinstance(connection, ssl.SSLSocket):
        connection.unwrap()
    else:
        connection.shutdown(socket.SHUT_WR)


class Redis(Process):
    """redis-server on a unix socket, or with TLS on a port of its own choice (it cannot take port 0, so one is looked for)."""

    def __init__(self, folder, certificate=None, authority=None):
        self.socket = os.path.join(folder, "redis.sock")
        self.port = free_port()
        command = ["redis-server", "--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", folder,
                   "--protected-mode", "no", "--bind", "127.0.0.1", "--unixsocket", self.socket, "--maxclients", "5000"]
        if certificate is None:
            command += ["--port", str(self.port)]
        else:
            command += ["--port", "0", "--tls-port", str(self.port), "--tls-cert-file", certificate, "--tls-key-file",
                        certificate, "--tls-ca-cert-file", authority.certificate, "--tls-auth-clients", "no"]
        super().__init__(command)
        self.log.wait("eady to accept connections")


class Nginx(Process):
    """nginx serving the files of folder/www over plain HTTP."""

    def __init__(self, folder):
        self.root = os.path.join(folder, "www")
        self.port = free_port()
        os.makedirs(self.root, exist_ok=True)
        config = os.path.join(folder, "nginx.conf")
        with open(config, "w") as out:
            out.write("""daemon off; worker_processes 1; pid %(folder)s/nginx.pid; error_log stderr notice;
%(user)s
events { worker_connections 4096; }
http {
    access_log off; client_body_temp_path %(folder)s/b; proxy_temp_path %(folder)s/p; fastcgi_temp_path %(folder)s/f;
    uwsgi_temp_path %(folder)s/u; scgi_temp_path %(folder)s/s; client_max_body_size 0;
    server { listen 127.0.0.1:%(port)d; root %(root)s; }
}
""" % {"folder": folder, "port": self.port, "root": self.root, "user": "user root;" if os.getuid() == 0 else ""})
        super().__init__(["nginx", "-p", folder, "-c", config, "-e", "stderr"])
        self.log.wait("start worker process ")


def free_port():
    """A port that nobody has now, for programs that cannot let the kernel choose."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def raise_descriptors():
    """As many descriptors as this process may have."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class TestCase(unittest.TestCase):
    """A test with a temporary folder of its own; what it starts ends with it; the daemon's log is shown when it fails."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="unitls-")
        os.chmod(self.folder, 0o755)
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.daemons = []
        self._authority = None

    @property
    def authority(self):
        if self._authority is None:
            self._authority = Authority(self.folder)
        return self._authority

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w") as out:
            out.write(text)
        return self.path(name)

    def daemon(self, config, **keywords):
        """Starts unitlsd; it is stopped at the end of the test and has to end with 0."""
        keywords.setdefault("name", "unitlsd-%d.conf" % len(self.daemons))
        daemon = Daemon.__new__(Daemon)
        self.daemons.append(daemon)
        self.addCleanup(self._stop_daemon, daemon)
        daemon.__init__(self.folder, config, **keywords)
        return daemon

    def _stop_daemon(self, daemon):
        if not hasattr(daemon, "process"):
            return
        if daemon.process.poll() is not None:
            daemon.stop()  # the test ended it
            return
        status = daemon.stop(signal.SIGKILL if self._failed() else signal.SIGTERM)
        if not self._failed():
            self.assertEqual(status, 0, "the daemon's exit status")
        found = daemon.log.find("Sanitizer") + daemon.log.find("runtime error:")
        self.assertEqual(found, [], "\n".join(daemon.log.lines[-100:]))

    def server(self, handle, **keywords):
        server = Server(handle, **keywords)
        self.addCleanup(server.close)
        return server

    def redis(self, *arguments):
        redis = Redis(self.folder, *arguments)
        self.addCleanup(redis.stop)
        return redis

    def nginx(self):
        nginx = Nginx(self.folder)
        self.addCleanup(nginx.stop)
        return nginx

    def process(self, command, **keywords):
        process = Process(command, **keywords)
        self.addCleanup(process.stop)
        return process

    def thread(self, function, *arguments):
        """Runs something beside the test; join() it by result()."""
        return Task(function, *arguments)

    def _failed(self):
        outcome = getattr(self, "_outcome", None)
        result = getattr(outcome, "result", None)
        if result is None:
            return False
        return any(test is self for test, _ in result.failures + result.errors)

    def run(self, result=None):
        before = len(result.failures) + len(result.errors) if result is not None else 0
        done = super().run(result)
        if result is not None and len(result.failures) + len(result.errors) > before:
            for daemon in self.daemons:
                if hasattr(daemon, "log"):
                    print("---- log of the daemon in %s (last 100 lines)" % self.id())
                    print("\n".join(daemon.log.lines[-100:]))
        return done


class Task(threading.Thread):
    """A function in a thread, whose result or exception result() hands over."""

    def __init__(self, function, *arguments):
        super().__init__(daemon=True)
        self.function = function
        self.arguments = arguments
        self.value = None
        self.error = None
        self.start()

    def run(self):
        try:
            self.value = self.function(*self.arguments)
        except BaseException as error:  # handed over by result()
            self.error = error

    def result(self, timeout=None):
        self.join(timeout or PATIENCE)
        if self.is_alive():
            raise AssertionError("a thread of the test did not end")
        if self.error is not None:
            raise self.error
        return self.value


def main():
    raise_descriptors()
    unittest.main(verbosity=2)
