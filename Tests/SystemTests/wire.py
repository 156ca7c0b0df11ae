# SPDX-License-Identifier: Apache-2.0
"""usage: wire.py A=B...

Connects the kernel interfaces A and B, pair by pair: what arrives on one leaves by the other. While
one of them is down nothing passes.
"""
import selectors
import socket
import sys

PACKET_OUTGOING = 4


def end(name):
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    link.bind((name, 0))
    return link


ready = selectors.DefaultSelector()
for pair in sys.argv[1:]:
    a, b = map(end, pair.split("="))
    ready.register(a, selectors.EVENT_READ, b)
    ready.register(b, selectors.EVENT_READ, a)
while True:
    for key, _ in ready.select():
        try:
            frame, origin = key.fileobj.recvfrom(65536)
            if origin[2] != PACKET_OUTGOING:
                key.data.send(frame)
        except OSError:
            pass
