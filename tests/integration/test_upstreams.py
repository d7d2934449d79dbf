#!/usr/bin/env python3
"""Upstreams that are down, slow, reset or not who they say, unix sockets and IPv6, several servers, names."""

import socket
import threading

import harness


class Base(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.holders = []

    def start(self, servers, extra="", tls="", **keywords):
        return self.daemon("""
%s
[listener web]
listen = 127.0.0.1:0
upstream = app
[upstream app]
%s
%s
""" % (tls, "\n".join("server = " + server for server in servers), extra), **keywords)

    def use(self, daemon, listener="web"):
        with daemon.connect(listener) as client:
            client.sendall(b"hello")
            self.assertEqual(client.recv(5), b"hello")

    def expect_reset(self, daemon, data=b""):
        """A reset may come as early as within connect()."""
        with self.assertRaises((ConnectionResetError, BrokenPipeError)):
            with daemon.connect("web") as client:
                client.sendall(data)
                client.recv(1)

    def refused(self):
        """An address where nobody listens, kept so by a bound socket."""
        holder = socket.socket()
        self.addCleanup(holder.close)
        self.holders.append(holder)
        holder.bind(("127.0.0.1", 0))
        return "127.0.0.1:%d" % holder.getsockname()[1]

    def silent(self):
        """An address where connects are neither accepted nor refused: the queue is full."""
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            filler = socket.socket()
            self.addCleanup(filler.close)
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        return "127.0.0.1:%d" % listener.getsockname()[1]


class Upstreams(Base):
    def test_all_servers_down_resets_the_client(self):
        daemon = self.start([self.refused(), self.refused()])
        self.expect_reset(daemon)
        self.assertEqual(daemon.wait_close()["reason"], "upstream_connect_failed")
        self.assertEqual(len(daemon.log.find("event=upstream_failed")), 2)

    def test_the_second_server_is_used_when_the_first_refuses(self):
        echo = self.server(harness.echo)
        daemon = self.start([self.refused(), echo.text()])
        self.use(daemon)
        self.assertEqual(daemon.wait_close()["server"], echo.text())
        daemon.log.wait("event=upstream_failed", "reason=upstream_connect_failed")

    def test_the_second_server_is_used_when_the_first_does_not_answer(self):
        echo = self.server(harness.echo)
        daemon = self.start([self.silent(), echo.text()], "connect_timeout = 200ms")
        self.use(daemon)
        line = daemon.wait_close()
        self.assertEqual(line["server"], echo.text())
        self.assertGreaterEqual(int(line["duration_ms"]), 190)
        daemon.log.wait("event=upstream_failed", "reason=upstream_connect_timeout")
        # Held off for a while: the next connections do not wait for it again.
        for _ in range(3):
            self.use(daemon)

    def test_a_server_that_never_answers_times_out(self):
        daemon = self.start([self.silent()], "connect_timeout = 200ms")
        self.expect_reset(daemon)
        self.assertEqual(daemon.wait_close()["reason"], "upstream_connect_timeout")

    def test_a_server_is_used_again_after_it_came_back(self):
        address = self.refused()
        daemon = self.start([address])
        self.expect_reset(daemon)
        self.holders[-1].close()
        self.server(harness.echo, address=("127.0.0.1", int(address.rsplit(":", 1)[1])))
        self.use(daemon)

    def test_what_the_client_says_before_the_upstream_is_there_waits(self):
        echo = self.server(harness.echo)
        daemon = self.start([self.silent(), echo.text()], "connect_timeout = 300ms")
        early = b"early" * 20000
        with daemon.connect("web") as client:
            sender = self.thread(client.sendall, early)
            self.assertEqual(harness.read_all(client, len(early)), early)
            sender.result()

    def test_a_client_that_resets_while_the_upstream_connects_is_noticed(self):
        daemon = self.start([self.silent()], "connect_timeout = 60s")
        client = daemon.connect("web")
        harness.reset(client)
        self.assertEqual(daemon.wait_close()["reason"], "client_reset")

    def test_unix_sockets_on_both_sides(self):
        echo = self.server(harness.echo, family=socket.AF_UNIX, address=self.path("up.sock"))
        daemon = self.daemon("""
[listener web]
listen = unix:%s
upstream = app
[upstream app]
server = %s
""" % (self.path("in.sock"), echo.text()))
        for _ in range(5):
            self.use(daemon)
        line = daemon.wait_close(count=5)
        self.assertEqual((line["peer"], line["server"]), ("unix:", echo.text()))

    def test_a_unix_upstream_that_is_not_there(self):
        daemon = self.start(["unix:" + self.path("nobody.sock")])
        self.expect_reset(daemon)
        self.assertIn("No such file", daemon.log.wait("event=upstream_failed"))

    def test_ipv6_on_both_sides(self):
        echo = self.server(harness.echo, family=socket.AF_INET6)
        daemon = self.daemon("""
[listener web]
listen = [::1]:0
upstream = app
[upstream app]
server = %s
""" % echo.text())
        self.use(daemon)
        line = daemon.wait_close()
        self.assertTrue(line["peer"].startswith("[::1]:"))
        self.assertEqual(line["server"], echo.text())

    def test_a_name_is_resolved_by_the_helper(self):
        echo = self.server(harness.echo)
        daemon = self.start(["localhost:%d" % echo.port])
        self.use(daemon)
        self.assertEqual(daemon.wait_close()["server"], echo.text())

    def test_a_name_that_does_not_resolve_is_a_warning_and_the_next_server_is_used(self):
        echo = self.server(harness.echo)
        daemon = self.start(["does-not-exist.invalid:1", echo.text()])
        self.use(daemon)

    def test_only_a_name_that_does_not_resolve(self):
        daemon = self.start(["does-not-exist.invalid:1"], "connect_timeout = 1s")
        self.expect_reset(daemon)
        self.assertEqual(daemon.wait_close()["reason"], "upstream_unresolved")


class TlsUpstreams(Base):
    """The certificate of a TLS upstream is checked unless the configuration says otherwise."""

    def tls(self, backend, *lines):
        return "[tls up]\nbackend = %s\n%s" % (backend, "\n".join(lines))

    def check(self, names, lines, trusted=True):
        authority = self.authority
        certificate = (authority if trusted else harness.Authority(self.folder, "other")).issue("up", names)
        for backend in harness.backends():
            echo = self.server(harness.echo, context=harness.server_context(certificate))
            yield self.start([echo.text()], "tls = up",
                             self.tls(backend, *[line % {"ca": authority.certificate} for line in lines]))

    def expect_refusal(self, daemon, *parts):
        self.expect_reset(daemon, b"secret")
        line = harness.fields(daemon.log.wait("event=upstream_failed"))
        self.assertEqual(line["class"], "verify", line)
        self.assertEqual(daemon.wait_close()["reason"], "upstream_handshake_failed")

    def test_a_good_certificate_for_the_address(self):
        for daemon in self.check(["127.0.0.1"], ["ca = %(ca)s"]):
            self.use(daemon)

    def test_a_good_certificate_for_the_configured_name(self):
        for daemon in self.check(["app.example"], ["ca = %(ca)s", "server_name = app.example"]):
            self.use(daemon)

    def test_a_wrong_name_is_refused(self):
        for daemon in self.check(["other.example"], ["ca = %(ca)s", "server_name = app.example"]):
            self.expect_refusal(daemon)

    def test_an_unknown_authority_is_refused(self):
        for daemon in self.check(["127.0.0.1"], ["ca = %(ca)s"], trusted=False):
            self.expect_refusal(daemon)

    def test_the_systems_authorities_do_not_know_ours(self):
        for daemon in self.check(["127.0.0.1"], []):
            self.expect_refusal(daemon)

    def test_verify_no_takes_any(self):
        for daemon in self.check(["other.example"], ["verify = no"], trusted=False):
            self.use(daemon)

    def test_a_plaintext_upstream_where_tls_was_expected(self):
        def banner(connection):
            connection.sendall(b"220 plain.example ESMTP\r\n")
            harness.read_all(connection)
        for backend in harness.backends():
            server = self.server(banner)
            daemon = self.start([server.text()], "tls = up",
                                self.tls(backend, "ca = " + self.authority.certificate))
            self.expect_reset(daemon)
            self.assertEqual(daemon.wait_close()["reason"], "upstream_handshake_failed")

    def test_the_second_server_is_used_when_the_first_fails_its_handshake(self):
        bad = self.server(lambda connection: connection.sendall(b"nonsense"))
        good = self.server(harness.echo, context=harness.server_context(self.authority.issue("up", ["127.0.0.1"])))
        for backend in harness.backends():
            daemon = self.start([bad.text(), good.text()], "tls = up",
                                self.tls(backend, "ca = " + self.authority.certificate))
            self.use(daemon)
            self.assertEqual(daemon.wait_close()["server"], good.text())

    def test_a_server_that_stalls_in_the_handshake_times_out(self):
        release = threading.Event()
        self.addCleanup(release.set)
        stalled = self.server(lambda connection: release.wait(harness.PATIENCE))
        daemon = self.start([stalled.text()], "tls = up\nconnect_timeout = 300ms",
                            self.tls("openssl", "ca = " + self.authority.certificate))
        self.expect_reset(daemon)
        self.assertEqual(daemon.wait_close()["reason"], "upstream_connect_timeout")


if __name__ == "__main__":
    harness.main()
