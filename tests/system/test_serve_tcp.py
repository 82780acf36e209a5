"""DNS over TCP as RFC 7766 and 9210 want it, asked with plain sockets."""
import os
import re
import resource
import socket
import struct
import time

import dns.message
import dns.rcode
import pytest

ZONE = """$TTL 300
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
ns IN A 192.0.2.1
www IN A 192.0.2.2
""" + "".join(f"n{i} IN A 192.0.2.{i % 250}\n" for i in range(300)) + \
    "".join(f"big IN TXT \"{i:04d}{'x' * 200}\"\n" for i in range(250))
ZONES = {"example.org": ZONE}
CONF = 'tcp { idle-timeout = "60s"  max-connections = 20000  max-per-address = 20000 }'


@pytest.fixture
def d(module_dnsd):
    return module_dnsd


def connect(d, source=None, port=None):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.settimeout(10)
    if source:
        s.bind((source, 0))
    s.connect(("127.0.0.1", port or d.port))
    return s


def wire(name, rdtype="A", ident=1):
    q = dns.message.make_query(name, rdtype, use_edns=False)
    q.id = ident
    w = q.to_wire()
    return struct.pack(">H", len(w)) + w


def read_exactly(s, n):
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        if not more:
            raise EOFError(f"{len(data)} of {n} octets, then the end")
        data += more
    return data


def read_message(s):
    return dns.message.from_wire(read_exactly(s, struct.unpack(">H", read_exactly(s, 2))[0]))


def is_open(s):
    """True if the other side has not closed."""
    s.setblocking(False)
    try:
        return s.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    finally:
        s.settimeout(10)


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)


def test_one_question(d):
    with connect(d) as s:
        s.sendall(wire("www.example.org"))
        assert read_message(s).answer[0][0].address == "192.0.2.2"


def test_pipelining_100_questions_in_one_write(d):
    with connect(d) as s:
        s.sendall(b"".join(wire(f"n{i}.example.org", ident=i) for i in range(100)))
        for i in range(100):
            r = read_message(s)
            assert r.id == i and r.answer[0][0].address == f"192.0.2.{i}"


def test_question_octet_by_octet(d):
    with connect(d) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in wire("www.example.org", ident=7) + wire("n3.example.org", ident=8):
            s.sendall(bytes([octet]))
            time.sleep(0.0005)
        assert read_message(s).id == 7
        assert read_message(s).id == 8


@pytest.mark.parametrize("cut", [1, 2, 3, 14])
def test_cut_anywhere_between_two_questions(d, cut):
    data = wire("www.example.org", ident=1) + wire("n1.example.org", ident=2)
    at = len(wire("www.example.org")) + cut
    with connect(d) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.sendall(data[:at])
        assert read_message(s).id == 1
        s.sendall(data[at:])
        assert read_message(s).id == 2


def test_half_close_gets_what_was_asked(d):
    with connect(d) as s:
        s.sendall(b"".join(wire("big.example.org", "TXT", ident=i) for i in range(20)))
        s.shutdown(socket.SHUT_WR)
        for i in range(20):
            r = read_message(s)
            assert r.id == i and len(r.answer[0]) == 250
        assert s.recv(1) == b""


def test_half_close_in_the_middle_of_a_question(d):
    with connect(d) as s:
        s.sendall(wire("www.example.org") + wire("n1.example.org")[:9])
        s.shutdown(socket.SHUT_WR)
        assert read_message(s).answer
        assert s.recv(1) == b""


def test_zero_length_message_is_passed_over(d):
    with connect(d) as s:
        s.sendall(b"\0\0" + wire("www.example.org", ident=5))
        assert read_message(s).id == 5


def test_longest_message_is_judged_and_the_connection_lives(d):
    with connect(d) as s:
        query = wire("www.example.org", ident=9)[2:]
        s.sendall(struct.pack(">H", 65535) + query + bytes(65535 - len(query)))
        r = read_exactly(s, struct.unpack(">H", read_exactly(s, 2))[0])
        assert r[:2] == b"\0\x09" and r[3] & 15 == dns.rcode.FORMERR
        s.sendall(wire("www.example.org", ident=10))
        assert read_message(s).id == 10


