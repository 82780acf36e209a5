"""Datagrams: where answers leave from, what is dropped, limits, and load."""
import os
import re
import socket
import struct
import subprocess
import time

import dns.flags
import dns.message
import dns.rcode
import pytest
from conftest import STRANGER, Daemon, free_port, nearctl

ZONE = """$TTL 300
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
ns IN A 192.0.2.1
www IN A 192.0.2.2
*.wild IN TXT "%s"
""" % ("x" * 200)
ZONES = {"example.org": ZONE}


@pytest.fixture
def d(module_dnsd):
    return module_dnsd


def query(name="www.example.org", rdtype="A", ident=1, **options):
    options.setdefault("use_edns", False)
    q = dns.message.make_query(name, rdtype, **options)
    q.id = ident
    return q.to_wire()


def flood(d, packets, where="127.0.0.1", source=STRANGER, wait=0.3):
    """Sends everything, then takes what comes back until it is quiet: a list of answers."""
    answers = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        s.bind((source, 0))
        s.connect((where, d.port))
        for i, p in enumerate(packets):
            s.send(p)
            if i % 50 == 49:
                time.sleep(0.001)
        s.settimeout(wait)
        try:
            while True:
                answers.append(s.recv(65535))
        except socket.timeout:
            return answers


# ---- what gets no answer ----

@pytest.mark.parametrize("counter, packet", [
    ("drop_short", b""), ("drop_short", b"\0" * 11), ("drop_response", b"\0\1\x80\0" + bytes(8)),
    ("drop_response", query()[:2] + b"\x84\0" + query()[4:]),
], ids=["empty", "eleven octets", "bare response", "response with a question"])
def test_no_answer_and_counted_by_reason(d, counter, packet):
    before = d.counters()
    assert d.raw(packet, timeout=0.2) is None
    after = d.counters()
    assert after[counter] == before[counter] + 1
    assert after["udp_queries"] == before["udp_queries"] + 1


def udp_checksum(source, target, udp):
    data = socket.inet_aton(source) + socket.inet_aton(target) + struct.pack(">BBH", 0, 17,
                                                                             len(udp)) + udp
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff or 0xffff


def test_source_port_0_gets_no_answer(d):
    try:
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    except PermissionError:
        pytest.skip("raw sockets need privileges")
    payload = query()
    header = struct.pack(">HHHH", 0, d.port, 8 + len(payload), 0)
    check = udp_checksum("127.0.0.1", "127.0.0.1", header + payload)
    before = d.counters()
    with raw:
        raw.sendto(header[:6] + struct.pack(">H", check) + payload, ("127.0.0.1", 0))
    end = time.monotonic() + 5
    while d.counters()["drop_port0"] == before["drop_port0"]:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert d.counters()["answers_noerror"] == before["answers_noerror"]


# ---- where answers leave from ----

def test_each_of_several_addresses_answers_as_itself(dnsd_factory):
    port = free_port()
    addresses = ["127.0.0.1", "127.0.0.53", "127.77.0.1"]
    d = dnsd_factory(zones=ZONES, listen=[f"{a}@{port}" for a in addresses])
    for a in addresses:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            s.sendto(query(), (a, port))
            assert s.recvfrom(4096)[1] == (a, port)
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.54", port), timeout=1)
    assert d.process.poll() is None


def netns(*args, check=True):
    return subprocess.run(["ip", *args], check=check, capture_output=True, text=True)


@pytest.fixture
def anycast_net():
    """A server and a client namespace; the server has anycast addresses on lo."""
    if os.geteuid() != 0:
        pytest.skip("namespaces need root")
    tag = f"nc{os.getpid()}"
    server, client = f"{tag}-s", f"{tag}-c"
    try:
        try:
            netns("netns", "add", server)
        except (subprocess.CalledProcessError, FileNotFoundError):
            pytest.skip("no namespaces here")
        netns("netns", "add", client)
        netns("link", "add", "e0", "netns", server, "type", "veth", "peer", "name", "e0", "netns",
              client)
        for ns, v4, v6 in ((server, "10.99.0.1/24", "fd99::1/64"),
                           (client, "10.99.0.2/24", "fd99::2/64")):
            netns("-n", ns, "link", "set", "lo", "up")
            netns("-n", ns, "addr", "add", v4, "dev", "e0")
            netns("-n", ns, "addr", "add", v6, "dev", "e0", "nodad")
            netns("-n", ns, "link", "set", "e0", "up")
        netns("-n", client, "route", "add", "192.0.2.0/24", "via", "10.99.0.1")
        netns("-n", client, "route", "add", "2001:db8:53::/48", "via", "fd99::1")
        yield server, client
    finally:
        for ns in (server, client):
            netns("netns", "del", ns, check=False)


