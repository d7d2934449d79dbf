"""What the tests of the master share: unitlsctl, what it says, and clients that load a listener without end."""

import asyncio
import os
import re
import subprocess
import threading
import time

import harness


def ctl(daemon, *arguments, control=None):
    """Runs unitlsctl to its end. Returns (exit status, everything it printed)."""
    done = subprocess.run([harness.UNITLSCTL, "-s", control or daemon.control, *arguments], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=2 * harness.PATIENCE)
    return done.returncode, done.stdout.decode()


def reload(daemon, config=None):
    """Replaces the configuration, if one is given, and reloads. Returns (exit status, what was said)."""
    if config is not None:
        daemon.write(config)
    return ctl(daemon, "reload")


class Status:
    """What "unitlsctl status" said."""

    def __init__(self, text):
        self.text = text
        self.generation = int(re.search(r"^generation (\d+)", text, re.M).group(1))
        self.workers = [(int(i), int(pid), state, int(n)) for i, pid, state, n in
                        re.findall(r"^worker (\d+) pid (\d+) (\w+) connections (\d+)", text, re.M)]
        self.listeners = dict(re.findall(r"^listener (\S+) (\S+)", text, re.M))
        self.counters = {name: int(n) for name, n in re.findall(r"^counter (\S+) (\d+)", text, re.M)}
        self.last = re.search(r"^last_reload (.*)$", text, re.M).group(1)

    def pids(self, state="serving"):
        return [pid for _, pid, s, _ in self.workers if s == state]

    def connections(self):
        return sum(n for _, _, _, n in self.workers)


def status(daemon):
    code, text = ctl(daemon, "status")
    if code != 0:
        raise AssertionError("unitlsctl status: %s" % text)
    return Status(text)


def wait_status(daemon, good, what):
    """Asks until GOOD(status); returns that status."""
    last = []

    def asked():
        last[:] = [status(daemon)]
        return good(last[0])

    harness.until(asked, what)
    return last[0]


def running(pid):
    """Whether a process exists and is no zombie."""
    try:
        with open("/proc/%d/stat" % pid) as source:
            return source.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def contents(path):
    """A text file; "" when there is none."""
    try:
        with open(path) as source:
            return source.read()
    except FileNotFoundError:
        return ""


def exchange(connection, data=b"hello\n"):
    """Sends to an echo server and checks what comes back."""
    connection.sendall(data)
    got = harness.read_all(connection, len(data))
    if got != data:
        raise AssertionError("sent %r, got %r" % (data, got))


class Echo:
    """An echo server for many connections, in a loop of its own thread. Half-close is kept."""

    def __init__(self):
        self.ready = threading.Event()
        self.loop = asyncio.new_event_loop()
        self.port = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        if not self.ready.wait(harness.PATIENCE):
            raise AssertionError("the echo server does not start")

    def text(self):
        return "127.0.0.1:%d" % self.port

    def _run(self):
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=4096))
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        self.loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.close()

    @staticmethod
    async def _serve(reader, writer):
        try:
            while True:
                data = await reader.read(65536)
                if not data:
                    break
                writer.write(data)
                await writer.drain()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(harness.PATIENCE)


FAULTS = (OSError, EOFError, AssertionError, asyncio.TimeoutError)


class Load:
    """Clients that connect, exchange and close again and again, in a thread, until stop(). With CONTEXT they speak TLS.
    STEADY more connections stay open all the time and exchange now and then."""

    def __init__(self, address, clients=20, steady=5, context=None, name="localhost"):
        self.where = address
        self.tls = {"ssl": context, "server_hostname": name} if context else {}
        self.clients = clients
        self.steady = steady
        self.done = 0
        self.failures = []
        self.slowest = 0.0
        self.running = True
        self.progress = threading.Condition()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)
        self.thread.start()

    @staticmethod
    async def _exchange(reader, writer, size):
        data = os.urandom(size)
        writer.write(data)
        if await asyncio.wait_for(reader.readexactly(size), harness.PATIENCE) != data:
            raise AssertionError("other bytes came back")

    async def _open(self):
        return await asyncio.wait_for(asyncio.open_connection(*self.where, **self.tls), harness.PATIENCE)

    async def _short(self, number):
        turn = number
        while self.running:
            began = time.monotonic()
            turn += 1
            writer = None
            try:
                reader, writer = await self._open()
                for part in range(1 + turn % 3):
                    await self._exchange(reader, writer, 1 + (turn * 977) % 5000)
                with self.progress:
                    self.done += 1
                    self.progress.notify_all()
            except FAULTS as fault:
                self._fail("a connection", fault, began)
                await asyncio.sleep(0.01)
            finally:
                if writer is not None:
                    writer.close()
            self.slowest = max(self.slowest, time.monotonic() - began)
            await asyncio.sleep(0.002)

    async def _long(self, number):
        began = time.monotonic()
        writer = None
        try:
            reader, writer = await self._open()
            while self.running:
                await self._exchange(reader, writer, 100 + number)
                await asyncio.sleep(0.02)
        except FAULTS as fault:
            self._fail("a steady connection", fault, began)
        finally:
            if writer is not None:
                writer.close()

    def _fail(self, what, fault, began):
        with self.progress:
            self.failures.append("%s, begun %.3f s before: %r" % (what, time.monotonic() - began, fault))
            self.progress.notify_all()

    async def _main(self):
        await asyncio.gather(*[self._short(i) for i in range(self.clients)],
                             *[self._long(i) for i in range(self.steady)])

    def wait_done(self, more):
        """Waits until so many more connections have been served."""
        with self.progress:
            wanted = self.done + more
            if not self.progress.wait_for(lambda: self.done >= wanted, harness.PATIENCE):
                raise AssertionError("the clients came to a halt at %d connections" % self.done)

    def stop(self):
        """Ends the clients; returns what failed."""
        self.running = False
        self.thread.join(2 * harness.PATIENCE)
        if self.thread.is_alive():
            raise AssertionError("a client hangs")
        return self.failures


class TestCase(harness.TestCase):
    def echo(self):
        echo = Echo()
        self.addCleanup(echo.close)
        return echo

    def clients(self, daemon, listener, count):
        """Open connections that have exchanged once."""
        made = []
        for _ in range(count):
            made.append(daemon.connect(listener))
            self.addCleanup(made[-1].close)
            exchange(made[-1])
        return made

    def load(self, daemon, listener, **keywords):
        load = Load(daemon.address(listener), **keywords)
        self.addCleanup(setattr, load, "running", False)
        return load