def test_response_gets_no_answer(d):
    with connect(d) as s:
        q = bytearray(wire("www.example.org"))
        q[4] |= 0x80
        s.sendall(bytes(q) + wire("n1.example.org", ident=3))
        assert read_message(s).id == 3


def test_slow_reader_gets_everything_and_holds_nobody_up(d):
    """Far more answers than sockets hold: reading stops, the rest waits, others are served."""
    n = 250
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        slow.settimeout(20)
        slow.connect(("127.0.0.1", d.port))
        slow.sendall(b"".join(wire("big.example.org", "TXT", ident=i) for i in range(n)))
        before = d.counters()["tcp_queries"]
        for _ in range(20):
            with connect(d) as other:
                other.sendall(wire("www.example.org"))
                assert read_message(other).answer
        asked = d.counters()["tcp_queries"] - before - 20
        assert asked < n / 2, "questions are read although their answers cannot be sent"
        for i in range(n):
            size = struct.unpack(">H", read_exactly(slow, 2))[0]
            assert struct.unpack(">H", read_exactly(slow, size)[:2])[0] == i
        assert size > 50000


def test_many_silent_and_half_written_connections_block_nobody(d):
    slow = [connect(d) for _ in range(100)]
    try:
        for i, s in enumerate(slow):
            s.sendall(wire("www.example.org")[:i % 20])
        start = time.monotonic()
        for _ in range(50):
            with connect(d) as s:
                s.sendall(wire("www.example.org"))
                assert read_message(s).answer
        assert time.monotonic() - start < 5
    finally:
        for s in slow:
            s.close()


def test_idle_connections_are_closed_and_dribbling_is_idle(dnsd_factory):
    d = dnsd_factory(zones=ZONES, conf='tcp { idle-timeout = "500ms" }')
    with connect(d) as idle, connect(d) as dribble, connect(d) as busy:
        start = time.monotonic()
        gone = {}
        while time.monotonic() - start < 1.5:
            busy.sendall(wire("www.example.org"))
            assert read_message(busy).answer
            for name, s in (("idle", idle), ("dribble", dribble)):
                if name not in gone and not is_open(s):
                    gone[name] = time.monotonic() - start
            if "dribble" not in gone:
                try:
                    dribble.sendall(b"\0")
                except ConnectionError:
                    pass
            time.sleep(0.1)
        assert set(gone) == {"idle", "dribble"}
        assert all(0.4 < t < 1.3 for t in gone.values()), gone


def test_keepalive_option_tells_our_timeout(dnsd_factory):
    d = dnsd_factory(zones=ZONES, conf='tcp { idle-timeout = "7s" }')
    q = d.query("www.example.org", use_edns=0, options=[dns.edns.GenericOption(11, b"")])
    options = {o.otype: o.to_wire() for o in d.tcp(q).options}
    assert struct.unpack(">H", options[11])[0] == 70


def test_limit_of_all_connections_closes_the_longest_idle(dnsd_factory):
    d = dnsd_factory(zones=ZONES, conf='tcp { idle-timeout = "60s"  max-connections = 10 }')
    conns = []
    for i in range(10):
        s = connect(d)
        s.sendall(wire("www.example.org"))
        assert read_message(s).answer
        conns.append(s)
        time.sleep(0.005)
    # the first one is active again: the second is now idle for longest
    conns[0].sendall(wire("www.example.org"))
    assert read_message(conns[0]).answer
    time.sleep(0.005)
    with connect(d) as newcomer:
        newcomer.sendall(wire("www.example.org"))
        assert read_message(newcomer).answer
        wait_until(lambda: not is_open(conns[1]))
        assert [is_open(s) for s in conns] == [True, False] + [True] * 8
    assert d.counters()["tcp_evicted"] == 1
    for s in conns:
        s.close()


