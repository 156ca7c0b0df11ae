# SPDX-License-Identifier: Apache-2.0
"""usage: vlan_bridge.py INTERFACE TAP ID

Puts the new interface TAP into the VLAN of that identifier on INTERFACE, frame by frame, for
kernels without 802.1Q.
"""
import fcntl
import os
import select
import socket
import struct
import sys

SOL_PACKET, PACKET_AUXDATA, PACKET_OUTGOING = 263, 8, 4
VALID = 0x10
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 2, 0x1000

interface, name, identifier = sys.argv[1], sys.argv[2], int(sys.argv[3])

tap = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
link.bind((interface, 0))
link.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)


def untagged(frame, extra):
    """The frame without its tag; None when it is in another VLAN or in none."""
    for level, kind, data in extra:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, tag, _ = struct.unpack("IIIHHHH", data[:20])
            if status & VALID:
                return frame if tag & 0xFFF == identifier else None
    if frame[12:14] != b"\x81\x00" or struct.unpack("!H", frame[14:16])[0] & 0xFFF != identifier:
        return None
    return frame[:12] + frame[16:]


while True:
    ready, _, _ = select.select([tap, link], [], [])
    if tap in ready:
        frame = os.read(tap, 4096)
        link.send(frame[:12] + struct.pack("!HH", 0x8100, identifier) + frame[12:])
    if link in ready:
        frame, extra, _, sender = link.recvmsg(4096, 256)
        if sender[2] != PACKET_OUTGOING:
            frame = untagged(frame, extra)
            if frame:
                try:
                    os.write(tap, frame)
                except OSError:
                    # It is down.
                    pass
