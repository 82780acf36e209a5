"""$GENERATE, and TTLs that are not stated, are what BIND makes of them, octet by octet, and refused
where BIND refuses them.

Each text is a zone of its own, for named-compilezone and for dnsd.  What dnsd does otherwise is
listed in OURS, with the reason.
"""
import random
import socket

import pytest

import oracle_world as world
from conftest import Dnsd

HEAD = "$TTL 300\n@ 300 IN SOA ns host 1 2 3 4 5\n@ 300 IN NS ns\nns 300 IN A 192.0.2.1\n"
SEED = 20261127

LINES = r"""
1-3 a$ A 192.0.2.$
1-9/4 a$ A 192.0.2.$
1-3/2147483647 a$ A 192.0.2.$
0-0 a$ A 192.0.2.1
01-02 a$ A 192.0.2.1
1-3/0 a$ A 192.0.2.$
3-1 a$ A 192.0.2.$
1-3/ a$ A 192.0.2.$
0x1-3 a$ A 192.0.2.$
-1-3 a$ A 192.0.2.1
1- a$ A 192.0.2.$
1 a$ A 192.0.2.$
1-3/4294967295 a$ A 192.0.2.1
2147483646-2147483647 a$ A 192.0.2.1
2147483646-2147483647 a${1} A 192.0.2.1
4294967294-4294967295 a$ A 192.0.2.1
1-1 a${5}-$ A 192.0.2.$
1-2 $-${5}-$ A 192.0.2.1
1-1 a${-1} A 192.0.2.1
1-1 a${-5} A 192.0.2.1
1-1 a${-5,4,d} A 192.0.2.1
1-1 a${-5,4,x} A 192.0.2.1
1-1 a${-5,4,o} A 192.0.2.1
1-1 a${-5,4,n} A 192.0.2.1
1-2 a${-2147483648} A 192.0.2.1
2147483647-2147483647 a${-2147483648,3,x} A 192.0.2.1
10-12 a${0,3,d} A 192.0.2.1
10-12 a${0,3,x} A 192.0.2.1
10-12 a${0,3,X} A 192.0.2.1
10-12 a${0,3,o} A 192.0.2.1
10-12 a${0,3,n} A 192.0.2.1
10-12 a${0,3,N} A 192.0.2.1
10-12 a${0,0,n} A 192.0.2.1
10-12 a${0,1,n} A 192.0.2.1
10-12 a${0,8,n} A 192.0.2.1
10-12 a${0,8,n}.b A 192.0.2.1
10-12 a${0,9,n}b A 192.0.2.1
300-301 a${0,2,n} A 192.0.2.1
300-301 a${0,3,n} A 192.0.2.1
1-2 ${0,31,n}.ip6 PTR h$
10-12 a${0,3} A 192.0.2.1
10-12 a${0} A 192.0.2.1
10-12 a${+3} A 192.0.2.1
10-12 a${0,+3} A 192.0.2.1
10-12 a${} A 192.0.2.1
10-12 a${,3} A 192.0.2.1
10-12 a${0,3,q} A 192.0.2.1
10-12 a${0,,d} A 192.0.2.1
10-12 a${0,3,d A 192.0.2.1
10-12 a${0,3,dd} A 192.0.2.1
10-12 a${0,3,} A 192.0.2.1
10-12 a${0 A 192.0.2.1
10-12 a${ 0 } A 192.0.2.1
10-12 a${0,-3} A 192.0.2.1
10-12 a${--1} A 192.0.2.1
1-2 a${0,60,d} A 192.0.2.1
1-2 a${0,70,d} A 192.0.2.1
1-2 a${0,127,n} A 192.0.2.1
1-2 a${0,128,n} A 192.0.2.1
1-2 a${0,127,d} TXT $
1-2 a TXT ${0,127,d}
1-2 a TXT ${0,128,d}
1-2 a${0,2,d}{x} A 192.0.2.$
1-2 a${0,2,d}}x A 192.0.2.$
1-2 a\$-$ A 192.0.2.1
1-2 a$$-$ A 192.0.2.1
1-2 a$$$ A 192.0.2.1
1-2 $$ORIGIN-$ A 192.0.2.1
1-2 $ORIGIN A 192.0.2.1
1-2 a$ TXT $$$
1-2 a$ TXT "\$ $"
1-2 a\065$ A 192.0.2.1
1-2 a\06$ A 192.0.2.1
1-2 @ A 192.0.2.$
1-2 *.$ A 192.0.2.$
1-2 x A 192.0.2.1
1-2 x A 192.0.2.$
1-2 $.deep.below A 192.0.2.$
1-2 $ TXT "foo $"
1-2 $ TXT foo$
1-2 $ TXT "foo\ $"
1-2 $ TXT foo\ $
1-2 $ TXT "\"foo $\""
1-2 $ TXT "\"a\" \"b$\" c"
1-2 $ TXT "a;$"
1-2 $ TXT a;$
1-2 $ TXT "a\;$"
1-2 $ TXT "a\\$"
1-2 $ TXT \"a
1-2 $ TXT "\097$"
1-2 $ TXT ""
1-2 $ TXT "\"\""
1-2 $ TXT foo$ bar$
1-2 $ MX 10 mail$
1-2 $ MX "10 mail$"
1-2 $ MX "$ mail"
1-2 $ SRV "0 0 ${8000} host$"
1-2 $ CNAME @
1-2 $ CNAME b.$
1-2 $ CNAME b.$.
1-2 $ CNAME "b$ c"
1-2 $ DNAME d$
1-2 $ NS ns$
1-2 $ PTR host-${0,3}
1-2 $ NAPTR "1 $ \"u\" \"E2U+sip\" \"!^.*$$!sip:x@example.org!\" ."
1-2 $ HTTPS "1 . port=$"
1-2 $ AAAA 2001:db8::${0,4,x}
10-17 $ AAAA 2001:db8::$
1-2 $ CAA "0 issue \"ca$.example\""
1-2 $ TYPE65280 "\# 1 0$"
1-2 $ TYPE65280 \# 1 0$
1-2 $ DS "1 8 2 $${0,2,d}"
1-2 $ SOA "a. b. $ 1 1 1 1"
1-2 $ OPT "\# 0"
1-2 $ ANY "\# 0"
1-2 $ FOO x
1-2 $ 60 IN A 192.0.2.$
1-2 $ IN 60 A 192.0.2.$
1-2 $ IN A 192.0.2.$
1-2 $ 1h A 192.0.2.$
1-2 $ 1h30m IN A 192.0.2.$
1-2 $ CLASS1 A 192.0.2.$
1-2 $ CH A 192.0.2.$
1-2 $ 4294967296 A 192.0.2.$
1-2 $ IN A 192.0.2.$ ; a comment
1-2 $ IN A 192.0.2.$ extra
1-2 $ IN A "192.0.2.$ ; a comment"
1-2 $ IN A
1-2 $ IN
1-2 $
1-2

1-2 $.example.com. A 192.0.2.1
250-257 $ A 192.0.2.$
1-2 "a$" A 192.0.2.1
"1-2" a$ A 192.0.2.1
1-2 $ TXT x"y$
0-255 $.2.0.192 PTR h$.example.net.
0-65535/257 h${0,4,x} A 192.0.2.1
""".split("\n")[1:-1]

