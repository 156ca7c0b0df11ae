# SPDX-License-Identifier: Apache-2.0
"""usage: vlan_peer.py INTERFACE TARGET OUTER [INNER]

A host 10.5.0.10 in a VLAN, made of raw frames, for kernels without 802.1Q: asks TARGET by ARP,
pings it, and prints the tags of each answer, as "arp 5" and "echo 5"; "silence" when none comes.
"""
import socket
import struct
import sys
import time

SOL_PACKET, PACKET_AUXDATA = 263, 8
VALID = 0x10
OWN_MAC, OWN_ADDRESS = bytes.fromhex("02000000cc01"), socket.inet_aton("10.5.0.10")

interface, target = sys.argv[1], socket.inet_aton(sys.argv[2])
ids = [int(word) for word in sys.argv[3:]]
types = [0x8100] if len(ids) == 1 else [0x88A8, 0x8100]
tags = b"".join(struct.pack("!HH", *pair) for pair in zip(types, ids))

link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
link.bind((interface, 0))
link.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
link.settimeout(0.2)


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def read():
    """The next frame without tags, and its tags, that of the kernel first."""
    frame, extra, _, _ = link.recvmsg(4096, 256)
    found = []
    for level, kind, data in extra:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, tag, _ = struct.unpack("IIIHHHH", data[:20])
            if status & VALID:
                found.append(tag & 0xFFF)
    while frame[12:14] in (b"\x81\x00", b"\x88\xa8"):
        found.append(struct.unpack("!H", frame[14:16])[0] & 0xFFF)
        frame = frame[:12] + frame[16:]
    return frame, found


def ask(name, destination, rest, is_answer):
    """Sends a frame until it is answered; returns the answer."""
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        link.send((destination + OWN_MAC + tags + rest).ljust(64, b"\0"))
        try:
            while True:
                frame, found = read()
                if frame[:6] == OWN_MAC and is_answer(frame):
                    print(name, *found)
                    return frame
        except TimeoutError:
            pass
    print("silence")
    sys.exit()


request = struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1)
request += OWN_MAC + OWN_ADDRESS + bytes(6) + target
reply = ask("arp", b"\xff" * 6, request, lambda frame: frame[12:14] == b"\x08\x06")

header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28, 1, 0, 64, 1, 0, OWN_ADDRESS, target)
header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
echo = struct.pack("!BBHHH", 8, 0, 0, 1, 1)
echo = echo[:2] + struct.pack("!H", checksum(echo)) + echo[4:]
ask(
    "echo",
    reply[22:28],
    b"\x08\x00" + header + echo,
    lambda frame: frame[12:14] == b"\x08\x00" and frame[23] == 1 and frame[34] == 0,
)
