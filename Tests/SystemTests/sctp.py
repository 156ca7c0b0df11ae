#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# usage: sctp.py serve ADDRESS PORT
#        sctp.py ask ADDRESS PORT TEXT
#
# One end of an SCTP association of one stream (RFC 9260) where the kernel has no SCTP: the server
# sends back what it gets, the client prints what comes back. Packets with a wrong CRC32c are ignored,
# lost ones are not repeated.
import os, socket, struct, sys

DATA, INIT, INIT_ACK, SACK, ABORT = 0, 1, 2, 3, 6
SHUTDOWN, SHUTDOWN_ACK, COOKIE_ECHO, COOKIE_ACK, SHUTDOWN_COMPLETE = 7, 8, 10, 11, 14
STATE_COOKIE, COOKIE = 7, b"cookie of nobody"
WINDOW = 65536


def table_entry(value):
    for _ in range(8):
        value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value


TABLE = [table_entry(octet) for octet in range(256)]


def crc32c(octets):
    value = 0xFFFFFFFF
    for octet in octets:
        value = value >> 8 ^ TABLE[(value ^ octet) & 0xFF]
    return value ^ 0xFFFFFFFF


class End:
    """One end of an association: addresses, ports, tags and numbers."""

    def __init__(self, address, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_SCTP)
        self.socket.bind((address, 0))
        self.socket.settimeout(10)
        self.port, self.peer, self.peer_port = port, None, None
        self.tag, self.peer_tag = 0x10000000 | os.getpid(), 0
        self.number = 1000

    def send(self, kind, body=b"", flags=0, tag=None):
        header = struct.pack(">HHI", self.port, self.peer_port, self.peer_tag if tag is None else tag)
        chunk = struct.pack(">BBH", kind, flags, 4 + len(body)) + body
        chunk += bytes(-len(chunk) % 4)
        checksum = struct.pack("<I", crc32c(header + bytes(4) + chunk))
        self.socket.sendto(header + checksum + chunk, (self.peer, 0))

    def receive(self):
        """The first chunk of the next packet for us: (sender, its port, kind, body)."""
        while True:
            packet, (sender, _) = self.socket.recvfrom(65536)
            packet = packet[(packet[0] & 0xF) * 4:]
            source, port, tag, checksum = struct.unpack(">HHI", packet[:8]) + struct.unpack("<I", packet[8:12])
            if port != self.port or crc32c(packet[:8] + bytes(4) + packet[12:]) != checksum:
                continue
            kind, _, length = struct.unpack(">BBH", packet[12:16])
            if tag == (0 if kind == INIT else self.tag):
                return sender, source, kind, packet[16:12 + length]

    def greet(self, kind, parameters=b""):
        fields = struct.pack(">IIHHI", self.tag, WINDOW, 1, 1, self.number)
        self.send(kind, fields + parameters)

    def say(self, octets):
        self.send(DATA, struct.pack(">IHHI", self.number, 0, 0, 0) + octets, flags=3)
        self.number += 1

    def acknowledge(self, body):
        self.send(SACK, body[:4] + struct.pack(">IHH", WINDOW, 0, 0))


def serve(address, port):
    end = End(address, port)
    end.socket.settimeout(None)
    while True:
        sender, source, kind, body = end.receive()
        if kind == INIT:
            end.peer, end.peer_port, end.peer_tag = sender, source, struct.unpack(">I", body[:4])[0]
            cookie = struct.pack(">HH", STATE_COOKIE, 4 + len(COOKIE)) + COOKIE
            end.greet(INIT_ACK, cookie)
        elif kind == COOKIE_ECHO and body == COOKIE:
            end.send(COOKIE_ACK)
        elif kind == DATA:
            end.acknowledge(body)
            end.say(body[12:])
        elif kind == SHUTDOWN:
            end.send(SHUTDOWN_ACK)


def expect(end, *kinds):
    while True:
        _, _, kind, body = end.receive()
        if kind == ABORT:
            sys.exit("aborted")
        if kind in kinds:
            return kind, body


def ask(address, port, text):
    end = End("0.0.0.0", 40000 + os.getpid() % 20000)
    end.peer, end.peer_port = address, port
    end.greet(INIT)
    _, body = expect(end, INIT_ACK)
    end.peer_tag = struct.unpack(">I", body[:4])[0]
    length = struct.unpack(">H", body[18:20])[0]
    end.send(COOKIE_ECHO, body[20:16 + length])
    expect(end, COOKIE_ACK)
    end.say(text.encode())
    expect(end, SACK)
    _, body = expect(end, DATA)
    end.acknowledge(body)
    print(body[12:].decode(), flush=True)
    end.send(SHUTDOWN, body[:4])
    expect(end, SHUTDOWN_ACK)
    end.send(SHUTDOWN_COMPLETE)


if sys.argv[1] == "serve":
    serve(sys.argv[2], int(sys.argv[3]))
else:
    ask(sys.argv[2], int(sys.argv[3]), sys.argv[4])
