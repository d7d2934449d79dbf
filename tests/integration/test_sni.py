#!/usr/bin/env python3
"""Which certificate answers: exact name, wildcard, default, RSA or ECDSA by what the client can use, strict_sni."""

import ssl

import harness


class Names(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.echo = self.server(harness.echo)
        self.context = harness.client_context()

    def start(self, backend, certificates, extra=""):
        return self.daemon("""
[tls server]
backend = %s
%s
%s
[listener web]
listen = 127.0.0.1:0
tls = server
upstream = echo
[upstream echo]
server = %s
""" % (backend, "\n".join("certificate = " + path for path in certificates), extra, self.echo.text()))

    def names(self, daemon, name, ciphers=None):
        """The DNS names in the certificate that answers for NAME, and whether its key is an EC key."""
        context = harness.client_context()
        if ciphers:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(ciphers)
        with harness.wrap(daemon.connect("web"), context, server_hostname=name) as client:
            pem = ssl.DER_cert_to_PEM_cert(client.getpeercert(True))
        with open(self.path("peer.pem"), "w") as out:
            out.write(pem)
        text = harness.run("openssl", "x509", "-in", self.path("peer.pem"), "-noout", "-text").decode()
        found = [part.strip()[4:] for line in text.splitlines() for part in line.split(",")
                 if part.strip().startswith("DNS:")]
        return found, "id-ecPublicKey" in text

    def test_exact_name_then_wildcard_then_default(self):
        certificates = [self.authority.issue(*arguments) for arguments in (
            ("default", ["default.example"]), ("exact", ["www.example.com"]), ("wild", ["*.example.com"]))]
        for backend in harness.backends():
            daemon = self.start(backend, certificates)
            for name, wanted in (("www.example.com", "www.example.com"), ("WWW.Example.COM", "www.example.com"),
                                 ("mail.example.com", "*.example.com"), ("a.b.example.com", "default.example"),
                                 ("example.com", "default.example"), ("nobody.example", "default.example"),
                                 (None, "default.example")):
                with self.subTest(backend=backend, name=name):
                    self.assertEqual(self.names(daemon, name)[0], [wanted])

    def test_strict_sni_refuses_unknown_names(self):
        certificate = self.authority.issue("known", ["known.example"])
        for backend in harness.backends():
            daemon = self.start(backend, [certificate], "strict_sni = yes")
            with self.subTest(backend=backend):
                self.assertEqual(self.names(daemon, "known.example")[0], ["known.example"])
                for count, name in enumerate(("unknown.example", None), 1):
                    with self.assertRaisesRegex(ssl.SSLError, "(?i)unrecognized.name"):
                        self.names(daemon, name)
                    daemon.log.wait("event=handshake_failed", "alert=unrecognized_name", count=count)

    def test_rsa_or_ecdsa_by_what_the_client_can_use(self):
        pair = [self.authority.issue("rsa", ["both.example"], key="rsa"),
                self.authority.issue("ecdsa", ["both.example"])]
        for backend in harness.backends():
            for order in (pair, pair[::-1]):
                daemon = self.start(backend, order)
                with self.subTest(backend=backend, first=order[0]):
                    self.assertEqual(self.names(daemon, "both.example", "ECDHE-RSA-AES128-GCM-SHA256"),
                                     (["both.example"], False))
                    self.assertEqual(self.names(daemon, "both.example", "ECDHE-ECDSA-AES128-GCM-SHA256"),
                                     (["both.example"], True))

    def test_200_names_on_one_listener(self):
        names = ["host-%d.example" % i for i in range(200)]
        # Forty certificates with five names each; making one costs an openssl process.
        certificates = [self.authority.issue("many-%d" % i, names[i * 5:i * 5 + 5]) for i in range(40)]
        for backend in harness.backends():
            daemon = self.start(backend, certificates)
            with self.subTest(backend=backend):
                for i in (0, 4, 5, 99, 199):
                    self.assertIn(names[i], self.names(daemon, names[i])[0])
                self.assertEqual(harness.fields(daemon.log.wait("event=close", "sni=host-199.example"))["reason"][:6],
                                 "client")


if __name__ == "__main__":
    harness.main()
