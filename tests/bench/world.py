"""The world that every server is asked about: ten sites of three servers, a database that
says where clients are, zones, and rings of queries with the answers expected.

Expected sites come from haversine distances worked out here, from the generator's own
list of who is where; no server's code has a part in it.
"""
import ipaddress
import itertools
import math
import os
import random
import subprocess

SITES = [("fra", 50.11, 8.68), ("nyc", 40.71, -74.01), ("sin", 1.35, 103.82),
         ("syd", -33.87, 151.21),
         ("sao", -23.55, -46.63), ("jnb", -26.20, 28.04), ("tyo", 35.68, 139.69),
         ("lax", 34.05, -118.24),
         ("bom", 19.08, 72.88), ("dub", 53.35, -6.26)]
SERVERS = 3      # a site
ANSWERS = 2      # addresses an answer
BIG_NAMES = 100_000
TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33,
         "CAA": 257}


def v4(site, server):
    return f"198.18.{site}.{server + 1}"


def v6(site, server):
    return f"2001:db8:0:{site:x}::{server + 1:x}"


def distance(a, b):
    lat1, lon1, lat2, lon2 = map(math.radians, (*a, *b))
    h = math.sin((lat2 - lat1) / 2) ** 2 + \
        math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * 6371.0088 * math.asin(min(1, math.sqrt(h)))


def nearest(point):
    return min(range(len(SITES)), key=lambda s: distance(point, SITES[s][1:]))


def name_wire(name):
    return b"".join(bytes([len(x)]) + x.encode() for x in name.split(".") if x) + b"\0"


def big_address(i):
    return f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}"


STATIC = f"""\
@       3600 IN SOA ns1 hostmaster 2026010101 7200 900 1209600 300
@       3600 IN NS ns1
@       3600 IN NS ns2
ns1     3600 IN A 198.18.200.1
ns2     3600 IN A 198.18.200.2
@       3600 IN MX 10 mail
mail    3600 IN A 198.18.200.3
mail    3600 IN AAAA 2001:db8:0:200::3
txt     3600 IN TXT "v=spf1 mx -all"
alias   3600 IN CNAME mail
_sip._udp 3600 IN SRV 0 5 5060 mail
@       3600 IN CAA 0 issue "ca.example.net"
"""
STEERED = "\n".join([f"dl 60 IN A {v4(0, k)}\ndl 60 IN AAAA {v6(0, k)}"
                     for k in range(ANSWERS)]) + "\n"


def big_zone(names):
    head = ("$ORIGIN big.example.\n@ 3600 IN SOA ns1 hostmaster 1 7200 900 1209600 300\n"
            "@ 3600 IN NS ns1\nns1 3600 IN A 198.18.200.1\n")
    return head + "".join(f"n{i} 3600 IN A {big_address(i)}\n" for i in range(names))


def query(name, qtype="A", ecs=None, dnssec=False):
    """A packet in hex; ecs = (family 1 or 2, source, address octets)."""
    edns = ecs is not None or dnssec
    packet = bytes([0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, int(edns)]) + name_wire(name)
    packet += TYPES[qtype].to_bytes(2, "big") + b"\0\1"
    if edns:
        option = b""
        if ecs is not None:
            family, source, octets = ecs
            data = bytes([0, family, source, 0]) + octets[:(source + 7) // 8]
            option = b"\0\x08" + len(data).to_bytes(2, "big") + data
        packet += b"\0\0\x29\x04\xd0\0\0" + (b"\x80" if dnssec else b"\0") + b"\0"
        packet += len(option).to_bytes(2, "big") + option
    return packet.hex()


class World:
    """A folder with everything that the servers and the generator read."""

    def __init__(self, folder, build, networks=1_200_000, places=250):
        self.folder, self.build = folder, build
        os.makedirs(folder, exist_ok=True)
        self.mmdb = f"{folder}/world.mmdb"
        self.random = random.Random(2026)
        subprocess.run([f"{build}/tests/bench/database", self.mmdb, str(networks), str(places),
                        "60000",
                        f"{folder}/places"], check=True)
        self.places, self.nets = [], []
        with open(f"{folder}/places") as f:
            for line in f:
                word = line.split()
                if word[0] == "place":
                    self.places.append((word[2], float(word[3]), float(word[4])))
                else:
                    self.nets.append((word[1], int(word[2])))
        self.sites_of = [nearest(p[1:]) for p in self.places]
        self.write("big.zone", big_zone(BIG_NAMES))
        self.write("static.zone", "$ORIGIN example.org.\n" + STATIC + STEERED)
        self.write("steered.zone", "$ORIGIN example.org.\n" + STATIC + STEERED +
                   '_steer.dl 60 IN TXT "pool=mirrors"\n')
        self.rings = {kind: self.ring(kind, make()) for kind, make in {
            "plain": lambda: [f"{query('dl.example.org')} 0 =c612"],
            "do": lambda: [f"{query('dl.example.org', dnssec=True)} 0 =c612"],
            "ecs4": lambda: self.subnets(4), "ecs6": lambda: self.subnets(6),
            "nxdomain": self.missing, "zone100k": self.big, "mixed": self.mixed}.items()}
        self.rings["sources"] = self.rings["plain"]

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        return path

    def ring(self, kind, lines):
        return self.write(f"{kind}.ring", "\n".join(lines) + "\n")

    def subnets(self, family):
        """100,000 client subnets: a random /24 (IPv6: /48) inside networks of the database,
        but none of 6to4 and Teredo, which some servers locate by the IPv4 address inside."""
        bits, length, number = (32, 24, 1) if family == 4 else (128, 48, 2)
        nets = [(ipaddress.ip_network(n), place) for n, place in self.nets
                if (":" in n) == (family == 6)]
        lines, turn = [], itertools.count()
        while len(lines) < 100_000:
            net, place = nets[next(turn) % len(nets)]
            if net.version == 6 and net.network_address.packed[:2] in (b"\x20\x01", b"\x20\x02"):
                continue
            source = max(length, net.prefixlen)
            ip = int(net.network_address) + \
                (self.random.getrandbits(source - net.prefixlen) << (bits - source)
                 if source > net.prefixlen else 0)
            ecs = (number, source, ip.to_bytes(bits // 8, "big"))
            lines.append(f"{query('dl.example.org', ecs=ecs)} 0 =c612{self.sites_of[place]:02x}")
        self.random.shuffle(lines)
        return lines

    def missing(self):
        return [f"{query(f'{self.random.getrandbits(40):010x}.example.org')} 3 -"
                for _ in range(50_000)]

    def big(self):
        order = list(range(BIG_NAMES))
        self.random.shuffle(order)
        return [
            f"{query(f'n{i}.big.example')} 0 ={bytes(map(int, big_address(i).split('.'))).hex()}"
            for i in order]

    def mixed(self):
        asked = [("dl", "A", "=c612"), ("dl", "AAAA", "=20010db8"), ("", "NS", "*"),
                 ("", "SOA", "*"), ("", "MX", "*"),
                 ("mail", "A", "*"), ("mail", "AAAA", "*"), ("mail", "MX", "-"),
                 ("txt", "TXT", "*"),
                 ("alias", "A", "*"), ("_sip._udp", "SRV", "*"), ("", "CAA", "*")]
        lines = [f"{query(f'{name}.example.org' if name else 'example.org', t)} 0 {expect}"
                 for name, t, expect in asked]
        lines.append(f"{query('nothing.example.org')} 3 -")
        return [self.random.choice(lines) for _ in range(10_000)]
