"""$GENERATE makes the records that BIND makes of it, octet by octet, and is refused where BIND
refuses it.

Each line is a zone of its own, for named-compilezone and for dnsd.  What dnsd does otherwise is
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

# dnsd does otherwise: "refuse", or "accept".
OUTSIDE = "records outside the zone are refused wherever they stand; BIND leaves them out"
OURS = {
    "1-2 $.example.com. A 192.0.2.1": ("refuse", OUTSIDE),
    "10-12 a${0,8,n} A 192.0.2.1": ("refuse", OUTSIDE),     # it ends with a dot
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


@pytest.mark.skipif(world.MISSING, reason="named-compilezone is not here")
def test_generate_is_as_binds(tmp_path):
    lines = {f"g{i}.test": line for i, line in enumerate(LINES + random_lines(150))}
    texts = {o: HEAD + "$GENERATE " + line + "\n" for o, line in lines.items()}
    for i, text in enumerate(AROUND):
        lines[f"x{i}.test"] = text
        texts[f"x{i}.test"] = HEAD + text
    for name in ("bind", "dnsd"):
        (tmp_path / name).mkdir()
    bind = world.from_bind(str(tmp_path / "bind"), texts)
    bind = {o: rows and (rows, len({r[0] for r in rows})) for o, rows in bind.items()}
    asked = {o: sorted({r[:2] for r in found[0]} if found else {(world.wire_name(o), world.SOA)})
             for o, found in bind.items()}
    ours = from_dnsd(str(tmp_path / "dnsd"), texts, asked)
    wrong, needless = [], set(OURS)
    for origin, line in lines.items():
        if bind[origin] == ours[origin]:
            continue
        if line in OURS and (ours[origin] is None) == (OURS[line][0] == "refuse"):
            needless.discard(line)
            continue
        wrong.append(line)
        print(line, "\n  BIND", bind[origin], "\n  dnsd", ours[origin])
    assert not wrong
    assert not needless
