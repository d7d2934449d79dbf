"""What the tests of the command-line tool share: running unitls, its exit statuses, and the backends it names."""

import contextlib
import json
import os
import subprocess
import unittest

import harness

UNITLS = os.path.join(harness.BUILDDIR, "bin", "unitls")
# From unitls(1).
CLEAN, LOCAL, USAGE, NO_CONNECTION, TLS, VERIFY, TRUNCATED, TIMEOUT = range(8)


def backends():
    """What `unitls backends --json` says, by name: whatever backend is built takes part."""
    return {each["name"]: each for each in json.loads(harness.run(UNITLS, "backends", "--json"))}


class Result:
    def __init__(self, done):
        self.status = done.returncode
        self.out = done.stdout
        self.said = done.stderr.decode("utf-8")

    def json(self):
        lines = self.out.decode("utf-8").splitlines()
        assert len(lines) == 1, lines
        return json.loads(lines[0])


class Serve:
    """A running `unitls serve`: where it listens, what it says."""

    def __init__(self, arguments):
        self.process = subprocess.Popen([UNITLS, "serve", "0", *arguments], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if "--json" in arguments:
            text = json.loads(self.process.stdout.readline())["listening"]
            self.log = harness.Log(self.process.stderr)
        else:
            self.log = harness.Log(self.process.stderr)
            text = self.log.wait("listening on ")
        self.port = int(text.rsplit(":", 1)[1])

    def finish(self):
        """Closes its input, reads what it writes until it ends by itself; returns status and output."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        out = self.process.stdout.read()
        return self.process.wait(harness.PATIENCE), out

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(harness.PATIENCE)
        self.log.thread.join(harness.PATIENCE)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(BrokenPipeError):
                stream.close()


@unittest.skipUnless(os.path.exists(UNITLS), "unitls was not built: jansson was not found")
class ToolCase(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.backends = backends()
        self.certificate = self.authority.issue("server", ["localhost", "127.0.0.1"])

    def unitls(self, *arguments, data=b"", **keywords):
        return Result(subprocess.run([UNITLS, *arguments], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                     timeout=harness.PATIENCE, check=False, **keywords))

    def connect(self, port, *arguments, data=b"", ca=True, host="localhost"):
        """A client to its end. One that cannot half-close waits for the server's end, so it is told to wait for a second only."""
        trust = ["--ca", self.authority.certificate] if ca else []
        backend = arguments[arguments.index("--backend") + 1] if "--backend" in arguments else "openssl"
        if "--timeout" not in arguments and self.waits(backend) == TIMEOUT:
            arguments += ("--timeout", "1s")
        return self.unitls("connect", "%s:%d" % (host, port), *trust, *arguments, data=data)

    def waits(self, backend):
        """How a client ends whose server waits for the client's end: cleanly, where it can pass that on and read what then comes."""
        facts = self.backends.get(backend)
        return CLEAN if facts is None or facts["capabilities"]["half-close"] else TIMEOUT

    def check_answer(self, done, backend, out):
        """A server that waits for the client's end has answered."""
        self.assertEqual((done.status, done.out), (self.waits(backend), out), done.said)

    def target(self, port):
        """The first arguments of a client that verifies the server on localhost."""
        return ["connect", "localhost:%d" % port, "--ca", self.authority.certificate]

    def start(self, port, *arguments, **streams):
        """A client that runs on; to be used as a context."""
        return subprocess.Popen([UNITLS, *self.target(port), *arguments], **streams)

    def serve(self, *arguments, certificate=None):
        server = Serve(["--cert", certificate or self.certificate, *arguments])
        self.addCleanup(server.stop)
        return server

    def tls_server(self, handle, certificate=None, **keywords):
        return self.server(handle, context=harness.server_context(certificate or self.certificate), **keywords)

    def those_with(self, *capabilities):
        """The backends that have these capabilities; who has not is said."""
        for name, facts in self.backends.items():
            lacking = [each for each in capabilities if not facts["capabilities"][each]]
            if lacking:
                print("not applicable: backend %s is without %s" % (name, ", ".join(lacking)))
            else:
                yield name
