"""Four servers that read the same text, and the octets that they make of it.

    octets = {name: read(folder, texts) for name, read in READERS.items()}
    octets["bind"][7]       what BIND makes of texts[7]: a set of (owner, type, ttl, rdata),
                            or None where it refuses it

A text is a whole zone file, and every server gets it as a zone of its own, so that no mistake
hides another.  knotd, nsd and dnsd load all of them at once and leave out what they refuse;
named-compilezone takes one at a time, or many in one file where they cannot meet.

Servers compress and Knot lowers names in the rdata of the old types, so names are made whole
and lowered in all of them.  Everything else is compared as it is.
"""
import os
import re
import shutil
import socket
import struct
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from conftest import Dnsd, free_port

BIND, KNOTD, NSD = (shutil.which(p, path="/usr/sbin:/usr/bin")
                    for p in ("named-compilezone", "knotd", "nsd"))
MISSING = not (BIND and KNOTD and NSD)
CLASS_IN, SOA, AXFR = 1, 6, 252
NOERROR, NXDOMAIN = 0, 3

# Where names stand in rdata: octets before the first, and how many (RFC 3597 4, RFC 4034 6.2).
NAMES = {2: (0, 1), 3: (0, 1), 4: (0, 1), 5: (0, 1), 6: (0, 2), 7: (0, 1), 8: (0, 1), 9: (0, 1),
         12: (0, 1), 14: (0, 2), 15: (2, 1), 17: (0, 2), 18: (2, 1), 21: (2, 1), 24: (18, 1),
         26: (2, 2), 30: (0, 1), 33: (6, 1), 36: (2, 1), 39: (0, 1), 46: (18, 1), 47: (0, 1)}


# ---- wire ----

def wire_name(text):
    """The octets of a name without escapes."""
    return b"".join(bytes([len(label)]) + label.encode()
                    for label in text.rstrip(".").split(".") if label) + b"\0"


def whole_name(packet, at):
    """The name at an offset, lowered and without compression, and what follows it."""
    name, end = b"", None
    while packet[at]:
        if packet[at] >= 0xc0:
            end = end or at + 2
            at = (packet[at] & 0x3f) << 8 | packet[at + 1]
        else:
            name += packet[at:at + 1] + packet[at + 1:at + 1 + packet[at]].lower()
            at += 1 + packet[at]
    return name + b"\0", end or at + 1


def whole_rdata(rdtype, packet, at, end):
    """Rdata with its names whole; as it is, where it is not what its type says."""
    as_is = packet[at:end]
    before, count = NAMES.get(rdtype, (0, 0))
    if rdtype == 35:                        # NAPTR: three strings before the name
        before, count = 4, 1
        for _ in range(3):
            before += 1 + (as_is[before] if before < len(as_is) else 0)
    try:
        made, at = packet[at:at + before], at + before
        for _ in range(count):
            name, at = whole_name(packet, at)
            made += name
        return made + packet[at:end] if at <= end else as_is
    except IndexError:
        return as_is


def records(packet):
    """The records of all sections: (owner, type, ttl, rdata) each."""
    _, _, questions, *counts = struct.unpack_from("!6H", packet)
    at = 12
    for _ in range(questions):
        at = whole_name(packet, at)[1] + 4
    for _ in range(sum(counts)):
        owner, at = whole_name(packet, at)
        rdtype, _, ttl, length = struct.unpack_from("!HHIH", packet, at)
        at += 10 + length
        yield owner, rdtype, ttl, whole_rdata(rdtype, packet, at - length, at)


