"""This machine's own questions, by which healthd judges dnsd, are exempt from what protects dnsd
from strangers; a stranger who forges our address is not.

Two network namespaces: the site with its service addresses on lo, as in production, and the world
behind a wire."""
import os
import socket
import subprocess
import sys
import threading
import time

import dns.edns
import dns.flags
import dns.message
import dns.query
import pytest
from conftest import Dnsd

OWN = ["192.0.2.53", "2001:db8:53::53"]
SECOND = ["192.0.2.54", "2001:db8:53::54"]
ZONES = {"example.org": """$TTL 300
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
ns IN A 192.0.2.53
""" + "".join(f"big IN TXT \"{i} {'x' * 200}\"\n" for i in range(5))}


def ip(*words):
    subprocess.run(["ip", *words], check=True)


class Site(Dnsd):
    """A dnsd in the namespace `site`; questions are asked from there too."""

    def __init__(self, folder, names, **options):
        super().__init__(folder, zones=ZONES, **options)
        self.site, self.world = names

    def start(self, *args, **options):
        program = self.argv
        self.argv = ["ip", "netns", "exec", self.site, *program]
        try:
            return super().start(*args, **options)
        finally:
            self.argv = program

    def inside(self, code, where=None):
        """Runs python in a namespace; what it prints."""
        p = subprocess.run(["ip", "netns", "exec", where or self.site, sys.executable, "-c", code],
                           capture_output=True, text=True, timeout=60)
        assert p.returncode == 0, p.stderr
        return p.stdout

    def ask(self, where, n=1, rdtype="SOA", name="example.org", how="udp", source=None,
            namespace=None):
        """How many of n questions were answered whole within a second."""
        edns = ", use_edns=0, payload=1232" if rdtype == "TXT" else ""
        return int(self.inside(f'''
import dns.message, dns.query, dns.flags
good = 0
for i in range({n}):
    q = dns.message.make_query("{name}", "{rdtype}"{edns})
    try:
        r = dns.query.{how}(q, "{where}", timeout=1, port={self.port}, source={source!r})
    except Exception:
        continue
    good += bool(r.answer) and not r.flags & dns.flags.TC
print(good)''', namespace))


@pytest.fixture(scope="module")
def names():
    if os.geteuid() != 0:
        pytest.skip("needs root for network namespaces")
    names = [f"nc{os.getpid()}s", f"nc{os.getpid()}w"]
    try:
        for name in names:
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("link", "add", "site0", "netns", names[0], "type", "veth", "peer", "name", "world0",
           "netns", names[1])
        for i, (name, link) in enumerate(zip(names, ("site0", "world0"))):
            ip("-n", name, "addr", "add", f"10.9.0.{i + 1}/24", "dev", link)
            ip("-n", name, "addr", "add", f"2001:db8:9::{i + 1}/64", "dev", link, "nodad")
            ip("-n", name, "link", "set", link, "up")
        for own in OWN + SECOND:
            ip("-n", names[0], "addr", "add", own, "dev", "lo")
        ip("-n", names[1], "route", "add", "192.0.2.0/24", "via", "10.9.0.1")
        ip("-n", names[1], "route", "add", "2001:db8:53::/48", "via", "2001:db8:9::1")
        ip("-n", names[0], "route", "add", "default", "via", "10.9.0.2")
        ip("-n", names[0], "route", "add", "default", "via", "2001:db8:9::2")
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


@pytest.fixture
def site(names, tmp_path):
    made = []

    def make(conf, addresses=None):
        d = Site(tmp_path, names, conf=conf)
        d.port = 53
        d.listen = [f"{a}@53" for a in addresses or OWN + SECOND]
        d.write()
        made.append(d)
        return d.start()

    yield make
    for d in made:
        d.stop()


