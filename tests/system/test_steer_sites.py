"""One prefix, one answer, at every site; shares follow weights; a loss moves one share."""
import random

import pytest

from conftest import Dnsd
from steer_world import A, AAAA, CHECK, ask_many, pool_conf, sites_conf, until, write_health

SITES = {"fra": (50.11, 8.68), "nyc": (40.71, -74.01), "sin": (1.35, 103.82)}
WEIGHTED = {"w5": ("fra", ["198.51.100.5"], 5), "w3": ("fra", ["198.51.100.3"], 3),
            "w2": ("fra", ["198.51.100.2"], 2)}
STEEP = {"big": ("fra", ["203.0.113.2"], 1000), "small": ("fra", ["203.0.113.1"], 1)}
FIVE = {f"f{i}": ("fra", [f"192.0.2.{i}", f"2001:db8::{i}"], 10) for i in range(1, 6)}
WORLD = {f"{s}{i}": (s, [f"198.18.{k}.{i}"], 10 * i) for k, s in enumerate(SITES)
         for i in (1, 2, 3)}

ZONE = """$TTL 60
@ IN SOA ns h 1 7200 900 86400 60
@ IN NS ns
ns IN A 192.0.2.1
""" + "".join(f"""{n} IN A 192.0.2.1
_steer.{n} IN TXT "pool={n}" "answers={a}"
""" for n, a in (("weighted", 1), ("steep", 1), ("five", 1), ("world", 2)))

CONF = "\n".join([
    'geo { prefix "0.0.0.0/2" { sites = { "fra", "nyc" } }  prefix "64.0.0.0/2" { sites = { '
    '"nyc", "sin" } }',
    '  prefix "128.0.0.0/1" { sites = { "sin", "fra" } }  prefix "2000::/3" { sites = { "nyc" } '
    '}  spread4 = 24 }',
    CHECK, sites_conf(SITES), pool_conf("weighted", WEIGHTED), pool_conf("steep", STEEP),
    pool_conf("five", FIVE, check='"image"'), pool_conf("world", WORLD)])


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    daemons = []
    for name in SITES:
        daemons.append(Dnsd(tmp_path_factory.mktemp(name), zones={"example.org": ZONE},
                            head=f'here = "{name}"', conf=CONF))
    for d in daemons:
        d.start()
    yield daemons
    for d in daemons:
        d.stop()


def nets(n, seed=3):
    rng = random.Random(seed)
    return [f"{a >> 16 & 255}.{a >> 8 & 255}.{a & 255}.0/24"
            for a in rng.sample(range(1 << 16, 200 << 16), n)]


def test_three_sites_give_one_answer(three):
    asked = [("world.example.org", A, n) for n in nets(3000)]
    asked += [("five.example.org", AAAA, f"2001:db8:{i:x}::/48") for i in range(500)]
    first, *others = [[(r.ips, r.scope, r.ttl) for r in ask_many(d.port, asked)] for d in three]
    for other in others:
        assert other == first
    assert len({ips[0] for ips, _, _ in first}) > 9        # it was a choice


def test_without_subnet_each_site_answers_itself(three):
    for k, d in enumerate(three):
        reply, = ask_many(d.port, [("world.example.org", A, None)])
        assert all(ip.startswith(f"198.18.{k}.") for ip in reply.ips)


def test_shares_of_100000_prefixes(three):
    """Within 1 point of weight / sum, for 5:3:2 and for 1000:1."""
    prefixes = nets(100000)
    for name, weights in (("weighted", {"198.51.100.5": 5, "198.51.100.3": 3, "198.51.100.2": 2}),
                          ("steep", {"203.0.113.2": 1000, "203.0.113.1": 1})):
        count = dict.fromkeys(weights, 0)
        for reply in ask_many(three[0].port, [(f"{name}.example.org", A, n) for n in prefixes]):
            count[reply.ips[0]] += 1
        for ip, weight in weights.items():
            assert abs(100 * count[ip] / len(prefixes) - 100 * weight / sum(
                weights.values())) < 1, count
        assert min(count.values()) > 0


def test_one_of_five_lost_moves_its_share_only(three):
    d = three[0]
    asked = [("five.example.org", A, n) for n in nets(5000)]
    write_health(d, {n: "up" for n in FIVE})
    until(lambda: ask_many(d.port, asked[:1])[0].ede is None)
    before = [r.ips[0] for r in ask_many(d.port, asked)]
    write_health(d, {n: "down" if n == "f3" else "up" for n in FIVE})
    lost = asked[before.index("192.0.2.3")]
    until(lambda: ask_many(d.port, [lost])[0].ips != ["192.0.2.3"])
    after = [r.ips[0] for r in ask_many(d.port, asked)]
    moved = [(x, y) for x, y in zip(before, after) if x != y]
    assert all(x == "192.0.2.3" for x, _ in moved)
    assert "192.0.2.3" not in after
    assert abs(100 * len(moved) / len(asked) - 20) < 3
    # and they spread over the four that are left
    assert {y for _, y in moved} == {"192.0.2.1", "192.0.2.2", "192.0.2.4", "192.0.2.5"}


def test_check_refuses_a_steered_name_server_of_another_zone(dnsd_factory):
    """example.net's name server may not be a name that example.org steers, nor may a child's."""
    head = "$TTL 60\n@ IN SOA ns h 1 7200 900 86400 60\n@ IN NS ns\nns IN A 192.0.2.1\n"
    steered = head + 's IN A 192.0.2.1\n_steer.s IN TXT "pool=five"\n' \
        '*.w IN A 192.0.2.1\n_steer.*.w IN TXT "pool=five"\n'
    for record, name in (("@ IN NS S.example.org.", "s"), ("sub IN NS x.w.example.org.", "x.w")):
        d = dnsd_factory(start=False, head='here = "fra"', conf=CONF,
                         zones={"example.org": steered, "example.net": head + record + "\n"})
        code, said = d.check()
        line = 6 if name == "s" else 8
        refused = f"example.org.zone:{line}: _steer: {name}.example.org is a name server of"
        assert code == 1 and refused in said.replace("S.ex", "s.ex")
    d = dnsd_factory(start=False, head='here = "fra"', conf=CONF,
                     zones={"example.org": steered,
                            "example.net": head + "@ IN NS ns.example.org.\n"})
    assert d.check()[0] == 0, d.check()
