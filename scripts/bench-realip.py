# SPDX-License-Identifier: Apache-2.0
"""usage: bench-realip.py DPVS-REALIP DIRECTORY ROUNDS  (scripts/bench-realip makes the place for it)

Interfaces backend (10.77.0.2, a server's) and wire, whose frames are the balancer's, are the two ends of a cable. One
process is both ends, so that its time is all the CPU that a connection or a datagram takes. Receivers come and go
round by round; each figure is the median of the rounds, and each ratio that of neighbouring rounds.
"""
import os, signal, socket, statistics, struct, subprocess, sys, time

program, directory, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
SERVER, BALANCER, CLIENT = (socket.inet_aton(x) for x in ("10.77.0.2", "10.77.0.200", "198.51.100.7"))
SYN, ACK = 2, 16


# scripts/bench-realip gives the interfaces these addresses.
ETHERNET = bytes.fromhex("020000000002" "020000000001" "0800")


def checksum(octets):
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip(protocol, payload):
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0x4000, 64, protocol, 0) + BALANCER + SERVER
    return ETHERNET + head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def segment(port, sequence, acknowledged, flags, option=b""):
    offset = (20 + len(option)) // 4 << 4
    text = struct.pack("!HHIIBBHHH", port, 80, sequence, acknowledged, offset, flags, 65535, 0, 0) + option
    pseudo = BALANCER + SERVER + struct.pack("!HH", 6, len(text))
    return ip(6, text[:16] + struct.pack("!H", checksum(pseudo + text)) + text[18:])


def datagram(port, has_header):
    text = struct.pack("!HHHH", port, 53, 40, 0) + bytes(32)
    header = struct.pack("!BBHBBH", 0x10, 17, 12, 31, 8, port) + CLIENT
    return ip(248, header + text) if has_header else ip(17, text)


wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
wire.bind(("wire", 0))
heard = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
heard.bind(("wire", 0x0800))
listener = socket.create_server(("10.77.0.2", 80), backlog=64)
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("10.77.0.2", 53))
server.settimeout(2)
listener.settimeout(2)


def connections(ports):
    """Handshake, accept and reset; microseconds each."""
    option = {port: struct.pack("!BBH", 254, 8, port) + CLIENT for port in ports}
    began = time.process_time()
    for port in ports:
        wire.send(segment(port, 1000, 0, SYN))
        while True:
            frame = heard.recv(2048)
            # Answers to this port that are a SYN-ACK; resets and what wire itself sent pass by.
            if frame[36:38] == struct.pack("!H", port) and frame[47] == SYN | ACK:
                break
        theirs = struct.unpack("!I", frame[38:42])[0] + 1 & 0xFFFFFFFF
        wire.send(segment(port, 1001, theirs, ACK, option[port]))
        made, name = listener.accept()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        made.close()
    took = (time.process_time() - began) * 1e6 / len(ports)
    return took, name


def datagrams(frames):
    """A question that is received and answered; microseconds each."""
    began = time.process_time()
    for frame in frames:
        wire.send(frame)
        _, name = server.recvfrom(2048)
        server.sendto(b"answer", name)
    return (time.process_time() - began) * 1e6 / len(frames), name


ports = range(2000, 2500)
first = [datagram(port, True) for port in ports] * 4
later = [datagram(port, False) for port in ports] * 4


def drain():
    heard.setblocking(False)
    try:
        while heard.recv(2048):
            pass
    except BlockingIOError:
        heard.setblocking(True)


def measure(is_told):
    # The first ones find cold caches, and a receiver that still starts.
    connections(ports[:100])
    datagrams(first[:500] if is_told else later[:500])
    drain()
    result = {}
    expected = "198.51.100.7" if is_told else "10.77.0.200"
    result["connection"], name = connections(ports)
    assert name[0] == expected, name
    if is_told:
        result["datagram with the address"], name = datagrams(first)
        assert name[0] == expected, name
    result["datagram"], name = datagrams(later)
    assert name[0] == expected, name
    return result


def programs(process):
    """Calls and nanoseconds of the receiver's eBPF programs, as the kernel counts them."""
    numbers = {}
    place = f"/proc/{process.pid}/fdinfo"
    for entry in os.listdir(place):
        fields = dict(line.split(":\t", 1) for line in open(f"{place}/{entry}") if ":\t" in line)
        if "prog_id" in fields and "run_cnt" in fields:
            numbers[fields["prog_id"].strip()] = int(fields["run_time_ns"]), int(fields["run_cnt"])
    return [sum(column) for column in zip(*numbers.values())]


def receive(body):
    words = ["attach", "--name", f"bench{os.getpid()}", "--cgroup", directory, "--from", "10.77.0.200"]
    words += ["--interface", "backend", "--pins", "none", "--at-end", "detach"]
    receiver = subprocess.Popen(["taskset", "ffffffff", program, *words], stderr=subprocess.PIPE, text=True)
    try:
        for line in receiver.stderr:
            if "serves" in line:
                return body(receiver)
        sys.exit("the receiver does not start")
    finally:
        receiver.terminate()
        receiver.communicate()


def main():
    measure(False)
    without, told = [], []
    for _ in range(rounds):
        without.append(measure(False))
        told.append(receive(lambda _: measure(True)))
    print(f"{'µs':28}{'without':>10}{'with':>10}{'more':>10}{'ratio':>10}   median of {rounds} rounds")
    for what in told[0]:
        other = "datagram" if what.startswith("datagram") else what
        pairs = [(a[other], b[what]) for a, b in zip(without, told)]
        figures = [statistics.median(x) for x in zip(*((a, b, b - a, b / a) for a, b in pairs))]
        print(f"{what:28}" + "".join(f"{x:10.2f}" for x in figures))


main()