FLOOD = '''
import socket, time, itertools
import dns.message
packet = dns.message.make_query("{name}", "{rdtype}").to_wire()
sockets = []
for last in range(1, 50):
    for family, source, to in ((socket.AF_INET, f"192.0.2.{{last}}", "192.0.2.53"),
                               (socket.AF_INET6, f"2001:db8:53::{{last:x}}", "2001:db8:53::53")):
        s = socket.socket(family, socket.SOCK_DGRAM)
        s.setsockopt(*((socket.IPPROTO_IP, 19) if family == socket.AF_INET else
                       (socket.IPPROTO_IPV6, 75)), 1)              # TRANSPARENT
        s.bind((source, 0))
        sockets.append((s, (to, 53)))
end = time.monotonic() + {seconds}
for s, to in itertools.cycle(sockets):
    if time.monotonic() > end:
        break
    s.sendto(packet, to)
    time.sleep(0.0025)
'''


@pytest.mark.parametrize("slip", [0, 1, 2])
def test_flood_from_the_own_prefix_under_rrl(site, slip):
    """400 forged questions a second from other addresses of the anycast prefixes: they use up the
    share of all of it."""
    d = site(f"rrl {{ responses-per-second = 1  slip = {slip} }}\namplification {{ factor = 0 }}")
    flood = threading.Thread(target=d.inside, args=(FLOOD.format(
        name="example.org", rdtype="SOA", seconds=4), d.world))
    flood.start()
    time.sleep(0.5)
    for own in OWN + SECOND:
        assert d.ask(own, n=50) == 50
    assert d.ask(OWN[0], n=50, source=SECOND[0]) == 50     # from another of our own
    assert d.ask(OWN[0], n=5, how="tcp") == 5
    flood.join()
    assert sum(d.counters()[c] for c in ("drop_rrl", "slip_rrl")) > 300


def test_cookies_required(site):
    d = site("cookies { require = yes }")
    for own in OWN:
        assert d.ask(own, n=5) == 5
    for i, own in enumerate(OWN):                   # a stranger is sent to TCP
        assert d.ask(own, n=3, namespace=d.world) == 0


def test_amplification(site):
    """The budget is for strangers: a burst of 10,000 octets, nine answers of this size."""
    d = site("amplification { factor = 1  octets-per-second = 10000 }")
    for own in OWN:
        assert d.ask(own, n=50, name="big.example.org", rdtype="TXT") == 50
        assert 9 <= d.ask(own, n=50, name="big.example.org", rdtype="TXT",
                          namespace=d.world) < 50
        assert d.ask(own, n=50, name="big.example.org", rdtype="TXT") == 50
    assert d.counters()["answers_over_budget"] > 0


def test_wildcard_addresses(site):
    """The own address is then the one that was asked."""
    d = site("cookies { require = yes }", ["0.0.0.0", "::"])
    for own in OWN + ["127.0.0.1", "::1", "10.9.0.1"]:
        assert d.ask(own, n=3) == 3
    assert d.ask(OWN[0], n=2, source="10.9.0.1") == 0
    for own in OWN + ["10.9.0.1"]:
        assert d.ask(own, n=2, namespace=d.world) == 0


def test_address_of_another_interface(site):
    """Packets to an address of this machine are on lo wherever the address is."""
    addresses = ["10.9.0.1", "2001:db8:9::1"]
    d = site("cookies { require = yes }", addresses)
    for own in addresses:
        assert d.ask(own, n=3) == 3
        assert d.ask(own, n=2, namespace=d.world) == 0


