#!/usr/bin/env python3
"""What the daemon's TCP sockets are set to, seen from outside, and a port it may not bind."""

import ctypes
import os
import socket
import subprocess
import unittest

import harness

CONFIG = """
[daemon]
workers = 1
[listener web]
listen = %s
upstream = back
[upstream back]
server = %s
"""
PIDFD_OPEN = 434
PIDFD_GETFD = 438
LIBC = ctypes.CDLL(None, use_errno=True)


def syscall(*arguments):
    result = LIBC.syscall(*map(ctypes.c_long, arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def connected_sockets(pid):
    """Duplicates of a process's connected TCP sockets."""
    process = syscall(PIDFD_OPEN, pid, 0)
    found = []
    for number in os.listdir("/proc/%d/fd" % pid):
        if not os.readlink("/proc/%d/fd/%s" % (pid, number)).startswith("socket:"):
            continue
        duplicate = socket.socket(fileno=syscall(PIDFD_GETFD, process, int(number), 0))
        try:
            duplicate.getpeername()
        except OSError:
            duplicate.close()
            continue
        if duplicate.family == socket.AF_INET:
            found.append(duplicate)
        else:
            duplicate.close()
    os.close(process)
    return found


class Sockets(harness.TestCase):
    def options_of_both_sides(self, upstream):
        """What the daemon set on the socket of a client and on that towards upstream: without delay, and with keepalive or not."""
        daemon = self.daemon(CONFIG % ("127.0.0.1:0", "%s:%d" % upstream))
        with daemon.connect("web") as client:
            client.sendall(b"x")
            self.assertEqual(client.recv(1), b"x")
            try:
                found = connected_sockets(daemon.workers()[0])
            except OSError as error:
                self.skipTest("the sockets of another process cannot be looked at: %s" % error)
            self.assertEqual(len(found), 2)
            options = {}
            for each in found:
                with each:
                    self.assertEqual(each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), 1)
                    options[each.getpeername() == upstream] = (
                        each.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),) + tuple(
                            each.getsockopt(socket.IPPROTO_TCP, option)
                            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT))
            return options[False], options[True]

    @unittest.skipUnless(os.geteuid() == 0, "not root, so the sockets of another process cannot be looked at")
    def test_both_sides_are_without_delay_and_with_keepalive(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(("192.0.2.1", 9))  # sends nothing
            except OSError as error:
                self.skipTest("this machine has no address but loopback: %s" % error)
            host = probe.getsockname()[0]
        if host.startswith("127."):
            self.skipTest("this machine has no address but loopback")
        client, upstream = self.options_of_both_sides(self.server(harness.echo, address=(host, 0)).address)
        # A peer that is gone is noticed within two minutes, not after the kernel's two hours.
        self.assertEqual(client, (1, 60, 15, 4))
        self.assertEqual(upstream, (1, 60, 15, 4))

    @unittest.skipUnless(os.geteuid() == 0, "not root, so the sockets of another process cannot be looked at")
    def test_an_upstream_of_this_machine_needs_no_keepalive(self):
        client, upstream = self.options_of_both_sides(self.server(harness.echo).address)
        self.assertEqual(client, (1, 60, 15, 4))
        self.assertEqual(upstream[0], 0)

    @unittest.skipUnless(os.geteuid() == 0, "not root, so nothing can be taken away")
    def test_a_privileged_port_without_the_privilege(self):
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as value:
            if int(value.read()) <= 1:
                self.skipTest("this machine lets everybody bind every port")
        path = self.write("test.conf", CONFIG % ("127.0.0.1:1", "127.0.0.1:9"))
        done = subprocess.run(["setpriv", "--bounding-set=-net_bind_service", harness.UNITLSD, "-c", path], check=False,
                              stderr=subprocess.PIPE, encoding="utf-8", timeout=harness.PATIENCE)
        self.assertEqual(done.returncode, 1)
        self.assertIn("%s:5: 127.0.0.1:1: cannot be bound: Permission denied (a port below 1024 takes root or "
                      "CAP_NET_BIND_SERVICE)\n" % path, done.stderr)


if __name__ == "__main__":
    harness.main()
