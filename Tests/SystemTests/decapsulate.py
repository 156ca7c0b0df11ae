#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# usage: decapsulate.py ipip|gue
#
# A backend of a tunnel service where the kernel has no tunnel devices: takes packets out of IPIP or
# GUE (port 6080) and gives them to the kernel through a TUN device, as if they had come that way.
import fcntl, os, socket, struct, subprocess, sys

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000

kind = sys.argv[1]
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", b"decap", IFF_TUN | IFF_NO_PI))
subprocess.run(["sysctl", "-qw", "net.ipv4.conf.decap.rp_filter=0"], check=True)
subprocess.run(["ip", "link", "set", "decap", "up"], check=True)

if kind == "ipip":
    outer = socket.socket(socket.AF_INET, socket.SOCK_RAW, 4)
    header = lambda packet: (packet[0] & 0xF) * 4
else:
    outer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    outer.bind(("0.0.0.0", 6080))
    header = lambda packet: 4

while True:
    packet = outer.recv(65536)
    os.write(tun, packet[header(packet):])
