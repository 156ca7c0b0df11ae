# SPDX-License-Identifier: Apache-2.0
"""Servers that tell their clients who they are, and clients that know better.

usage: realip.py KIND ADDRESS PORT [...]

Servers answer every question with a line, the peer's address and port as the system calls told them:
  tcp       accept() and getpeername() of a thread for each connection
  asyncio   the same by asyncio, over TCP and UDP
  udp       recvfrom() and sendto()
  connected a connected socket for each client, as servers of DTLS have
  ask       getsockopt 2048 and 4096, as programs do that were written for uoa.ko and toa.ko
  mptcp     accept() of a socket of Multipath TCP
  keep      getpeername() for every line of a connection, and recvfrom()

Clients print how many of COUNT questions were answered with their own address, and what else was said:
  get       over TCP, at once;  getm: over Multipath TCP
  datagrams over UDP, sockets at once, each asks ROUNDS times
  watch     over TCP and UDP, one after another for SECONDS
  hold      for SECONDS in one connection, one flow of UDP, and a new connection each time
"""
import asyncio, collections, ctypes, resource, select, socket, struct, sys, threading, time

MPTCP = 262
MAPPED = "::ffff:"


def line(name):
    """The address of a peer as the clients know theirs."""
    return f"{name[0].removeprefix(MAPPED)} {name[1]}"


def sock(kind, address, port, protocol=0):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    made.bind((address, port))
    return made


def answer(connection, name):
    try:
        connection.settimeout(30)
        connection.recv(4096)
        told = line(name)
        if line(connection.getpeername()) != told:
            told = f"accept says {told}, getpeername {line(connection.getpeername())}"
        connection.sendall((told + "\n").encode())
    except OSError:
        pass
    connection.close()


def serve_tcp(address, port, protocol=0):
    listener = sock(socket.SOCK_STREAM, address, port, protocol)
    listener.listen(4096)
    while True:
        threading.Thread(target=answer, args=listener.accept(), daemon=True).start()


def keep(connection):
    try:
        while connection.recv(4096):
            connection.sendall((line(connection.getpeername()) + "\n").encode())
    except OSError:
        pass
    connection.close()


def serve_kept(address, port):
    listener = sock(socket.SOCK_STREAM, address, port)
    listener.listen(64)
    threading.Thread(target=serve_udp, args=(address, port), daemon=True).start()
    while True:
        threading.Thread(target=keep, args=(listener.accept()[0],), daemon=True).start()


def serve_udp(address, port):
    server = sock(socket.SOCK_DGRAM, address, port)
    while True:
        data, name = server.recvfrom(65535)
        server.sendto(f"{line(name)} {len(data)}".encode(), name)


def serve_connected(address, port):
    server = sock(socket.SOCK_DGRAM, address, port)

    def client(name):
        own = sock(socket.SOCK_DGRAM, address, port)
        own.connect(name)
        own.settimeout(5)
        own.send(line(own.getpeername()).encode())
        try:
            while True:
                _, sender = own.recvfrom(65535)
                # The connected peer, or another client whose datagram came between bind() and connect().
                own.sendto(line(sender).encode(), sender)
        except OSError:
            own.close()

    while True:
        _, name = server.recvfrom(65535)
        threading.Thread(target=client, args=(name,), daemon=True).start()


UOA = "=H16s16s2s2sH16s2s"


def ask_uoa(server, name, local, port):
    """getsockopt(IPPROTO_IP, 2048): who is behind the datagram's source?"""
    family = server.family
    libc = ctypes.CDLL(None, use_errno=True)
    raw = socket.inet_pton(family, name[0]).ljust(16, b"\0")
    own = socket.inet_pton(family, local).ljust(16, b"\0")
    question = struct.pack(UOA, int(family), raw, own, struct.pack("!H", name[1]),
                           struct.pack("!H", port), 0, bytes(16), b"\0\0")
    buffer = ctypes.create_string_buffer(question, 58)
    length = ctypes.c_uint(58)
    if libc.getsockopt(server.fileno(), 0, 2048, buffer, ctypes.byref(length)):
        return f"errno {ctypes.get_errno()}"
    answer = struct.unpack(UOA, buffer.raw[:58])
    if buffer.raw[:38] != question[:38]:
        return "the question was changed"
    real = socket.inet_ntop(answer[5], answer[6][: 4 if answer[5] == 2 else 16])
    return f"{real} {struct.unpack('!H', answer[7])[0]}"


def serve_questions(address, port, local):
    """UDP: the address as recvfrom() says it, and as uoa.ko does; TCP: as toa.ko does."""
    server = sock(socket.SOCK_DGRAM, address, port)
    listener = sock(socket.SOCK_STREAM, address, port)
    listener.listen(64)
    while True:
        for ready in select.select([server, listener], [], [])[0]:
            if ready is server:
                _, name = server.recvfrom(65535)
                told = ask_uoa(server, name, local, port)
                server.sendto(f"{told} recvfrom {line(name)}".encode(), name)
                continue
            connection, name = listener.accept()
            try:
                raw = connection.getsockopt(0, 4096, 20)
                told = f"{socket.inet_ntop(socket.AF_INET6, raw[:16])} {struct.unpack('!H', raw[16:18])[0]}"
            except OSError as error:
                told = f"errno {error.errno}"
            connection.recv(4096)
            connection.sendall(f"{told} accept {line(name)}\n".encode())
            connection.close()