def test_descriptors_are_left_for_all_but_connections(dnsd_factory):
    """Where the system allows few, strangers do not take the last ones: commands, reloads and the
    health file go on."""
    d = dnsd_factory(zones=ZONES, start=False)
    program = d.argv
    root = ["setpriv", "--bounding-set=-sys_resource"] if os.geteuid() == 0 else []
    d.argv = ["prlimit", "--nofile=200:200", *root, *program]
    d.start()
    d.argv = program
    assert "perhaps fewer TCP connections than the configured 20000, 100" in d.log()
    conns = [connect(d) for _ in range(300)]
    for s in conns[-3:]:
        s.sendall(wire("www.example.org"))
        assert read_message(s).answer
    assert d.counters()["tcp_connections_now"] <= 100
    d.reload("generation 2 in service")
    for s in conns:
        s.close()


def test_limit_of_an_address_leaves_others_alone(dnsd_factory):
    d = dnsd_factory(
        zones=ZONES,
        conf='tcp { idle-timeout = "60s"  max-connections = 100  max-per-address = 5 }')
    other = connect(d, "127.0.0.2")
    other.sendall(wire("www.example.org"))
    assert read_message(other).answer
    greedy = []
    for _ in range(12):
        s = connect(d, "127.0.0.3")
        s.sendall(wire("www.example.org"))
        assert read_message(s).answer
        greedy.append(s)
        time.sleep(0.005)
    wait_until(lambda: sum(is_open(s) for s in greedy) == 5)
    assert [is_open(s) for s in greedy] == [False] * 7 + [True] * 5
    assert is_open(other)
    assert d.counters()["tcp_connections_now"] == 6
    for s in [other, *greedy]:
        s.close()


def resident(d):
    with open(f"/proc/{d.process.pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+) kB", f.read()).group(1)) * 1024


@pytest.mark.skipif("asan" in os.environ.get("B", "") or "tsan" in os.environ.get("B", ""),
                    reason="sanitizers have memory of their own")
def test_ten_thousand_idle_connections_cost_little(d):
    n = 10000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < n + 200:
        pytest.skip(f"only {hard} open files are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    conns = []
    try:
        before = resident(d)
        for i in range(n):
            s = connect(d, f"127.0.0.{2 + i % 100}")
            s.sendall(wire("www.example.org"))
            conns.append(s)
        for s in conns:
            assert read_message(s).answer
        assert d.counters()["tcp_connections_now"] == n
        after = resident(d)
        print(f"{(after - before) / n:.0f} octets a connection, {after >> 20} MB resident")
        assert (after - before) / n < 300
        assert after < 100 << 20
        # and everybody is still answered
        for s in conns[::500]:
            s.sendall(wire("n1.example.org"))
            assert read_message(s).answer[0][0].address == "192.0.2.1"
    finally:
        for s in conns:
            s.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    wait_until(lambda: d.counters()["tcp_connections_now"] == 0)


def test_descriptors_run_out_and_come_back(dnsd_factory):
    """With fewer descriptors than connections wanted the longest idle go, and dnsd serves on."""
    d = dnsd_factory(zones=ZONES, conf='tcp { idle-timeout = "60s" }')
    fds = len(os.listdir(f"/proc/{d.process.pid}/fd"))
    resource.prlimit(d.process.pid, resource.RLIMIT_NOFILE, (fds + 20, fds + 20))
    conns = []
    for _ in range(40):
        s = connect(d)
        s.sendall(wire("www.example.org"))
        assert read_message(s).answer
        conns.append(s)
    assert sum(is_open(s) for s in conns) <= 20
    assert d.udp("www.example.org").answer
    for s in conns:
        s.close()


def test_burst_of_short_connections(d):
    for _ in range(10):
        conns = [connect(d) for _ in range(100)]
        for s in conns:
            s.sendall(wire("www.example.org"))
        for s in conns:
            assert read_message(s).answer
            s.close()


def test_ipv6(d):
    assert d.tcp("www.example.org", where="::1").answer
