"""What the tests of steering share: a configuration with sites and pools, health files,
and questions with Client Subnet by the thousand.

The questions are packed and read by hand: ten thousand of them take a second.
"""
import ipaddress
import math
import os
import socket
import struct
import time

A, AAAA, TXT, HTTPS = 1, 28, 16, 65
EARTH_KM = 6371.0088


def km(a, b):
    """Great-circle distance of two (latitude, longitude), by haversine."""
    la, lb = math.radians(a[0]), math.radians(b[0])
    h = math.sin((lb - la) / 2) ** 2 + \
        math.cos(la) * math.cos(lb) * math.sin(math.radians(b[1] - a[1]) / 2) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(h)))


def sites_conf(sites):
    return "\n".join(f'site "{n}" {{ location = {{ {la}, {lo} }} }}' for n,
                     (la, lo) in sites.items())


def pool_conf(name, servers, **options):
    """servers: {name: (site, [addresses], weight)}."""
    lines = [f'pool "{name}" {{']
    lines += [f'  {k.replace("_", "-")} = {v}' for k, v in options.items()]
    for server, (site, addresses, weight) in servers.items():
        text = ", ".join(f'"{a}"' for a in addresses)
        lines.append(
            f'  server "{server}" {{ site = "{site}"  address = {{ {text} }}  weight = {weight} }}')
    return "\n".join(lines + ["}"])


# A check that is never run here: only healthd probes.  It makes a pool a probed one.
CHECK = 'check "image" { kind = "tcp" }'


def health_text(servers, generation=1, stamp=None, lease=60000, cut=False):
    """servers: {name: "up"} or {name: dict(state=, v4=, v6=, weight=, ttl=, set=, reason=,
    since=)}."""
    lines = [
        f"nearcast-health 1 generation={generation} stamp={stamp or time.time():.3f} lease={lease}"]
    for name, s in servers.items():
        s = {"state": s} if isinstance(s, str) else dict(s)
        state = s.get("state", "up")
        lines.append(f'server {name} {state} v4={s.get("v4", state)} v6={s.get("v6", state)} '
                     f'since={s.get("since", 1763680000.0):.3f} weight={s.get("weight", 100)} '
                     f'ttl={s.get("ttl", 0)} '
                     f'set={s.get("set", "-")} reason="{s.get("reason", "test")}"')
    return "\n".join(lines + ([] if cut else [f"end {len(lines) - 1}"])) + "\n"


def write_health(daemon, servers, text=None, **options):
    """Replaces the health file as healthd does, by rename."""
    path = os.path.join(daemon.folder, "run", "health")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w") as f:
        f.write(health_text(servers, **options) if text is None else text)
    os.rename(path + ".new", path)


def pack_name(name):
    return b"".join(bytes([len(l)]) + l.encode() for l in name.split(".") if l) + b"\0"


def question(name, rdtype, net=None, ident=0):
    """A packet; net "192.0.2.0/24" adds Client Subnet, "" the opt-out, None no option."""
    packet = struct.pack(">6H", ident, 0, 1, 0, 0, 1) + pack_name(name) + struct.pack(">2H", rdtype,
                                                                                      1)
    option = b""
    if net is not None:
        n = ipaddress.ip_network(net or "0.0.0.0/0")
        data = struct.pack(">HBB", 1 if n.version == 4 else 2, n.prefixlen, 0)
        data += n.network_address.packed[:(n.prefixlen + 7) // 8]
        option = struct.pack(">2H", 8, len(data)) + data
    return packet + b"\0" + struct.pack(">2HIH", 41, 1232, 0, len(option)) + option


def skip_name(p, at):
    while p[at]:
        if p[at] >= 0xC0:
            return at + 2
        at += p[at] + 1
    return at + 1


class Reply:
    """What matters of an answer: rcode, addresses (as text, in order), ttl, scope, ede."""

    def __init__(self, p):
        self.ident, self.flags, _, an, ns, ar = struct.unpack_from(">6H", p)
        self.rcode = self.flags & 15
        self.ips, self.ttl, self.scope, self.ede, self.ede_text = [], None, None, None, ""
        at = skip_name(p, 12) + 4
        for i in range(an + ns + ar):
            at = skip_name(p, at)
            rdtype, _, ttl, n = struct.unpack_from(">2HIH", p, at)
            at += 10
            if i < an and rdtype in (A, AAAA):
                self.ips.append(str(ipaddress.ip_address(p[at:at + n])))
                self.ttl = ttl
            elif rdtype == 41:
                self.read_options(p[at:at + n])
            at += n

    def read_options(self, data):
        while len(data) >= 4:
            code, n = struct.unpack_from(">2H", data)
            if code == 8:
                self.scope = data[7]
            elif code == 15:
                self.ede, = struct.unpack_from(">H", data, 4)
                self.ede_text = data[6:4 + n].decode()
            data = data[4 + n:]


def ask_many(port, questions, window=64, where="127.0.0.1"):
    """Replies to [(name, rdtype, net)], asked over UDP `window` at a time; each is asked
    again after a second without an answer, three times at most."""
    replies, waiting, todo = [None] * len(questions), {}, 0
    with socket.socket(socket.AF_INET6 if ":" in where else socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect((where, port))
        s.settimeout(1)
        misses = 0
        while todo < len(questions) or waiting:
            while todo < len(questions) and len(waiting) < window:
                name, rdtype, net = questions[todo]
                packet = question(name, rdtype, net, todo & 0xffff)
                waiting[todo & 0xffff] = (todo, packet)
                s.send(packet)
                todo += 1
            try:
                reply = Reply(s.recv(4096))
            except socket.timeout:
                misses += 1
                assert misses <= 3, f"{len(waiting)} questions without an answer"
                for _, packet in waiting.values():
                    s.send(packet)
                continue
            if reply.ident in waiting:
                replies[waiting.pop(reply.ident)[0]] = reply
    return replies


def ask(port, name, rdtype=A, net=None, where="127.0.0.1"):
    return ask_many(port, [(name, rdtype, net)], where=where)[0]


def until(check, seconds=10):
    """Waits until check() is true; how long that took."""
    start = time.monotonic()
    while not check():
        assert time.monotonic() - start < seconds, "it did not happen"
        time.sleep(0.001)
    return time.monotonic() - start
