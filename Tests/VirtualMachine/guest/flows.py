# SPDX-License-Identifier: Apache-2.0
# usage: flows.py tcp|udp ADDRESS PORT COUNT
#
# COUNT flows, each from a port of its own, twenty at a time: a request of HTTP or two datagrams in each. Ends with
# 1 when one was not answered.
import socket
import sys

kind, address, port, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
failures = []


def attempt(action):
    try:
        return action()
    except OSError as error:
        failures.append(str(error))


def datagrams(sockets):
    for word in (b"one", b"two"):
        for one in sockets:
            one.send(word)
        for one in sockets:
            answer = attempt(lambda: one.recv(2000))
            if answer is not None and not answer.endswith(word):
                failures.append(f"answered {answer!r}")


def request(sockets):
    for one in sockets:
        attempt(lambda: one.send(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n"))
    for one in sockets:
        answer = b""
        while piece := attempt(lambda: one.recv(4000)):
            answer += piece
        if b"from" not in answer:
            failures.append(f"answered {answer[:40]!r}")


for first in range(0, count, 20):
    sockets = []
    for _ in range(min(20, count - first)):
        one = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
        one.settimeout(15)
        if attempt(lambda: one.connect((address, port)) or one):
            sockets.append(one)
    (request if kind == "tcp" else datagrams)(sockets)
    for one in sockets:
        one.close()
    if len(failures) > 20:
        break
if failures:
    sys.exit(f"{kind} {address} port {port}: {len(failures)} failures: {failures[:3]}")
