# SPDX-License-Identifier: Apache-2.0
# Servers of UDP port 7000 on the addresses of the namespace: they answer with who asked, and what.
import socket
import threading


def serve(family, address):
    server = socket.socket(family, socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    server.bind((address, 7000))
    while True:
        data, peer = server.recvfrom(65535)
        server.sendto(f"{address} {peer[0]} {peer[1]} ".encode() + data, peer)


for number in (2, 3, 4):
    for family, address in ((socket.AF_INET, f"10.0.1.{number}"), (socket.AF_INET6, f"fd01::{number}")):
        threading.Thread(target=serve, args=(family, address), daemon=True).start()
threading.Event().wait()