# What comes behind, and what came before.
AROUND = [
    "x 60 A 192.0.2.9\n$GENERATE 1-2 a$ A 192.0.2.$\n\tA 192.0.2.200\n",
    "$ORIGIN sub\n$GENERATE 1-2 a$ CNAME b$\nc A 192.0.2.1\n",
    "$generate 1-2 a$ A 192.0.2.$\n",
    "$GENERATE\t1-2\ta$\tA\t192.0.2.$\n",
    "$GENERATE 1-2 a$ A 192.0.2.$\n$GENERATE 2-3 a$ A 192.0.2.$\n",
    "$TTL 77\n$GENERATE 1-2 a$ A 192.0.2.$\n",
]

SOA = "SOA ns host 1 2 3 4 5\n"
REST = "@ NS ns\nns A 192.0.2.1\n"
TTLS = [
    "@ " + SOA + REST,
    "@ 9 " + SOA + REST,
    "$TTL 7\n@ " + SOA + REST,
    "$TTL 7\n@ 9 " + SOA + REST,
    "@ " + SOA + "$TTL 7\n" + REST,
    "@ " + SOA + "@ NS ns\n$TTL 7\nns A 192.0.2.1\n",
    "@ " + SOA + "x 60 A 192.0.2.9\n" + REST,
    "@ 9 " + SOA + "x 60 A 192.0.2.9\n" + REST,
    "@ 9 " + SOA + "x 60 A 192.0.2.9\n$TTL 7\n" + REST,
    "x 60 A 192.0.2.9\n@ " + SOA + REST,
    "x 60 A 192.0.2.9\n@ NS ns\n@ " + SOA + "ns A 192.0.2.1\n",
    REST + "@ " + SOA,
    REST + "@ 9 " + SOA,
    "@ 0 " + SOA + REST,
    "$TTL 0\n@ " + SOA + REST,
    "@ SOA ns host 1 2 3 4 0\n" + REST,
    "@ SOA ns host 1 2 3 4 1h\n" + REST,
    "@ IN SOA ns host 1 2 3 4 2147483647\n" + REST,
    "@ " + SOA + "$GENERATE 1-2 a$ A 192.0.2.$\n" + REST,
    "@ " + SOA + "$GENERATE 1-2 a$ 60 A 192.0.2.$\n" + REST,
    "@ 9 " + SOA + "$GENERATE 1-2 a$ 60 A 192.0.2.$\n" + REST,
    "@ " + SOA + REST + "@ " + SOA,
    "$TTL 7\n@ " + SOA + REST + "@ " + SOA,
    "$TTL 7\n@ " + SOA + REST + "@ SOA ns host 2 2 3 4 5\n",
]


