"""A TLS client for the tests with systemd: talker.py CA NAME PORT. It holds one connection.

For each line on its standard input it asks for / over that connection and prints one JSON line: status and body of the
answer, and version and serial number of the certificate it saw. When the connection ended it prints {"end": REASON} and stops.
"""

import http.client
import json
import socket
import ssl
import sys

ca, name, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
context = ssl.create_default_context(cafile=ca)
connection = http.client.HTTPSConnection(name, port, context=context, timeout=30)
connection._create_connection = lambda address, *rest, **more: socket.create_connection(("127.0.0.1", port), 30)
connection.auto_open = 0
try:
    connection.connect()
    print(json.dumps({"version": connection.sock.version(), "serial": connection.sock.getpeercert()["serialNumber"]}),
          flush=True)
    for _ in sys.stdin:
        connection.request("GET", "/")
        answer = connection.getresponse()
        print(json.dumps({"status": answer.status, "body": answer.read().decode()}), flush=True)
except (OSError, http.client.HTTPException, ssl.SSLError) as e:
    print(json.dumps({"end": "%s: %s" % (type(e).__name__, e)}), flush=True)
