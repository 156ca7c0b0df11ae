#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# usage: tunnel_peer.py gre|ipip REMOTE ADDRESS/LENGTH ROUTE...
#
# The other end of a tunnel where the kernel has no tunnel devices: what the kernel sends on the TUN
# device "far" goes to REMOTE in IP in IP, or in GRE with key 7, checksum and sequence numbers.
import fcntl, os, select, socket, struct, subprocess, sys

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
FLAGS, KEY = 0xB000, 7

kind, remote, address, routes = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", b"far", IFF_TUN | IFF_NO_PI))
subprocess.run(["ip", "address", "add", address, "dev", "far"], check=True)
subprocess.run(["ip", "link", "set", "far", "mtu", "1400", "up"], check=True)
for route in routes:
    subprocess.run(["ip", "route", "add", route, "dev", "far"], check=True)
outer = socket.socket(socket.AF_INET, socket.SOCK_RAW, 47 if kind == "gre" else 4)


def checksum(octets):
    octets += bytes(len(octets) % 2)
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def wrap(packet, sequence):
    if kind != "gre":
        return packet
    head = lambda sum: struct.pack("!HHHHII", FLAGS, 0x0800, sum, 0, KEY, sequence)
    return head(checksum(head(0) + packet)) + packet


def unwrap(packet):
    rest = packet[(packet[0] & 0xF) * 4 :]
    if kind != "gre":
        return rest
    flags, _, _, _, key, _ = struct.unpack("!HHHHII", rest[:16])
    return rest[16:] if (flags, key, checksum(rest)) == (FLAGS, KEY, 0) else None


sequence = 0
while True:
    ready, _, _ = select.select([tun, outer], [], [])
    if tun in ready:
        packet = os.read(tun, 65536)
        if packet[0] >> 4 == 4:
            outer.sendto(wrap(packet, sequence), (remote, 0))
            sequence += 1
    if outer in ready:
        inner = unwrap(outer.recv(65536))
        if inner:
            os.write(tun, inner)