def random_ttls(count):
    """Records with and without TTLs, and $TTL between them."""
    made, dice = [], random.Random(SEED)
    for _ in range(count):
        text = ""
        for i in range(dice.randint(2, 8)):
            ttl = dice.choice(["", "", f"{dice.randrange(100)} "])
            text += ("@ " + ttl + SOA) if i == 0 else dice.choice(
                [f"$TTL {dice.randrange(100)}\n", f"h{i} {ttl}A 192.0.2.{i}\n",
                 f"h{i} {ttl}IN TXT x\n\t{dice.choice(['', '5 '])}A 192.0.2.{i}\n"])
        made.append(text + REST)
    return made


# dnsd does otherwise: "refuse", or "accept".
OUTSIDE = "records outside the zone are refused wherever they stand; BIND leaves them out"
BEFORE = "records before the SOA take its minimum, or 3600 seconds, with a warning"
OURS = {
    "1-2 $.example.com. A 192.0.2.1": ("refuse", OUTSIDE),
    "10-12 a${0,8,n} A 192.0.2.1": ("refuse", OUTSIDE),     # it ends with a dot
    REST + "@ " + SOA: ("accept", BEFORE),
    REST + "@ 9 " + SOA: ("accept", BEFORE),
}


def random_lines(count):
    """Formats and ranges of all kinds."""
    made, dice = [], random.Random(SEED)
    for _ in range(count):
        start = dice.choice([0, 1, 9, 15, 16, 255, 256, 4095, dice.randrange(1 << 31)])
        stop = min(start + dice.randrange(5), 0x7fffffff)
        step = dice.choice(["", "", "/1", "/2", "/3"])

        def field():
            offset = dice.choice([0, 1, -1, 5, -5, 100, dice.randrange(-1 << 31, 1 << 31)])
            width = dice.choice([0, 1, 2, 3, 4, 8, 15, 16, 31, 40])
            base = dice.choice("doxXnN")
            return dice.choice(["$", f"${{{offset}}}", f"${{{offset},{width}}}",
                                f"${{{offset},{width},{base}}}", "$$", "\\$"])
        owner = "h-" + "-".join(field() for _ in range(dice.randint(1, 3)))
        data = "".join(field() for _ in range(dice.randint(1, 3)))
        made.append(f"{start}-{stop}{step} {owner} TXT {data}x")
    return made