class Datagrams(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, name):
        self.transport.sendto(line(name).encode(), name)


async def serve_asyncio(address, port):
    async def stream(reader, writer):
        await reader.read(4096)
        writer.write((line(writer.get_extra_info("peername")) + "\n").encode())
        await writer.drain()
        writer.close()

    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(Datagrams, sock=sock(socket.SOCK_DGRAM, address, port))
    listener = sock(socket.SOCK_STREAM, address, port)
    server = await asyncio.start_server(stream, sock=listener, backlog=4096)
    await server.serve_forever()


def report(results):
    right = results.pop("right", 0)
    print(right, *(f"{count}x[{what}]" for what, count in results.most_common(3)))


def judge(told, own):
    return "right" if told.startswith(line(own)) else f"told '{told}'"


async def connect(made, name):
    """As loop.sock_connect(), which does not take sockets of Multipath TCP."""
    if made.connect_ex(name):
        writable = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_writer(made, writable.set)
        try:
            await writable.wait()
        finally:
            loop.remove_writer(made)
    if code := made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(code, "connect")


async def get(address, port, protocol=0):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM, protocol)
    made.setblocking(False)
    try:
        await asyncio.wait_for(connect(made, (address, port)), 20)
        reader, writer = await asyncio.open_connection(sock=made)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        text = await asyncio.wait_for(reader.read(), 20)
        result = judge(text.decode().strip().split("\n")[-1], made.getsockname())
        writer.close()
        return result
    except (OSError, asyncio.TimeoutError) as error:
        made.close()
        return type(error).__name__


async def get_all(address, port, count, protocol=0):
    report(collections.Counter(await asyncio.gather(*(get(address, port, protocol) for _ in range(count)))))


def datagrams(address, port, count, rounds):
    """All sockets are open at once; an answer that is late is lost."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sockets = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(count)]
    results = collections.Counter()
    for made in sockets:
        made.connect((address, port))
        made.settimeout(2)
    for number in range(rounds):
        for first in range(0, count, 100):
            some = sockets[first : first + 100]
            for made in some:
                made.send(b"question %d" % number)
            for made in some:
                try:
                    results[judge(made.recv(65535).decode(), made.getsockname())] += 1
                except OSError as error:
                    results[type(error).__name__] += 1
    report(results)


async def watch(address, port, seconds):
    """Questions over TCP and UDP until the time is over; the answers but for the port."""
    loop = asyncio.get_running_loop()
    results = collections.Counter()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    end = time.monotonic() + seconds
    flow = socket.socket(family, socket.SOCK_DGRAM)
    flow.connect((address, port))
    flow.setblocking(False)
    while time.monotonic() < end:
        results["tcp " + (await get(address, port)).rsplit(" ", 1)[0]] += 1
        flow.send(b"question")
        try:
            told = (await asyncio.wait_for(loop.sock_recv(flow, 65535), 1)).decode()
        except asyncio.TimeoutError:
            told = "nothing"
        results["udp " + judge(told, flow.getsockname()).rsplit(" ", 1)[0]] += 1
    for what, count in sorted(results.items()):
        print(f"{count} {what}")


def hold(address, port, seconds):
    """One line at last: what was said in the connection, in the flow, and in new connections."""
    results = collections.Counter()
    held = socket.create_connection((address, port), 5)
    flow = socket.socket(held.family, socket.SOCK_DGRAM)
    flow.connect((address, port))
    flow.settimeout(0.5)
    end = time.monotonic() + seconds

    def ask(what, made):
        try:
            made.send(b"question\n")
            told = judge(made.recv(4096).decode(), made.getsockname())
        except OSError as error:
            told = type(error).__name__
        # But for the port, and what follows it.
        results[" ".join([what, *told.split()[:2]])] += 1

    while time.monotonic() < end:
        ask("held", held)
        ask("flow", flow)
        with socket.create_connection((address, port), 5) as new:
            ask("new", new)
        time.sleep(0.02)
    for what, count in sorted(results.items()):
        print(f"{count} {what}")


def main():
    kind, address, port, *more = sys.argv[1:]
    port, numbers = int(port), [int(x) for x in more if x.isdigit()]
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    match kind:
        case "tcp": serve_tcp(address, port)
        case "mptcp": serve_tcp(address, port, MPTCP)
        case "udp": serve_udp(address, port)
        case "connected": serve_connected(address, port)
        case "keep": serve_kept(address, port)
        case "ask": serve_questions(address, port, more[0])
        case "asyncio": asyncio.run(serve_asyncio(address, port))
        case "get": asyncio.run(get_all(address, port, *numbers))
        case "getm": asyncio.run(get_all(address, port, *numbers, MPTCP))
        case "datagrams": datagrams(address, port, *numbers)
        case "hold": hold(address, port, *numbers)
        case "watch": asyncio.run(watch(address, port, *numbers))


main()