ASK = """
import socket, sys
for family, where, port in [a.rsplit("@", 1)[0].split("=") + [int(a.rsplit("@", 1)[1])]
                            for a in sys.argv[2:]]:
    s = socket.socket(socket.AF_INET6 if family == "6" else socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(5)
    s.sendto(bytes.fromhex(sys.argv[1]), (where, port))
    answer, source = s.recvfrom(65535)
    print(source[0], answer[3] & 15)
"""


def ask_in(namespace, *addresses):
    """Asks each address on port 53; rcodes, if each answers as itself."""
    asked = [f"{6 if ':' in a else 4}={a}@53" for a in addresses]
    p = subprocess.run(["ip", "netns", "exec", namespace, "/usr/bin/python3", "-c", ASK,
                        query().hex(), *asked],
                       capture_output=True, text=True, timeout=60)
    lines = [line.split() for line in p.stdout.splitlines()]
    assert [line[0] for line in lines] == list(addresses), p.stderr
    return [int(line[1]) for line in lines]


@pytest.mark.parametrize("wildcard", [False, True], ids=["bound to each", "wildcard"])
def test_anycast_addresses_on_lo(anycast_net, tmp_path, wildcard):
    """Specific sockets are bound before the addresses exist: BIRD and healthd come later.  That
    0.0.0.0 and :: can both be bound shows that the IPv6 socket takes no IPv4 (IPV6_V6ONLY)."""
    server, client = anycast_net
    listen = ["0.0.0.0@53", "::@53"] if wildcard else ["192.0.2.53@53", "2001:db8:53::53@53",
                                                       "10.99.0.1@53"]
    (tmp_path / "example.org.zone").write_text(ZONE)
    (tmp_path / "nearcast.conf").write_text(
        "listen = { " + ", ".join(f'"{a}"' for a in listen) + " }\n"
        f'threads = 2\nrun-dir = "{tmp_path}/run"\nzone "example.org" {{ file = '
        f'"example.org.zone" }}\n')
    d = Daemon(tmp_path, "dnsd", "-c", str(tmp_path / "nearcast.conf"))
    d.argv = ["ip", "netns", "exec", server, *d.argv]
    d.start()
    try:
        netns("-n", server, "addr", "add", "192.0.2.53/32", "dev", "lo")
        netns("-n", server, "addr", "add", "2001:db8:53::53/128", "dev", "lo", "nodad")
        assert ask_in(client, "192.0.2.53", "2001:db8:53::53", "10.99.0.1") == [0, 0, 0]
        if wildcard:
            assert ask_in(server, "127.0.0.1", "127.0.0.2", "127.9.8.7", "::1",
                          "192.0.2.53") == [0] * 5
    finally:
        d.stop()


CAPTURE = """
import socket, sys
tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x86dd))
tap.bind(("e0", 0))
tap.settimeout(5)
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.settimeout(5)
s.sendto(bytes.fromhex(sys.argv[1]), ("fd99::1", 53))
print(len(s.recvfrom(65535)[0]))
tap.setblocking(False)
while True:
    try:
        packet, where = tap.recvfrom(65535)
    except BlockingIOError:
        break
    if where[2] == 0 and packet[6] in (17, 44):		# to us: UDP, or a fragment
        print(len(packet))
"""


def test_ipv6_fragments_fit_1280(anycast_net, tmp_path):
    """An answer that the operator allows to be larger than 1232 goes out in pieces that every path
    carries."""
    server, client = anycast_net
    zone = ZONE + "".join(f'large IN TXT "{i:03d}{"y" * 200}"\n' for i in range(15))
    (tmp_path / "example.org.zone").write_text(zone)
    (tmp_path / "nearcast.conf").write_text(
        f'listen = {{ "fd99::1@53" }}\nthreads = 1\nrun-dir = "{tmp_path}/run"\nudp-payload = '
        '4096\n'
        'amplification { factor = 0 }\nzone "example.org" { file = "example.org.zone" }\n')
    d = Daemon(tmp_path, "dnsd", "-c", str(tmp_path / "nearcast.conf"))
    d.argv = ["ip", "netns", "exec", server, *d.argv]
    d.start()
    try:
        q = query("large.example.org", "TXT", use_edns=0, payload=4096)
        p = subprocess.run(["ip", "netns", "exec", client, "/usr/bin/python3", "-c", CAPTURE,
                            q.hex()],
                           capture_output=True, text=True, timeout=30)
        answer, *packets = map(int, p.stdout.split())
        assert answer > 3000 and len(packets) >= 3, p.stderr
        assert max(packets) <= 1280
    finally:
        d.stop()