def names_served(d):
    """How many names each zone has."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(f"{d.folder}/run/dnsd.sock")
        s.sendall(b"zones\n")
        said = b"".join(iter(lambda: s.recv(65536), b"")).decode()
    return {words[0].rstrip("."): int(words[2]) for words in map(str.split, said.splitlines())
            if len(words) == 3}


def from_dnsd(folder, texts, asked):
    """What dnsd answers to asked[origin], and how many names it has; None = refused."""
    zones = {**texts, world.GUARD: world.GUARD_TEXT}
    d = Dnsd(folder, zones=zones, threads=1)
    d.start()
    try:
        names, made = names_served(d), {}
        connection = world.Connection(d.port)
        for origin in texts:
            rows = [connection.ask(owner, rdtype) for owner, rdtype in asked[origin]]
            made[origin] = None if None in rows else \
                ({r for part in rows for r in part if r[:2] in asked[origin]}, names[origin])
        connection.close()
        return made
    finally:
        d.stop()


def compare(folder, texts, lines):
    """Texts that dnsd reads otherwise than BIND, but for those of OURS; which of those it did."""
    for name in ("bind", "dnsd"):
        (folder / name).mkdir()
    bind = world.from_bind(str(folder / "bind"), texts)
    bind = {o: rows and (rows, len({r[0] for r in rows})) for o, rows in bind.items()}
    asked = {o: sorted({r[:2] for r in found[0]} if found else {(world.wire_name(o), world.SOA)})
             for o, found in bind.items()}
    ours = from_dnsd(str(folder / "dnsd"), texts, asked)
    wrong, needed = [], set()
    for origin, line in lines.items():
        if bind[origin] == ours[origin]:
            continue
        if line in OURS and (ours[origin] is None) == (OURS[line][0] == "refuse"):
            needed.add(line)
            continue
        wrong.append(line)
        print(line, "\n  BIND", bind[origin], "\n  dnsd", ours[origin])
    return wrong, needed


@pytest.mark.skipif(world.MISSING, reason="named-compilezone is not here")
def test_generate_is_as_binds(tmp_path):
    lines = {f"g{i}.test": line for i, line in enumerate(LINES + random_lines(150))}
    texts = {o: HEAD + "$GENERATE " + line + "\n" for o, line in lines.items()}
    for i, text in enumerate(AROUND):
        lines[f"x{i}.test"] = text
        texts[f"x{i}.test"] = HEAD + text
    wrong, needed = compare(tmp_path, texts, lines)
    assert not wrong
    assert needed == {line for line in OURS if line in LINES}


@pytest.mark.skipif(world.MISSING, reason="named-compilezone is not here")
def test_ttls_are_as_binds(tmp_path):
    texts = {f"t{i}.test": text for i, text in enumerate(TTLS + random_ttls(150))}
    wrong, needed = compare(tmp_path, texts, texts)
    assert not wrong
    assert needed == {text for text in OURS if text in TTLS}


def test_records_before_the_soa_take_its_minimum(dnsd_factory):
    """All those whose TTL had to be guessed; one that is stated stays."""
    d = dnsd_factory(zones={"one.test": "a A 192.0.2.1\nb TXT x\n@ " + SOA + REST,
                            "two.test": "a A 192.0.2.1\n@ NS ns\nb 60 TXT x\n@ 9 " + SOA})
    for name, rdtype, ttl in (("a.one.test", "A", 5), ("b.one.test", "TXT", 5),
                              ("ns.one.test", "A", 5), ("one.test", "SOA", 5),
                              ("a.two.test", "A", 3600), ("b.two.test", "TXT", 60)):
        assert d.udp(name, rdtype).answer[0].ttl == ttl, name
