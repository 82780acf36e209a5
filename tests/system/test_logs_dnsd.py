"""dnsd in the log spool: its decisions, sampled or all, and what happens to it."""
import glob
import json
import os
import re
import subprocess
import time

import dns.edns
import pytest
from conftest import BUILD
from logs_world import wait
from mmdb_write import city, write

HEAD = '''here = "fra"
site "fra" { location = { 50.11, 8.68 } }
site "nyc" { location = { 40.71, -74.01 } }
pool "mirrors" {
  server "fra1" { site = "fra" address = { "198.51.100.10", "2001:db8:a::10" } }
  server "nyc1" { site = "nyc" address = { "203.0.113.10" } }
}
geo { city = "GEO" }
'''
ZONE = """$TTL 300
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
ns IN A 192.0.2.1
www IN A 192.0.2.2
big IN TXT "%s"
download 60 IN A 192.0.2.99
_steer.download IN TXT "pool=mirrors"
""" % '" "'.join("x" * 200 for _ in range(4))
ECS = [dns.edns.ECSOption("198.18.5.77", 32)]


@pytest.fixture
def served(tmp_path, dnsd_factory):
    """log{} options -> dnsd, and a function for the lines so far."""
    write(str(tmp_path / "geo.mmdb"), {"198.18.0.0/16": city("US", "NA", 40, -74),
                                       "127.0.0.0/8": city("DE", "EU", 50, 8)})
    os.mkdir(tmp_path / "spool")

    def start(options, conf="", **how):
        log = f'log {{ spool = "{tmp_path}/spool"; host = "fra1"; {options} }}\n'
        head = HEAD.replace("GEO", f"{tmp_path}/geo.mmdb")
        d = dnsd_factory(zones={"example.org": ZONE}, head=head,
                         conf=log + conf, **how)
        return d, lambda *ev, **how: lines(tmp_path / "spool", *ev, **how)
    return start


def lines(spool, *ev, holes=False):
    """Events of these kinds in the order of their numbers, which have no holes."""
    found = []
    for path in sorted(glob.glob(f"{spool}/dnsd-*.log")):
        with open(path) as f:
            found += [json.loads(line) for line in f if line.endswith("\n")]
    assert holes or [e["seq"] for e in found] == list(range(len(found)))
    assert len({(e["host"], e["boot"]) for e in found}) <= 1
    return [e for e in found if not ev or e["ev"] in ev]


def test_every_decision(served):
    d, said = served("decisions = all")
    d.udp("download.example.org", "A", use_edns=0, options=ECS)
    d.tcp("download.example.org", "AAAA")
    d.udp("WWW.example.org", "A")
    d.udp("absent.example.org", "MX")
    d.udp("not.served", "A", use_edns=0)
    d.udp(r"a\"b\000\255\\.example.org", "TYPE65280")
    d.tcp("big.example.org", "TXT", use_edns=0)
    d.raw(b"\0\1\0\0\0\2" + b"\0" * 6)
    wait(lambda: len(said("answer")) == 8, 5)
    a = said("answer")
    now = time.time()
    for e in a:
        assert now - 30 < e.pop("t") <= now and e.pop("gen") == 1 and e.pop("host") == "fra1"
        del e["seq"], e["boot"], e["ev"]
        assert e.pop("ip") == "127.0.0.1"
    by_name = {(e.get("q"), e.get("type")): e for e in a}
    assert by_name["download.example.org", "A"] == {
        "q": "download.example.org", "type": "A", "pool": "mirrors", "site": "nyc", "by": "ecs",
        "why": "healthy", "servers": ["nyc1"], "ecs": "198.18.5.77/32", "scope": 16,
        "rcode": "NOERROR"}
    assert by_name["download.example.org", "AAAA"] == {
        "q": "download.example.org", "type": "AAAA", "tcp": True, "pool": "mirrors",
        "site": "fra", "by": "resolver", "why": "healthy", "servers": ["fra1"],
        "rcode": "NOERROR"}
    assert by_name["WWW.example.org", "A"] == {"q": "WWW.example.org", "type": "A",
                                               "rcode": "NOERROR"}
    assert by_name["absent.example.org", "MX"]["rcode"] == "NXDOMAIN"
    assert by_name["not.served", "A"] == {"q": "not.served", "type": "A", "rcode": "REFUSED",
                                          "ede": 20}
    assert by_name[r"a\"b\000\255\\.example.org", "TYPE65280"]["rcode"] == "NXDOMAIN"
    assert by_name["big.example.org", "TXT"] == {"q": "big.example.org", "type": "TXT",
                                                 "tcp": True, "rcode": "NOERROR"}
    assert by_name[None, None] == {"rcode": "FORMERR"}


