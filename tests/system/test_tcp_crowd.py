"""A crowd on TCP: what one host can take from others, of places, of time and of memory."""
import contextlib
import ctypes
import os
import re
import resource
import signal
import socket
import struct
import subprocess
import time

import dns.edns
import dns.message
import pytest

ZONES = {"example.org": """$TTL 300
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
ns IN A 192.0.2.1
www IN A 192.0.2.2
""" + "".join(f"big IN TXT \"{i:04d}{'x' * 200}\"\n" for i in range(300))}
CROWD, OTHER = "127.0.0.3", "127.0.0.4"     # neither is ours
ASAN = "asan" in os.environ.get("B", "") or "tsan" in os.environ.get("B", "")
MB = 1 << 20


def wire(name, rdtype="A", ident=1, **options):
    options.setdefault("use_edns", False)
    q = dns.message.make_query(name, rdtype, **options)
    q.id = ident
    w = q.to_wire()
    return struct.pack(">H", len(w)) + w


SMALL, BIG = wire("www.example.org"), wire("big.example.org", "TXT")


def connect(d, source, to="127.0.0.1", room=None):
    s = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_STREAM)
    if room:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    s.settimeout(20)
    if ":" in to:
        s.setsockopt(socket.IPPROTO_IPV6, 78, 1)    # FREEBIND
    s.bind((source, 0))
    s.connect((to, d.port))
    return s


def read_exactly(s, n):
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def read_wire(s):
    return read_exactly(s, struct.unpack(">H", read_exactly(s, 2))[0])


def read_answer(s):
    return dns.message.from_wire(read_wire(s))


def ask(s, question=SMALL):
    s.sendall(question)
    return read_answer(s)


def send_all_it_takes(s, data):
    """Without waiting; octets."""
    s.setblocking(False)
    sent = 0
    with contextlib.suppress(BlockingIOError, ConnectionError):
        while sent < len(data):
            sent += s.send(data[sent:])
    s.settimeout(20)
    return sent


def stall(d, source, n, room=4096, **options):
    """n connections that ask for megabytes and read nothing."""
    held = [connect(d, source, room=room, **options) for _ in range(n)]
    for s in held:
        send_all_it_takes(s, BIG * 100)
    return held


def is_open(s):
    s.setblocking(False)
    try:
        return s.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    finally:
        s.settimeout(20)


def ended(s):
    """True if reading on comes to an end."""
    s.settimeout(5)
    with contextlib.suppress(ConnectionError):
        while s.recv(1 << 20):
            pass
    return True


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)


def kernel(d):
    """(octets of memory of dnsd's TCP sockets, and how many there are)."""
    out = subprocess.run(["ss", "-tamnH", f"sport = :{d.port}"], capture_output=True, text=True,
                         check=True).stdout
    return (sum(int(n) for n in re.findall(r"(?:skmem:\(r|,w)(\d+)", out)),
            len(re.findall(r"skmem:", out)))