FLOOD = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[2], 0))
for _ in range(200):
    s.sendto(bytes.fromhex(sys.argv[1]), ("10.99.0.1", 53))
"""


def counters(conf):
    lines = [line.split() for line in nearctl(conf, "counters").stdout.splitlines()
             if line and not line.startswith("#")]
    return {re.sub(r"^nearcast_dnsd_|_total$", "", name): float(n) for name, n in lines}


@pytest.mark.parametrize("how", ["unreachable", "prohibit", "blackhole"])
def test_forged_queries_without_a_route_back_end_nothing(anycast_net, tmp_path, how):
    """Answers to an address that no route leads to are lost, all others go on joined (udp.h)."""
    server, client = anycast_net
    (tmp_path / "example.org.zone").write_text(ZONE)
    (tmp_path / "nearcast.conf").write_text(
        f'listen = {{ "10.99.0.1@53" }}\nthreads = 1\nrun-dir = "{tmp_path}/run"\n'
        'zone "example.org" { file = "example.org.zone" }\n')
    netns("-n", client, "addr", "add", "203.0.113.5/32", "dev", "lo")
    netns("-n", server, "route", "add", how, "203.0.113.0/24")
    for place in ("all", "default", "e0"):
        subprocess.run(["ip", "netns", "exec", server, "sysctl", "-qw",
                        f"net.ipv4.conf.{place}.rp_filter=0"], check=True)
    d = Daemon(tmp_path, "dnsd", "-c", str(tmp_path / "nearcast.conf"))
    d.argv = ["ip", "netns", "exec", server, *d.argv]
    d.start()
    try:
        for source in ("203.0.113.5", "10.99.0.2"):
            subprocess.run(["ip", "netns", "exec", client, "/usr/bin/python3", "-c", FLOOD,
                            query().hex(), source], check=True, timeout=30)
        end = time.monotonic() + 5
        while (c := counters(tmp_path / "nearcast.conf"))["udp_queries"] < 400:
            assert time.monotonic() < end, c["udp_queries"]
            time.sleep(0.05)
        assert c["drop_send"] == 200 and c["udp_answers"] == 200 and c["udp_uncut"] == 0
    finally:
        d.stop()


# ---- response rate limiting ----

def test_without_rrl_everything_is_answered(d):
    assert len(flood(d, [query(ident=i) for i in range(500)])) == 500


def test_rrl_limits_slips_and_amplifies_little(dnsd_factory):
    d = dnsd_factory(zones=ZONES,
                     conf="rrl { responses-per-second = 10  slip = 2 }\n"
                          "amplification { factor = 0 }")
    asked = [query("a.wild.example.org", "TXT", ident=i) for i in range(1000)]
    start = time.monotonic()
    answers = flood(d, asked)
    seconds = time.monotonic() - start
    whole = [a for a in answers if not a[2] & 2]
    cut = [a for a in answers if a[2] & 2]
    assert 10 <= len(whole) <= 10 * (1 + seconds)
    assert abs(len(cut) - (1000 - len(whole)) / 2) <= 2
    # header and question only: no larger than what was asked
    for a in cut:
        assert len(a) == len(asked[0]) and a[4:12] == b"\0\1\0\0\0\0\0\0" and \
            a[12:] == asked[0][12:]
    assert sum(map(len, answers)) <= 1.5 * sum(map(len, asked))
    c = d.counters()
    assert c["slip_rrl"] == len(cut) and c["drop_rrl"] == 1000 - len(answers)
    # who is real comes back over TCP
    assert d.tcp("a.wild.example.org", "TXT").answer


def test_rrl_random_names_share_a_bucket(dnsd_factory):
    """NXDOMAIN counts by zone, a wildcard by itself, refusals by client: random names evade
    nothing."""
    d = dnsd_factory(zones=ZONES, conf="rrl { responses-per-second = 10  slip = 0 }")
    for name in ("x{}.example.org", "x{}.wild.example.org", "x{}.not.served"):
        start = time.monotonic()
        answers = flood(d, [query(name.format(i), "TXT", ident=i) for i in range(300)], wait=0.1)
        assert 10 <= len(answers) <= 10 * (1 + time.monotonic() - start), name


def test_rrl_is_per_prefix_and_exempts(dnsd_factory):
    d = dnsd_factory(zones=ZONES,
                     conf='rrl { responses-per-second = 5  slip = 0  exempt = { "127.0.9.0/24" } }')
    asked = [query(ident=i) for i in range(100)]
    assert len(flood(d, asked, source="127.0.1.1", wait=0.1)) <= 10
    assert len(flood(d, asked, source="127.0.1.2", wait=0.1)) <= 10
    assert 5 <= len(flood(d, asked, source="127.0.2.1", wait=0.1)) <= 10
    assert len(flood(d, asked, source="127.0.9.1", wait=0.1)) == 100


def test_rrl_lets_valid_cookies_pass(dnsd_factory):
    d = dnsd_factory(zones=ZONES, conf="rrl { responses-per-second = 5  slip = 0 }")
    first = d.udp("www.example.org", use_edns=0, source=STRANGER,
                  options=[dns.edns.GenericOption(10, b"12345678")])
    cookie = [o.to_wire() for o in first.options if o.otype == 10][0]
    asked = [query(ident=i, use_edns=0, options=[dns.edns.GenericOption(10, cookie)])
             for i in range(100)]
    assert len(flood(d, asked, wait=0.1)) == 100


# ---- other ----

def test_a_query_larger_than_any_is_judged(d):
    q = query(ident=77)
    answer = d.raw(q + bytes(8000))
    assert answer[:2] == b"\0\x4d" and answer[3] & 15 == dns.rcode.FORMERR


def padded(octets, **options):
    """A query of so many octets (RFC 7830)."""
    bare = query(use_edns=0, options=[dns.edns.GenericOption(12, b"")], **options)
    pad = octets - len(bare)
    return bare[:-6] + struct.pack(">HHH", 4 + pad, 12, pad) + bytes(pad)


@pytest.mark.parametrize("octets", [128, 468, 1232, 2047, 2048, 2111, 2112])
def test_padded_queries_up_to_the_limit_are_answered(d, octets):
    before = d.counters()
    answer = dns.message.from_wire(d.raw(padded(octets)))
    assert answer.rcode() == dns.rcode.NOERROR and answer.answer
    assert d.counters()["udp_oversized"] == before["udp_oversized"]


@pytest.mark.parametrize("packet, rcode", [
    (padded(2113), "FORMERR"), (padded(4096), "FORMERR"), (padded(65000), "FORMERR"),
    # what is read of it would be a whole query
    (padded(2112) + b"x", "FORMERR"), (padded(2112) + padded(2112), "FORMERR"),
    (b"\0\1\x10\0" + padded(2113)[4:], "NOTIMP"), (b"\0\1\x28\0" + padded(2113)[4:], "REFUSED"),
    (padded(2113, ednsflags=1 << 16), "FORMERR"),
], ids=["2113", "4096", "65000", "an octet behind it", "twice", "opcode 2", "update", "version 1"])
def test_a_query_that_was_cut_is_no_query(d, packet, rcode):
    before = d.counters()
    answer = d.raw(packet)
    assert answer[:2] == packet[:2] and dns.rcode.to_text(answer[3] & 15) == rcode
    assert len(answer) < 100
    assert d.counters()["udp_oversized"] == before["udp_oversized"] + 1


def test_a_response_that_was_cut_gets_no_answer(d):
    before = d.counters()
    assert d.raw(b"\0\1\x84\0" + padded(3000)[4:], timeout=0.2) is None
    after = d.counters()
    assert after["drop_response"] == before["drop_response"] + 1
    assert after["udp_oversized"] == before["udp_oversized"] + 1


def test_ipv6_answers_fit_1280(dnsd_factory):
    """The largest answer by default is 1232 octets: with headers 1280, which IPv6 always
    carries."""
    zone = ZONE + "".join(f'large IN TXT "{i:03d}{"y" * 200}"\n' for i in range(40))
    d = dnsd_factory(zones={"example.org": zone}, conf="amplification { factor = 0 }")
    answer = d.raw(query("large.example.org", "TXT", use_edns=0, payload=4096), where="::1")
    assert len(answer) <= 1232 and answer[2] & 2
