"""Many questions at once: each gets the answer, to the last octet, that it gets alone.

dnsd looks for what a batch needs before it answers (answer_ahead); alone, a question is
answered without that.  A stopped dnsd finds the whole batch waiting."""
import random
import select
import signal
import socket
import struct

import pytest
from mmdb_write import city, write
from steer_world import A, AAAA, HTTPS, TXT, pool_conf, question, sites_conf

SITES = {"fra": (50.11, 8.68), "nyc": (40.71, -74.01), "sin": (1.35, 103.82)}
PLACES = {"10.0.0.0/9": (48.8, 2.3), "10.128.0.0/10": (38.9, -77.0), "10.192.0.0/11": (-6.2, 106.8),
          "10.192.7.0/24": (51.5, 0.0), "10.192.7.128/30": (35.7, 139.7),
          "2001:db8::/33": (52.5, 13.4),
          "2001:db8:8000::/34": (34.0, -118.2), "2001:db8:8000:1::/64": (22.3, 114.2)}
POOLS = {"all": SITES, "east": ["sin"], "two": ["fra", "nyc"]}

SMALL = """$TTL 300
@ IN SOA ns h 1 7200 900 86400 60
@ IN NS ns
ns IN A 192.0.2.1
dl 60 IN A 198.51.100.1
dl 60 IN HTTPS 1 . alpn=h2 ipv4hint=198.51.100.1
_steer.dl IN TXT "pool=all"
east 60 IN A 198.51.100.1
_steer.east IN TXT "pool=east"
near 60 IN A 198.51.100.1
_steer.near IN TXT "pool=two" "mode=nearest"
alias IN CNAME dl
far IN CNAME n17.big.example.
*.wild 60 IN A 198.51.100.1
_steer.*.wild IN TXT "pool=two"
moved IN DNAME wild
sub IN NS ns.sub
ns.sub IN A 192.0.2.3
"""
BIG = SMALL + "".join(f"n{i} IN A 192.0.{i >> 8}.{i & 255}\n" for i in range(3000)) + \
    "".join(f"s{i} 60 IN A 198.51.100.1\n_steer.s{i} IN TXT \"pool={list(POOLS)[i % 3]}\"\n"
            for i in range(60))
NAMES = ["dl", "DL", "east", "near", "alias", "far", "x.wild", "y.wild", "a.b.wild", "dl.moved",
         "moved", "deep.in.sub", "sub",
         "ns", "nowhere", "not.here.at.all", "_whoami", "_why.dl", "_steer.dl", ""]


def conf(folder):
    write(f"{folder}/geo.mmdb", {net: city(latitude=at[0], longitude=at[1]) for net,
                                 at in PLACES.items()})
    text = 'here = "nyc"\ngeo { city = "geo.mmdb" }\nexplain { allow = { "127.0.0.0/8" } }\n' + \
        sites_conf(SITES)
    for p, (pool, sites) in enumerate(POOLS.items()):
        servers = {f"{pool}-{s}{k}": (s, [f"198.51.{p}.{10 * i + k}", f"2001:db8:{p}::{i}:{k}"],
                                      100 + 50 * k)
                   for i, s in enumerate(sites) for k in range(1, 6)}
        text += "\n" + pool_conf(pool, servers, answers=3)
    return text


@pytest.fixture
def d(dnsd_factory):
    d = dnsd_factory(zones={"example.org": SMALL, "big.example": BIG}, threads=1, start=False)
    d.write(conf(d.folder))
    return d.start()


def random_net(rnd):
    kind = rnd.randrange(5)
    if kind == 0:
        return rnd.choice([None, None, ""])
    if kind == 1:
        return rnd.choice(["198.18.0.0/15", "2002:a00::/24", "2002:ac0:701::/48",
                           "::ffff:10.192.7.0/120", "2001:0:1::/64"])
    if kind == 2:
        return rnd.choice(["2001:db8::/48", "2001:db8:8000::/40", "2001:db8:8000:1::/64",
                           "2001:db8:c000::/56"])
    second, third = rnd.randrange(256), rnd.choice([7, rnd.randrange(256)])
    return f"10.{second}.{third}.{rnd.choice([0, 128])}/{rnd.choice([25, 32])}"


def random_packet(rnd, ident):
    zone = rnd.choice(["example.org", "big.example", "big.example", "example.net"])
    name = rnd.choice([rnd.choice(NAMES), f"n{rnd.randrange(4000)}", f"s{rnd.randrange(70)}"])
    packet = question(f"{name}.{zone}", rnd.choice([A, A, A, AAAA, HTTPS, TXT, 2, 6, 43, 255, 252]),
                      random_net(rnd), ident)
    spoilt = rnd.randrange(30)
    if spoilt == 0:
        return packet[:rnd.randrange(13, len(packet))]
    if spoilt == 1:
        at = rnd.randrange(3, len(packet))      # what is left is answered, if only by FORMERR
        return packet[:at] + bytes([packet[at] ^ 1 << rnd.randrange(8)]) + packet[at + 1:]
    return packet


def receive(sockets, count):
    """That many answers, by their number."""
    found = {}
    while len(found) < count:
        ready = select.select(sockets, [], [], 5)[0]
        assert ready, f"{count - len(found)} of {count} questions without an answer"
        for s in ready:
            reply = s.recv(65535)
            found[struct.unpack_from(">H", reply)[0]] = reply
    return found


@pytest.mark.parametrize("seed, size", [(1, 64), (2, 64), (3, 64), (4, 3), (5, 4), (6, 30), (7, 64),
                                        (8, 64)])
def test_together_as_alone(d, seed, size):
    rnd = random.Random(seed)
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
    try:
        for s in sockets:
            s.connect(("127.0.0.1", d.port))
        for _ in range(6):
            packets = [random_packet(rnd, i) for i in range(size)]
            d.signal(signal.SIGSTOP)
            for i, packet in enumerate(packets):
                sockets[i % 3].send(packet)
            d.signal(signal.SIGCONT)
            together, alone = receive(sockets, size), {}
            for packet in packets:
                sockets[0].send(packet)
                alone.update(receive(sockets[:1], 1))
            assert together == alone
    finally:
        for s in sockets:
            s.close()