class Connection:
    """Questions over TCP, one after the other."""

    def __init__(self, port):
        self.port, self.socket = port, None

    def octets(self, count):
        got = b""
        while len(got) < count:
            more = self.socket.recv(count - len(got))
            if not more:
                raise ConnectionError("closed")
            got += more
        return got

    def packet(self):
        return self.octets(struct.unpack("!H", self.octets(2))[0])

    def send(self, name, rdtype):
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        question = struct.pack("!6H", 1, 0, 1, 0, 0, 0) + name + struct.pack("!HH", rdtype,
                                                                            CLASS_IN)
        self.socket.sendall(struct.pack("!H", len(question)) + question)

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None

    def ask(self, name, rdtype):
        """The records of an answer; None = the server says that it has none to give."""
        for attempt in (1, 2):
            try:
                self.send(name, rdtype)
                packet = self.packet()
                break
            except ConnectionError:
                self.close()
                if attempt == 2:
                    raise
        return list(records(packet)) if packet[3] & 15 in (NOERROR, NXDOMAIN) else None

    def transfer(self, name):
        """All records of a zone; None = refused."""
        for attempt in (1, 2, 3):
            try:
                rows = self.ask(name, AXFR)
                if rows is None:
                    return None
                while sum(r[1] == SOA for r in rows) < 2:
                    rows += records(self.packet())
                return set(rows)
            except ConnectionError:             # a machine that is busy lets a peer lose patience
                self.close()
                if attempt == 3:
                    raise


# ---- the peers that serve ----

class Peer:
    """A server in the foreground, in its folder."""

    def __init__(self, folder, argv, port):
        self.port = port
        with open(os.path.join(folder, "log"), "wb") as log:
            self.process = subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)

    def wait(self, name, seconds=60):
        """Waits until it serves a zone that is right."""
        end = time.monotonic() + seconds
        while True:
            try:
                connection = Connection(self.port)
                if connection.ask(name, SOA):
                    return connection
            except OSError:
                pass
            connection.close()
            assert self.process.poll() is None, f"{self.process.args} ended"
            assert time.monotonic() < end, f"{self.process.args} serves nothing"
            time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_knot(folder, files):
    port = free_port()
    zones = "".join(f"  - domain: {o}\n    file: {f}\n" for o, f in files.items())
    with open(os.path.join(folder, "knot.conf"), "w") as f:
        f.write(f"""server:
    rundir: {folder}
    listen: 127.0.0.1@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 2
    tcp-io-timeout: 0
    tcp-idle-timeout: 60
database:
    storage: {folder}
acl:
  - id: all
    address: 127.0.0.1
    action: transfer
template:
  - id: default
    semantic-checks: off
    zonefile-sync: -1
    journal-content: none
    acl: all
log:
  - target: stderr
    any: error
zone:
{zones}""")
    return Peer(folder, [KNOTD, "-c", os.path.join(folder, "knot.conf")], port)


def start_nsd(folder, files):
    port = free_port()
    zones = "".join(f'zone:\n    name: "{o}"\n    zonefile: "{f}"\n'
                    "    provide-xfr: 127.0.0.1 NOKEY\n" for o, f in files.items())
    with open(os.path.join(folder, "nsd.conf"), "w") as f:
        f.write(f"""server:
    ip-address: 127.0.0.1@{port}
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "{folder}"
    database: ""
    pidfile: "{folder}/pid"
    xfrdfile: "{folder}/xfrd"
    xfrdir: "{folder}"
    zonelistfile: "{folder}/list"
    cookie-secret-file: "{folder}/cookies"
    tcp-query-count: 0
    rrl-ratelimit: 0
remote-control:
    control-enable: no
{zones}""")
    return Peer(folder, [NSD, "-d", "-c", os.path.join(folder, "nsd.conf")], port)


# Loads in every server: what tells that one is ready.
GUARD = "guard.test"
GUARD_TEXT = "@ 300 IN SOA ns host 1 2 3 4 5\n@ 300 IN NS ns\nns 300 IN A 192.0.2.1\n"


def written(folder, texts):
    """Writes {origin: text}; {origin: file}, with the guard at the end."""
    files = {}
    for origin, text in {**texts, GUARD: GUARD_TEXT}.items():
        files[origin] = os.path.join(folder, origin + ".zone")
        with open(files[origin], "wb") as f:
            f.write(text.encode("latin-1"))
    return files


def from_transfers(start, folder, texts):
    peer = start(folder, written(folder, texts))
    try:
        connection = peer.wait(wire_name(GUARD))
        made = {origin: connection.transfer(wire_name(origin)) for origin in texts}
        connection.close()
        return made
    finally:
        peer.stop()


def from_knot(folder, texts):
    return from_transfers(start_knot, folder, texts)


def from_nsd(folder, texts):
    return from_transfers(start_nsd, folder, texts)


# ---- BIND ----

LENIENT = ["-F", "raw", "-i", "none"] + [
    word for option in "kmMnrSTW" for word in ("-" + option, "ignore")]