@contextlib.contextmanager
def inside(name):
    """This thread is in a network namespace: sockets made here belong to it."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{name}") as there:
        assert libc.setns(there.fileno(), 0x40000000) == 0
        try:
            yield
        finally:
            assert libc.setns(home.fileno(), 0x40000000) == 0


# ---- places ----

@pytest.fixture
def namespace():
    """One where all of 2001:db8::/32 is local."""
    if os.geteuid() != 0:
        pytest.skip("needs root for network namespaces")
    name = f"nc{os.getpid()}t"

    def ip(*words):
        subprocess.run(["ip", *words], check=True)
    try:
        ip("netns", "add", name)
        ip("-n", name, "link", "set", "lo", "up")
        ip("-n", name, "-6", "route", "add", "local", "2001:db8::/32", "dev", "lo")
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)


@pytest.mark.parametrize("how", ["silent", "length only", "reads nothing"])
def test_a_host_with_a_slash64_leaves_tcp_to_others(dnsd_factory, namespace, how):
    """Every connection from another address of its own, as many as there may be."""
    d = dnsd_factory(
        zones=ZONES, start=False,
        conf='tcp { idle-timeout = "60s"  max-connections = 60  max-per-address = 20 }')
    program = d.argv
    d.argv = ["ip", "netns", "exec", namespace, *program]
    d.start()
    d.argv = program
    with inside(namespace):
        others = [connect(d, f"2001:db8:{i:x}::1", "::1") for i in range(1, 31)]
        for s in others:
            assert ask(s).answer
        crowd = []
        for i in range(1, 101):
            s = connect(d, f"2001:db8:666:1::{i:x}", "::1", room=4096)
            send_all_it_takes(s, {"silent": b"", "length only": BIG[:2]}.get(how, BIG * 100))
            crowd.append(s)
        newcomer = connect(d, "2001:db8:99::1", "::1")
        assert ask(newcomer).answer
    for s in others:
        assert ask(s).answer                    # nobody has gone for the crowd
    counted = d.counters()
    assert counted["tcp_connections_now"] == 20 + 31 and counted["tcp_evicted"] == 80
    for s in [*others, *crowd, newcomer]:
        s.close()


def test_who_reads_nothing_for_longest_goes_first(dnsd_factory):
    d = dnsd_factory(zones=ZONES, conf='tcp { idle-timeout = "60s"  max-connections = 6 }')
    idle = [connect(d, OTHER) for _ in range(3)]
    for s in idle:
        assert ask(s).answer
        time.sleep(0.005)
    held = []
    for _ in range(3):
        held += stall(d, CROWD, 1)
        time.sleep(0.3)
    time.sleep(0.5)
    newcomers = []
    for n in range(1, 4):
        newcomers.append(connect(d, OTHER))
        assert ask(newcomers[-1]).answer
        assert ended(held[n - 1])
        assert d.counters()["tcp_evicted"] == n
    assert all(map(is_open, idle + newcomers))
    # nobody is left who does not read: the longest idle one
    newcomers.append(connect(d, OTHER))
    assert ask(newcomers[-1]).answer
    wait_until(lambda: not is_open(idle[0]))
    assert all(map(is_open, idle[1:] + newcomers))


def test_newcomer_among_connections_that_all_read_nothing(dnsd_factory):
    d = dnsd_factory(zones=ZONES, conf='tcp { idle-timeout = "60s"  max-connections = 20 }')
    held = stall(d, CROWD, 20)
    time.sleep(0.2)
    for _ in range(10):
        with connect(d, OTHER) as s:
            assert ask(s).answer
    assert d.counters()["tcp_refused"] == 0
    for s in held:
        s.close()


def test_keepalive_asks_to_close_when_places_run_short(dnsd_factory):
    d = dnsd_factory(zones=ZONES, threads=1,
                     conf='tcp { idle-timeout = "60s"  max-connections = 16 }')
    question = wire("www.example.org", use_edns=0, options=[dns.edns.GenericOption(11, b"")])

    def timeout(s):
        return next(o.to_wire() for o in ask(s, question).options if o.otype == 11)
    first = connect(d, OTHER)
    assert timeout(first) == struct.pack(">H", 600)
    conns = [connect(d, OTHER) for _ in range(13)]
    for s in conns:
        assert ask(s).answer
    assert timeout(first) == struct.pack(">H", 0)
    for s in conns:
        s.close()
    wait_until(lambda: d.counters()["tcp_connections_now"] == 1)
    assert timeout(first) == struct.pack(">H", 600)


# ---- time ----

def state(d):
    with open(f"/proc/{d.process.pid}/stat") as f:
        return f.read().rsplit(")", 1)[1].split()[0]


def stopped(d):
    d.signal(signal.SIGSTOP)
    wait_until(lambda: state(d) == "T")


@pytest.mark.parametrize("question", [SMALL, BIG], ids=["small", "60 KB"])
def test_asking_without_pause_leaves_others_their_turn(dnsd_factory, question):
    """All have asked before the worker sees any of it.  When the one who asked last, and once, has
    its answer, those who asked for hundreds must not have had most of theirs."""
    d = dnsd_factory(zones=ZONES, threads=1, conf='tcp { idle-timeout = "60s" }')
    crowd = [connect(d, CROWD, room=4 * MB) for _ in range(50)]
    other = connect(d, OTHER)
    for s in [*crowd, other]:
        s.sendall(question)
        size = 2 + len(read_wire(s))
    stopped(d)
    asked = [send_all_it_takes(s, question * (900 if question is SMALL else 100)) // len(question)
             for s in crowd]
    other.sendall(SMALL)
    before = sum(asked)
    d.signal(signal.SIGCONT)
    assert read_answer(other).answer
    stopped(d)
    got = 0
    for s in crowd:
        s.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                got += len(s.recv(MB))
        s.settimeout(20)
    print(f"{got / size:.0f} of {before} answers before the other's")
    assert got / size < before / 2
    d.signal(signal.SIGCONT)
    for s in crowd:
        s.close()


def test_turns_go_on_to_the_last_question(dnsd_factory):
    """More than a turn's messages in one segment, and then silence: nothing is left lying."""
    d = dnsd_factory(zones=ZONES, threads=1)
    with connect(d, OTHER) as s:
        s.sendall(SMALL)
        size = 2 + len(read_wire(s))
    for n in (63, 64, 65, 128, 129, 700):
        with connect(d, OTHER) as s:
            s.sendall(b"".join(wire("www.example.org", ident=i) for i in range(n)))
            got = b""
            while len(got) < n * size:
                got += s.recv(65536)
            assert [struct.unpack_from(">H", got, at + 2)[0]
                    for at in range(0, len(got), size)] == list(range(n))
    with connect(d, OTHER) as s:                # and who closes behind them has them all
        s.sendall(SMALL * 700)
        s.shutdown(socket.SHUT_WR)
        got = b""
        while more := s.recv(65536):
            got += more
        assert len(got) == 700 * size


