#!/usr/bin/env python3
"""Every backend in every role with real programs at both ends: curl and nginx, openssl s_client and s_server, redis."""

import itertools
import os
import subprocess

import harness


class Backends(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.certificate = self.authority.issue("server", ["localhost", "127.0.0.1"])

    def config(self, server_backend, client_backend, plain, tls):
        return """
[tls server]
backend = %s
certificate = %s
[tls client]
backend = %s
ca = %s
[listener plain-plain]
listen = 127.0.0.1:0
upstream = plain
[listener tls-plain]
listen = 127.0.0.1:0
tls = server
upstream = plain
[listener plain-tls]
listen = 127.0.0.1:0
upstream = tls
[listener tls-tls]
listen = 127.0.0.1:0
tls = server
upstream = tls
[upstream plain]
server = %s
[upstream tls]
server = %s
tls = client
""" % (server_backend, self.certificate, client_backend, self.authority.certificate, plain, tls)

    def curl(self, url, *arguments):
        return harness.run("curl", "-sS", "--fail", "--noproxy", "*", "--cacert", self.authority.certificate,
                           *arguments, url)

    def test_nginx_is_fetched_by_curl_through_every_backend(self):
        nginx = self.nginx()
        body = os.urandom(3 << 20)
        with open(os.path.join(nginx.root, "file"), "wb") as out:
            out.write(body)
        for backend in harness.backends():
            with self.subTest(backend=backend):
                daemon = self.daemon(self.config(backend, backend, "127.0.0.1:%d" % nginx.port, "127.0.0.1:1"))
                url = "https://localhost:%d/file" % daemon.port("tls-plain")
                self.assertEqual(self.curl(url), body)
                self.assertEqual(self.curl("http://localhost:%d/file" % daemon.port("plain-plain")), body)
                line = daemon.wait_close("listener=tls-plain")
                self.assertEqual(line["backend"], backend)
                self.assertEqual(line["sni"], "localhost")
                self.assertGreater(int(line["bytes_out"]), len(body))
                self.assertIn(line["version"], ("TLSv1.2", "TLSv1.3"))

    def test_curl_uploads_to_nginx_and_keeps_the_connection(self):
        nginx = self.nginx()
        with open(os.path.join(nginx.root, "file"), "w") as out:
            out.write("small")
        daemon = self.daemon(self.config("openssl", "openssl", "127.0.0.1:%d" % nginx.port, "127.0.0.1:1"))
        url = "https://localhost:%d/file" % daemon.port("tls-plain")
        self.assertEqual(self.curl(url, url, url), b"small" * 3)
        daemon.wait_close("listener=tls-plain")
        self.assertEqual(len(daemon.closes(listener="tls-plain")), 1)

    def test_all_pairs_of_backends_in_front_of_redis(self):
        """plain and TLS redis; the server role by one backend, the client role by another."""
        os.mkdir(self.path("plain"))
        os.mkdir(self.path("tls"))
        plain = harness.Redis(self.path("plain"))
        self.addCleanup(plain.stop)
        tls = harness.Redis(self.path("tls"), self.certificate, self.authority)
        self.addCleanup(tls.stop)
        for server, client in itertools.product(harness.backends(), repeat=2):
            daemon = self.daemon(self.config(server, client, "127.0.0.1:%d" % plain.port, "127.0.0.1:%d" % tls.port))
            for listener in ("plain-plain", "tls-plain", "plain-tls", "tls-tls"):
                with self.subTest(server=server, client=client, listener=listener):
                    command = ["redis-cli", "-h", "127.0.0.1", "-p", str(daemon.port(listener))]
                    if listener.startswith("tls"):
                        command += ["--tls", "--cacert", self.authority.certificate, "--sni", "localhost"]
                    self.assertEqual(harness.run(*command, "SET", "key", "value").strip(), b"OK")
                    self.assertEqual(harness.run(*command, "GET", "key").strip(), b"value")
                    if listener.endswith("-tls"):
                        line = daemon.wait_close("listener=" + listener)
                        self.assertEqual(line["upstream_backend"], client)

    def test_s_client_and_s_server(self):
        """openssl s_server -rev sends every line back reversed."""
        for backend in harness.backends():
            with self.subTest(backend=backend):
                port = harness.free_port()
                server = self.process(["openssl", "s_server", "-accept", "127.0.0.1:%d" % port, "-cert", self.certificate,
                                       "-key", self.certificate, "-rev"])
                server.log.wait("ACCEPT")
                daemon = self.daemon(self.config(backend, backend, "127.0.0.1:1", "127.0.0.1:%d" % port))
                client = subprocess.Popen(
                    ["openssl", "s_client", "-connect", "127.0.0.1:%d" % daemon.port("tls-tls"), "-CAfile",
                     self.authority.certificate, "-verify_return_error", "-servername", "localhost", "-quiet"],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
                try:
                    client.stdin.write(b"abc\n")
                    client.stdin.flush()
                    self.assertEqual(client.stdout.readline(), b"cba\n")
                finally:
                    client.kill()
                    client.communicate()

    def test_a_server_without_renegotiation_info_is_refused(self):
        """Whoever renegotiates without it can be made to splice a client's handshake behind somebody else's data."""
        for backend in harness.backends():
            with self.subTest(backend=backend):
                port = harness.free_port()
                server = self.process(["gnutls-serv", "--port", str(port), "--x509certfile", self.certificate, "--x509keyfile",
                                       self.certificate, "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2:%DISABLE_SAFE_RENEGOTIATION"])
                server.log.wait("listening on IPv4")
                daemon = self.daemon(self.config(backend, backend, "127.0.0.1:1", "127.0.0.1:%d" % port))
                with daemon.connect("plain-tls") as client:
                    with self.assertRaises(harness.RESET):
                        client.recv(1)
                daemon.log.wait("event=upstream_failed", "alert=handshake_failure", "alert_from=unitlsd")

    def test_gnutls_cli_takes_small_records_only(self):
        """max_fragment_length and record_size_limit: who knows neither sends what it likes, and the client takes it."""
        def answer(connection):
            connection.recv(100)
            connection.sendall(b"y" * 50000)

        server = self.server(answer)
        for backend in harness.backends():
            with self.subTest(backend=backend):
                daemon = self.daemon(self.config(backend, backend, server.text(), "127.0.0.1:1"))
                done = subprocess.run(
                    ["gnutls-cli", "--port", str(daemon.port("tls-plain")), "--x509cafile", self.authority.certificate,
                     "--recordsize", "1024", "--logfile", os.devnull, "localhost"],
                    input=b"go\n", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=harness.PATIENCE)
                self.assertEqual(done.stdout.count(b"y"), 50000)

    def test_gnutls_serv(self):
        """It echoes line by line."""
        for backend in harness.backends():
            with self.subTest(backend=backend):
                port = harness.free_port()
                server = self.process(["gnutls-serv", "--echo", "--port", str(port), "--x509certfile", self.certificate,
                                       "--x509keyfile", self.certificate])
                server.log.wait("IPv4 ", "done")
                daemon = self.daemon(self.config(backend, backend, "127.0.0.1:1", "127.0.0.1:%d" % port))
                with daemon.connect("plain-tls") as client:
                    client.sendall(b"abc\n")
                    self.assertEqual(client.recv(100), b"abc\n")

    def test_alpn_and_versions_are_in_the_log(self):
        echo = self.server(harness.echo)
        for backend in harness.backends():
            daemon = self.daemon("""
[tls server]
backend = %s
certificate = %s
alpn = h2
alpn = http/1.1
[listener web]
listen = 127.0.0.1:0
tls = server
upstream = echo
[upstream echo]
server = %s
""" % (backend, self.certificate, echo.text()))
            context = harness.client_context(self.authority)
            context.set_alpn_protocols(["http/1.1", "spdy/3"])
            with daemon.connect_tls("web", context) as client:
                self.assertEqual(client.selected_alpn_protocol(), "http/1.1")
                version = client.version()
            line = daemon.wait_close()
            self.assertEqual((line["alpn"], line["version"]), ("http/1.1", version))


if __name__ == "__main__":
    harness.main()