def raw_records(path):
    """What named-compilezone -F raw left (BIND 9.18: dns/masterdump.c, version 1)."""
    with open(path, "rb") as f:
        raw = f.read()
    at, made = 24, set()
    while at < len(raw):
        _, _, rdtype, _, ttl, count, length = struct.unpack_from("!IHHHIIH", raw, at)
        owner, at = whole_name(raw, at + 20)[0], at + 20 + length
        for _ in range(count):
            size = struct.unpack_from("!H", raw, at)[0]
            at += 2 + size
            made.add((owner, rdtype, ttl, whole_rdata(rdtype, raw, at - size, at)))
    return made


def compile_zone(folder, origin, path):
    """Runs named-compilezone: (records or None, what it said)."""
    out = path + ".raw"
    p = subprocess.run([BIND, *LENIENT, "-o", out, origin, path], capture_output=True,
                       cwd=folder, errors="replace", text=True, timeout=60)
    return raw_records(out) if p.returncode == 0 else None, p.stdout + p.stderr


# Behind the head only records that nothing before them can change, and that change nothing
# behind them: such texts can stand in one file.
HEAD = "@ 300 IN SOA ns host 1 2 3 4 5\n@ 300 IN NS ns\nns 300 IN A 192.0.2.1\n"
ALONE = re.compile(r'(t 300 IN ([^()"\\;\n]|"[^()"\\;\n]*"|\\#)*\n)+')


def compile_many(folder, number, texts):
    """The records of texts, each below its own origin in one zone; those that BIND complains of
    are taken out and the rest is tried again."""
    path = os.path.join(folder, f"many{number}")
    left = dict(texts)
    while left:
        lines, starts = (HEAD + "\n").encode(), []
        for origin, text in left.items():
            starts.append((lines.count(b"\n") + 1, origin))
            lines += f"$ORIGIN {origin}.\n{text[len(HEAD):]}\n\n".encode("latin-1")
        with open(path, "wb") as f:
            f.write(lines)
        rows, said = compile_zone(folder, "test", path)
        if rows is not None:
            below = {}
            for row in rows:
                below.setdefault(row[0].split(b"\x04test\0")[0], set()).add(row)
            return {o: below.get(b"\x01t" + wire_name(o.split(".")[0])[:-1], set()) for o in left}
        blamed = {int(n) for n, what in re.findall(rf"{re.escape(path)}:(\d+): (.*)", said)
                  if "expired" not in what and "old style DNSSEC" not in what}
        bad = {max(s for s in starts if s[0] <= n)[1] for n in blamed if n >= starts[0][0]}
        if not bad:
            break
        left = {o: t for o, t in left.items() if o not in bad}
    return {}


def from_bind(folder, texts):
    files = written(folder, texts)
    many = [(o, t) for o, t in texts.items()
            if t.startswith(HEAD) and ALONE.fullmatch(t[len(HEAD):])]
    made = dict.fromkeys((o for o, _ in many))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = [many[i:i + 200] for i in range(0, len(many), 200)]
        for part in pool.map(lambda i: compile_many(folder, i, parts[i]), range(len(parts))):
            made.update(part)
        rest = [o for o in texts if o not in made]
        made.update(zip(rest, pool.map(lambda o: compile_zone(folder, o, files[o])[0], rest)))
    return made


# ---- ours ----

def from_dnsd(folder, texts, asked):
    """What dnsd answers to asked[origin], pairs of owner on the wire and type, and what it said
    of each origin that it refuses."""
    zones = {o: text.encode("latin-1") for o, text in {**texts, GUARD: GUARD_TEXT}.items()}
    d = Dnsd(folder, zones=zones, threads=1)
    d.start()
    try:
        connection = Connection(d.port)
        made = {}
        for origin in texts:
            rows = set()
            for owner, rdtype in asked[origin]:
                found = connection.ask(owner, rdtype)
                if found is None:
                    rows = None
                    break
                rows |= {r for r in found if r[:2] == (owner, rdtype)}
            made[origin] = rows
        connection.close()
    finally:
        d.stop()
    said = dict(re.findall(r"error: \S*?([^/\s]+)\.zone:\d+: (.*)$", d.log(), re.M))
    return made, said