@pytest.mark.parametrize("addresses", [OWN + SECOND, ["0.0.0.0", "::"]], ids=["named", "wildcard"])
def test_own_address_forged_outside_is_no_own_question(site, names, addresses):
    """Also where the kernel is told to take such packets (accept_local); for IPv6 it always does.
    Whoever could forge our address would have an amplifier without limits at hand."""
    for link in ("all", "site0"):
        subprocess.run(["ip", "netns", "exec", names[0], "sysctl", "-qw",
                        f"net.ipv4.conf.{link}.accept_local=1",
                        f"net.ipv4.conf.{link}.rp_filter=0"], check=True)
    d = site("cookies { require = yes }", addresses)
    before = d.counters()["answers_noerror"]
    forge = '''
import socket, sys
import dns.message
packet = dns.message.make_query("example.org", "SOA").to_wire()
for family, option, source, to in ((2, (0, 19), "192.0.2.53", "192.0.2.53"),
                                   (2, (0, 19), "192.0.2.53", "192.0.2.54"),
                                   (10, (41, 75), "2001:db8:53::53", "2001:db8:53::53"),
                                   (10, (41, 75), "2001:db8:53::53", "2001:db8:53::54")):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.setsockopt(*option, 1)
    s.bind((source, 0))
    for i in range(20):
        s.sendto(packet, (to, 53))
'''
    d.inside(forge, d.world)
    time.sleep(0.3)
    c = d.counters()
    # those that are no own questions for a wildcard (another source) come through, and are cut
    assert c["answers_noerror"] - before == c["answers_truncated"]
    if addresses[0] != "0.0.0.0":
        assert c["udp_queries"] == 0
    assert d.ask(OWN[0], n=3) == 3 and d.ask(OWN[1], n=3) == 3


def test_tcp_connections_all_taken(site):
    """Strangers hold every place, none of them idle: the own connection takes one of theirs, and so
    does another stranger, for one that does not read."""
    d = site('tcp { max-connections = 4  max-per-address = 4  idle-timeout = "30s" }')
    hold = subprocess.Popen(["ip", "netns", "exec", d.world, sys.executable, "-c", f'''
import socket, struct, time
import dns.message
q = dns.message.make_query("big.example.org", "TXT").to_wire()
held = []
for i in range(4):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("192.0.2.53", 53))
    s.setblocking(False)
    held.append(s)
end = time.monotonic() + 1.5
while time.monotonic() < end:
    for s in held:
        try:
            s.send(struct.pack(">H", len(q)) + q)
        except BlockingIOError:
            time.sleep(0.001)
print("held", flush=True)
time.sleep(20)
'''], stdout=subprocess.PIPE, text=True)
    try:
        assert hold.stdout.readline() == "held\n"
        assert d.ask(OWN[0], n=1, how="tcp", namespace=d.world) == 1
        for own in OWN:
            assert d.ask(own, n=3, how="tcp") == 3
    finally:
        hold.kill()
        hold.wait()
        hold.stdout.close()


STEERED = {"example.org": ZONES["example.org"] + """dl 60 IN A 198.51.100.10
_steer.dl IN TXT "pool=mirrors"
"""}
EXAMPLE = """site "fra" { location = { 50.11, 8.68 } }
pool "mirrors" { server "fra1" { site = "fra"; address = "198.51.100.10" } }
announce { prefix = { "192.0.2.0/24", "2001:db8:53::/48" } }
"""


@pytest.mark.parametrize("addresses", [None, ["0.0.0.0", "::"]])
def test_why_is_told_on_the_site_itself(site, addresses):
    """dig at a service address asks from it.  By default that may ask, a stranger may not, and a
    list that the operator gives is all there is."""
    d = site(EXAMPLE, addresses)
    d.zones = STEERED
    d.write()
    d.reload()
    for own in OWN + SECOND:
        for how in ("udp", "tcp"):
            assert d.ask(own, how=how, rdtype="TXT", name="_why.dl.example.org") == 1
    for own in OWN:
        assert d.ask(own, rdtype="TXT", name="_why.dl.example.org", namespace=d.world) == 0
    d.write(conf=EXAMPLE + 'explain { allow = { "127.0.0.0/8" } }')
    d.reload()
    for own in OWN:
        assert d.ask(own, rdtype="TXT", name="_why.dl.example.org") == 0
    assert d.ask("127.0.0.1", rdtype="TXT", name="_why.dl.example.org") == (addresses is not None)