def test_messages_of_all_lengths_in_pieces_of_all_lengths(dnsd_factory):
    """Long ones grow in memory of their own; short ones before and behind them."""
    d = dnsd_factory(zones=ZONES, threads=1)
    stream, n = b"", 0
    for length in (0, 1, 4093, 4094, 4095, 4096, 4097, 8191, 8192, 20000, 65535):
        for small in range(3):
            stream += wire("www.example.org", ident=n)
            n += 1
        junk = struct.pack(">6H", n, 0, 0, 0, 0, 0)[:length]
        stream += struct.pack(">H", length) + junk + bytes(length - len(junk))
        n += length >= 12
    stream += SMALL * 100
    for piece in (1000, 4095, 4096, 4097, 70000):
        with connect(d, OTHER) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for at in range(0, len(stream), piece):
                s.sendall(stream[at:at + piece])
            s.shutdown(socket.SHUT_WR)
            got, idents, at = b"", [], 0
            while more := s.recv(65536):
                got += more
            while at < len(got):
                size, ident = struct.unpack_from(">2H", got, at)
                idents.append(ident)
                at += 2 + size
            assert idents == [*range(n), *[1] * 100], piece


def test_reloads_and_new_addresses_wait_for_no_crowd(dnsd_factory):
    """A reload is in service, and an address listened on, while a crowd asks for long answers
    without pause: each of them had waited for a round of all."""
    d = dnsd_factory(zones=ZONES, threads=1, conf='tcp { idle-timeout = "60s" }')
    load = subprocess.Popen([
        "python3", "-c", f'''
import selectors, socket
poll = selectors.DefaultSelector()
for i in range(100):
    s = socket.socket()
    s.bind(("{CROWD}", 0))
    s.connect(("127.0.0.1", {d.port}))
    s.setblocking(False)
    poll.register(s, selectors.EVENT_READ | selectors.EVENT_WRITE, [0])
blob, into = bytes.fromhex("{BIG.hex()}") * 1000, bytearray(1 << 20)
while True:
    for key, what in poll.select():
        try:
            if what & selectors.EVENT_READ:
                key.fileobj.recv_into(into)
            if what & selectors.EVENT_WRITE:
                key.data[0] = (key.data[0] + key.fileobj.send(blob[key.data[0]:])) % len(blob)
        except BlockingIOError:
            pass'''])
    try:
        wait_until(lambda: d.counters()["tcp_queries"] > 1000, 30)
        took = []
        for i in range(6):
            if i == 4:
                d.listen.append(f"127.0.0.9@{d.port}")
                d.write()
            start = time.monotonic()
            d.reload(rf"generation {i + 2} in service")
            took.append(time.monotonic() - start)
        print("reloads took", [f"{t * 1000:.0f} ms" for t in took])
        assert sorted(took)[-2] < 0.5 and took[-1] < 2
        with connect(d, OTHER, to="127.0.0.9") as s:
            assert ask(s).answer
    finally:
        load.kill()
        load.wait()


