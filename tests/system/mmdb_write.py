"""A small writer of MaxMind DB files (format 2.0), in pure Python.

    from mmdb_write import write, city, asn
    write("geo.mmdb", {
        "10.0.0.0/8": city("DE", "EU", 50.11, 8.68),
        "10.1.0.0/16": city("US", "NA", 40.71, -74.01),
        "2001:db8::/32": city("JP", "AS", 35.68, 139.69),
    })

Networks may nest in any order: the longest prefix wins.  IPv4 networks lie under
::/96, as in MaxMind's own files, and ::ffff:0:0/96, 2001::/32 and 2002::/16 lead to
the same subtree unless aliases=False.  Good for some ten thousand networks; for
millions there is tests/bench/mmdb_city.c.

As a program: mmdb_write.py OUT < LINES, each "PREFIX COUNTRY CONTINENT LAT LON".
"""
import ipaddress
import struct
import sys
import time

MARKER = b"\xab\xcd\xefMaxMind.com"
ALIASES = ("::ffff:0:0/96", "2001::/32", "2002::/16")


def city(country=None, continent=None, latitude=None, longitude=None, subdivision=None, **more):
    """A record as in GeoLite2-City; what is None is left out."""
    record = {}
    if country is not None:
        record["country"] = {"iso_code": country}
    if continent is not None:
        record["continent"] = {"code": continent}
    if latitude is not None or longitude is not None:
        record["location"] = {"latitude": latitude, "longitude": longitude}
        record["location"] = {k: v for k, v in record["location"].items() if v is not None}
    if subdivision is not None:
        record["subdivisions"] = [{"iso_code": subdivision}]
    record.update(more)
    return record


def asn(number, organization="Example"):
    """A record as in GeoLite2-ASN."""
    return {"autonomous_system_number": number, "autonomous_system_organization": organization}


class Raw(bytes):
    """Octets put into the data section as they are: for broken files."""


class Uint16(int):
    """An integer written as uint16 (others: uint32, uint64, or int32 if negative)."""


class Uint64(int):
    """An integer written as uint64, however small."""


def _control(kind, size):
    head = bytes([kind << 5]) if kind < 8 else bytes([0, kind - 7])
    if size < 29:
        n, rest = size, b""
    elif size < 29 + 256:
        n, rest = 29, bytes([size - 29])
    elif size < 285 + 65536:
        n, rest = 30, struct.pack(">H", size - 285)
    else:
        n, rest = 31, struct.pack(">I", size - 65821)[1:]
    return bytes([head[0] | n]) + head[1:] + rest


def _number(kind, n):
    octets = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return _control(kind, len(octets)) + octets


def encode(value):
    """One value of the data section."""
    if isinstance(value, Raw):
        return bytes(value)
    if isinstance(value, bool):
        return _control(14, int(value))
    if isinstance(value, str):
        octets = value.encode()
        return _control(2, len(octets)) + octets
    if isinstance(value, bytes):
        return _control(4, len(value)) + value
    if isinstance(value, float):
        return _control(3, 8) + struct.pack(">d", value)
    if isinstance(value, Uint16):
        return _number(5, int(value))
    if isinstance(value, Uint64):
        return _number(9, int(value))
    if isinstance(value, int):
        if value < 0:
            return _control(8, 4) + struct.pack(">i", value)
        return _number(6 if value < 1 << 32 else 9, value)
    if isinstance(value, dict):
        return _control(7, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return _control(11, len(value)) + b"".join(encode(v) for v in value)
    raise TypeError(f"no MaxMind DB type for {value!r}")


class _Tree:
    """Nodes are lists of two: None (nothing), an int < 0 (-1 - data offset), or a node."""

    def __init__(self, bits):
        self.bits = bits
        self.root = [None, None]

    def insert(self, address, length, leaf):
        if length == 0:
            self.root = [leaf, leaf]
            return
        node = self.root
        for i in range(length - 1):
            bit = address >> (self.bits - 1 - i) & 1
            if not isinstance(node[bit], list):
                node[bit] = [node[bit], node[bit]]
            node = node[bit]
        node[address >> (self.bits - length) & 1] = leaf

    def find(self, address, length):
        node = self.root
        for i in range(length):
            if not isinstance(node, list):
                return node
            node = node[address >> (self.bits - 1 - i) & 1]
        return node

    def number(self):
        nodes, ids, stack = [], {}, [self.root]
        while stack:
            node = stack.pop()
            if id(node) in ids:
                continue
            ids[id(node)] = len(nodes)
            nodes.append(node)
            stack.extend(child for child in reversed(node) if isinstance(child, list))
        return nodes, ids


def _record_bytes(left, right, size):
    if size == 24:
        return left.to_bytes(3, "big") + right.to_bytes(3, "big")
    if size == 28:
        return ((left & 0xffffff).to_bytes(3, "big") + bytes([left >> 24 << 4 | right >> 24])
                + (right & 0xffffff).to_bytes(3, "big"))
    return struct.pack(">II", left, right)


def _networks(networks, ip_version):
    for text, record in (networks.items() if hasattr(networks, "items") else networks):
        net = ipaddress.ip_network(text)
        address, length = int(net.network_address), net.prefixlen
        if net.version == 4 and ip_version == 6:
            length += 96
        elif net.version == 6 and ip_version == 4:
            raise ValueError(f"{text}: an IPv6 network in an IPv4 database")
        yield length, address, record


def write(path, networks, ip_version=6, record_size=28, database_type="GeoLite2-City",
          aliases=True, metadata=None):
    """Writes `networks` (a dict, or pairs of prefix and record; record None = a hole) to `path`."""
    data, offsets = bytearray(), {}
    tree = _Tree(32 if ip_version == 4 else 128)
    for length, address, record in sorted(_networks(networks, ip_version), key=lambda n: n[0]):
        leaf = None
        if record is not None:
            octets = encode(record)
            if octets not in offsets:
                offsets[octets] = len(data)
                data += octets
            leaf = -1 - offsets[octets]
        tree.insert(address, length, leaf)
    if ip_version == 6 and aliases:
        v4 = tree.find(0, 96)
        for text in ALIASES:
            net = ipaddress.ip_network(text)
            if isinstance(v4, list):
                tree.insert(int(net.network_address), net.prefixlen, v4)
    nodes, ids = tree.number()

    def value(child):
        if child is None:
            return len(nodes)
        return ids[id(child)] if isinstance(child, list) else len(nodes) + 16 + (-1 - child)

    out = bytearray()
    for left, right in nodes:
        out += _record_bytes(value(left), value(right), record_size)
    meta = {
        "node_count": len(nodes), "record_size": Uint16(record_size),
        "ip_version": Uint16(ip_version),
        "database_type": database_type, "languages": ["en"],
        "binary_format_major_version": Uint16(2), "binary_format_minor_version": Uint16(0),
        "build_epoch": Uint64(time.time()), "description": {"en": "test data"},
    }
    meta.update(metadata or {})
    with open(path, "wb") as f:
        f.write(bytes(out) + bytes(16) + bytes(data) + MARKER + encode(meta))


def main():
    networks = {}
    for line in sys.stdin:
        net, country, continent, latitude, longitude = line.split()
        networks[net] = city(country, continent, float(latitude), float(longitude))
    write(sys.argv[1], networks)


if __name__ == "__main__":
    main()