def test_one_in_ten_and_prefixes(served):
    d, said = served("decisions = 10; addresses = prefix", threads=1)
    for _ in range(100):
        d.udp("download.example.org", "A", use_edns=0, options=ECS)
    wait(lambda: len(said("answer")) == 10, 5)
    assert {(e["ip"], e["ecs"]) for e in said("answer")} == {("127.0.0.0/24", "198.18.5.0/24")}


def test_limits_are_said(served):
    d, said = served("decisions = all", "rrl { responses-per-second = 1; slip = 2 }\n",
                     listen=None)
    for _ in range(60):
        d.raw(d.query("www.example.org").to_wire(), timeout=0.01, source="127.0.0.2")
    wait(lambda: len(said("answer")) == 60, 5)
    limits = [e.get("limit") for e in said("answer")]
    assert "dropped" in limits and "cut" in limits and None in limits
    assert all(e.get("tc") for e in said("answer") if e.get("limit") == "cut")


def test_what_happens_to_dnsd(served, tmp_path):
    d, said = served("")
    d.udp("www.example.org")
    d.write(d.extra.replace("log {", "log { decisions = all;"))
    d.reload(r"generation 2 in service")
    d.udp("www.example.org")
    d.write(d.extra + "nonsense\n")
    d.reload(r"reload failed")
    d.stop()
    events = said()
    kinds = [e["ev"] for e in events]
    assert kinds[0] == "start" and kinds[-1] == "end" and kinds.count("answer") == 1
    assert events[0]["site"] == "fra" and events[0]["version"]
    health = next(e for e in events if e["ev"] == "health")
    assert health["believed"] is False and health["why"]
    first, second = (e for e in events if e["ev"] == "generation")
    assert (first["gen"], first["why"], first["zones"]) == (1, "start", 1)
    assert (second["gen"], second["why"]) == (2, "reload")
    failed = next(e for e in events if e["ev"] == "reload-failed")
    assert "nonsense" in failed["why"] and failed["gen"] == 2


def test_a_spool_that_is_not_there_harms_nobody(tmp_path, dnsd_factory):
    log = f'log {{ spool = "{tmp_path}/later"; decisions = all }}\n'
    d = dnsd_factory(zones={"example.org": ZONE.replace("_steer", "_other")}, conf=log)
    d.udp("www.example.org")
    d.wait_log(r"log spool .*/later: No such file or directory; events wait in memory")
    os.mkdir(tmp_path / "later")
    d.wait_log(r"written again, 0 events were lost")
    wait(lambda: len(lines(tmp_path / "later", "answer")) == 1, 5)
    d.write(log.replace("later", "other"))
    d.reload(r"log has changed: a restart is needed")


def test_a_flood_loses_lines_and_declares_them(served):
    """More decisions than rings, memory and the folder's bound take: every number is there or
    declared, and answers come all the same."""
    d, said = served('decisions = all; max = "4m"')
    load = os.path.join(BUILD, "tests/bench/load")
    queries = os.path.join(d.folder, "queries")
    with open(queries, "w") as f:
        f.write(d.query("download.example.org").to_wire().hex() + " 0 *\n")
    end = time.monotonic() + 20
    while d.counters()["udp_answers"] < 100000:
        assert time.monotonic() < end
        subprocess.run([load, "-xx", "-t", "1", "-n", "8", "-w", "64", "127.0.0.1", str(d.port),
                        queries], check=True, stdout=subprocess.DEVNULL)
    assert re.search(r"and `max` is 4194304", d.log())
    answered = d.counters()["udp_answers"]
    d.write(d.extra.replace('"4m"', '"1g"'))
    d.reload(r"generation 2 in service")

    def is_over():
        d.udp("www.example.org")
        time.sleep(0.2)
        return any(e.get("q") == "www.example.org" for e in said("lost", "answer", holes=True))
    wait(is_over, 20)
    events = said(holes=True)
    lost = [e for e in events if e["ev"] == "lost"]
    covered = sum(e["to"] - e["from"] + 1 for e in lost) + len(events)
    assert lost and covered == events[-1]["seq"] + 1 >= answered