# ---- memory ----

MANY = 'tcp { idle-timeout = "60s"  max-connections = 3000  max-per-address = 3000 }'


@pytest.fixture
def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4000:
        pytest.skip(f"only {hard} open files are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_forty_who_read_nothing_pin_little(dnsd_factory):
    """They have read megabytes before, so that buffers would have grown."""
    d = dnsd_factory(zones=ZONES, conf='tcp { idle-timeout = "60s" }')
    held = [connect(d, CROWD) for _ in range(40)]
    for s in held:
        for _ in range(20):
            s.sendall(BIG * 4)
            for _ in range(4):
                read_wire(s)
    for s in held:
        send_all_it_takes(s, BIG * 5000)
    time.sleep(0.5)
    for s in held:
        send_all_it_takes(s, BIG * 5000)
    octets, _ = kernel(d)
    counted = d.counters()
    print(f"{octets / MB:.1f} MB in the kernel, {counted['tcp_held_bytes'] / MB:.1f} MB held")
    assert octets < 10 * MB
    assert 2 * MB < counted["tcp_held_bytes"] <= 12 * MB
    # nobody had to go, and who reads on gets it all
    assert counted["tcp_overheld"] == 0 and counted["tcp_connections_now"] == 40
    for _ in range(50):
        assert len(read_wire(held[0])) > 60000
    for s in held:
        s.close()


def test_what_one_host_holds_is_bounded_and_its_largest_go(dnsd_factory, many_files):
    d = dnsd_factory(zones=ZONES, conf=MANY)
    light = connect(d, CROWD)
    held = stall(d, CROWD, 1000)
    wait_until(lambda: d.counters()["tcp_overheld"] > 100)
    time.sleep(0.5)
    counted = d.counters()
    octets, _ = kernel(d)
    print(f"{counted['tcp_overheld']:.0f} closed, {octets / MB:.1f} MB in the kernel")
    assert counted["tcp_held_bytes"] <= 64 * MB and octets < 100 * MB
    assert ask(light).answer                    # who is of the same address, but holds nothing
    with connect(d, OTHER) as s:
        assert ask(s, BIG).answer
    for s in held:
        s.close()
    wait_until(lambda: d.counters()["tcp_held_bytes"] == 0)
    light.close()


def test_answers_left_in_the_kernel_count(dnsd_factory, many_files):
    """One answer each, which the socket takes whole: no backlog, and yet 60 KB are held."""
    d = dnsd_factory(zones=ZONES, conf=MANY)
    held = [connect(d, CROWD, room=4096) for _ in range(1500)]
    for s in held:
        s.sendall(BIG)
    wait_until(lambda: d.counters()["tcp_overheld"] > 100)
    wait_until(lambda: kernel(d)[0] < 80 * MB)
    for s in held:
        s.close()


def test_half_sent_questions_are_bounded(dnsd_factory, many_files):
    """60,000 octets of a message of 65,535, by 1,300 connections of a host."""
    d = dnsd_factory(zones=ZONES, conf=MANY)
    light = connect(d, CROWD)
    half = [connect(d, CROWD) for _ in range(1300)]
    for s in half:
        with contextlib.suppress(ConnectionError):
            s.sendall(struct.pack(">H", 65535) + bytes(60000))
    wait_until(lambda: d.counters()["tcp_overheld"] > 200)
    # counters are read while octets are still coming: each worker may be one message ahead
    wait_until(lambda: d.counters()["tcp_held_bytes"] <= 64 * MB)
    assert ask(light).answer
    wait_until(lambda: 900 < sum(map(is_open, half)) < 1100)
    for s in half:
        s.close()


@pytest.mark.skipif(ASAN, reason="sanitizers have memory of their own")
def test_lengths_alone_hold_nothing(dnsd_factory):
    d = dnsd_factory(zones=ZONES, conf='tcp { idle-timeout = "60s" }')

    def resident():
        with open(f"/proc/{d.process.pid}/status") as f:
            return int(re.search(r"VmRSS:\s+(\d+) kB", f.read()).group(1)) * 1024
    before = resident()
    conns = [connect(d, CROWD) for _ in range(900)]
    for s in conns:
        s.sendall(struct.pack(">H", 65535) + bytes(100))
    wait_until(lambda: d.counters()["tcp_connections_now"] == 900)
    time.sleep(0.3)
    assert resident() - before < 3 * MB
    for s in conns:
        s.close()


def test_what_nobody_reads_is_thrown_away_with_its_connection(dnsd_factory):
    """Else the kernel keeps it for minutes after the close."""
    d = dnsd_factory(zones=ZONES, conf='tcp { idle-timeout = "500ms" }')
    held = stall(d, CROWD, 10)
    small = [connect(d, CROWD, room=4096) for _ in range(10)]
    for s in small:
        s.sendall(BIG)                          # the kernel takes it all
    time.sleep(0.2)
    assert kernel(d)[0] > MB
    wait_until(lambda: d.counters()["tcp_connections_now"] == 0)
    octets, sockets = kernel(d)
    assert octets == 0, f"{octets} octets in {sockets} sockets"
    for s in held + small:
        s.close()


def test_who_ends_and_reads_nothing_is_held_to_the_same(dnsd_factory, many_files):
    """A question, an end, and no reading: closed at once, it had left its answer to the kernel for
    minutes, of any number of connections of one host, and nobody counted them."""
    d = dnsd_factory(zones=ZONES, conf='tcp { idle-timeout = "3s"  max-connections = 3000 }')
    held = []
    for _ in range(1500):
        s = connect(d, CROWD, room=4096)
        s.sendall(BIG)
        s.shutdown(socket.SHUT_WR)
        held.append(s)
    wait_until(lambda: d.counters()["tcp_overheld"] + d.counters()["tcp_evicted"] > 500)
    wait_until(lambda: kernel(d)[0] < 80 * MB)
    counted = d.counters()
    assert 100 < counted["tcp_connections_now"] <= 1000
    assert 8 * MB < counted["tcp_held_bytes"] <= 64 * MB
    with connect(d, OTHER) as s:
        assert ask(s, BIG).answer
    wait_until(lambda: d.counters()["tcp_connections_now"] == 0)
    octets, sockets = kernel(d)
    assert octets == 0, f"{octets} octets in {sockets} sockets"
    for s in held:
        s.close()


def test_who_ends_first_and_reads_later_has_it_all(dnsd_factory):
    d = dnsd_factory(zones=ZONES)
    for n in (1, 2, 30):
        with connect(d, OTHER, room=4096) as s:
            s.sendall(BIG * n)
            s.shutdown(socket.SHUT_WR)
            time.sleep(0.3)
            for _ in range(n):
                assert len(read_wire(s)) > 60000
            assert s.recv(1) == b""             # and the end behind it
        wait_until(lambda: d.counters()["tcp_connections_now"] == 0)
    assert d.counters()["tcp_held_bytes"] == 0


def test_who_reads_drop_by_drop_is_idle(dnsd_factory):
    """A kilobyte now and then out of hundreds is no sign of life; nor is an octet of a question."""
    d = dnsd_factory(zones=ZONES, conf='tcp { idle-timeout = "1s" }')
    slow, half = stall(d, CROWD, 1)[0], connect(d, CROWD)
    start, gone = time.monotonic(), {}
    while len(gone) < 2:
        assert time.monotonic() - start < 10, gone
        for name, s, act in (("slow", slow, lambda: slow.recv(1000)),
                             ("half", half, lambda: half.send(SMALL[:1]))):
            with contextlib.suppress(BlockingIOError):
                s.setblocking(False)
                try:
                    act()
                    if s is half and s.recv(1) == b"":
                        gone.setdefault(name, time.monotonic() - start)
                except ConnectionError:
                    gone.setdefault(name, time.monotonic() - start)
        time.sleep(0.1)
    assert all(0.8 < t < 4 for t in gone.values()), gone


def test_the_dead_are_noticed(dnsd_factory):
    """By keepalive while nothing is sent; accepted connections inherit it."""
    d = dnsd_factory(zones=ZONES, conf='tcp { idle-timeout = "1h" }')
    with connect(d, OTHER) as s:
        assert ask(s).answer
        out = subprocess.run(["ss", "-tonH", "state", "established", f"sport = :{d.port}"],
                             capture_output=True, text=True, check=True).stdout
        assert re.search(r"timer:\(keepalive,(29sec|[12]\d\.?\d*sec|30sec)", out), out
