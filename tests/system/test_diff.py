"""nearctl diff: the matrix it prints is what one counts by hand; and make geodb's script."""
import json
import os
import re
import shutil
import subprocess

import pytest

from conftest import ROOT, nearctl
from mmdb_write import asn, city, write

CONF = """
here = "fra"
listen = { "127.0.0.1@5399" }
geo { %s }
site "fra" { location = { 50.11, 8.68 } }
site "nyc" { location = { 40.71, -74.01 } }
site "sin" { location = { 1.35, 103.82 } }
"""
FRA, NYC, SIN = ("DE", "EU", 50.0, 8.0), ("US", "NA", 41.0, -74.0), ("SG", "AS", 1.0, 104.0)
OLD = {"10.0.0.0/8": city(*FRA), "11.0.0.0/8": city(*NYC), "12.0.0.0/16": city(*SIN),
       "2400::/32": city(*SIN)}


def diff(tmp_path, new, *words, geo="", old=OLD):
    (tmp_path / "nearcast.conf").write_text(CONF % geo)
    write(tmp_path / "old.mmdb", old)
    write(tmp_path / "new.mmdb", new)
    return nearctl(tmp_path / "nearcast.conf", "diff", tmp_path / "old.mmdb", tmp_path / "new.mmdb",
                   *words)


def matrix(p):
    assert p.returncode == 0, p.stderr
    j = json.loads(p.stdout)
    return j, {(m["from"], m["to"]): (m["ipv4_percent"], m["ipv6_48s"], m["networks"])
               for m in j["matrix"]}


def test_nothing_moves(tmp_path):
    text = diff(tmp_path, OLD).stdout                   # 2^48 /48s: a number that one can read
    assert re.search(r"^- +- +[\d.]+ +281[0-9]{12} +\d+$", text, re.M), text
    j, m = matrix(diff(tmp_path, OLD, "--json"))
    assert set(m) == {("fra", "fra"), ("nyc", "nyc"), ("sin", "sin"), ("-", "-")}
    assert m["fra", "fra"] == (0.390625, 0, 1) and m["sin", "sin"][1] == 65536
    assert j["moved"]["networks"] == 0 and j["moved"]["max_move"] == 0
    assert j["countries"] == j["asns"] == j["prefixes"] == []


def test_what_moves(tmp_path):
    new = dict(OLD)
    new.update({"10.128.0.0/9": city("FR", "EU", 41.0, -70.0), "2400:0:8000::/33": city(*FRA),
                "13.0.0.0/8": city(*NYC)})
    del new["12.0.0.0/16"]
    numbers = {"10.128.0.0/9": asn(64500), "13.0.0.0/8": asn(64501)}
    write(tmp_path / "asn.mmdb", numbers, database_type="GeoLite2-ASN")
    j, m = matrix(diff(tmp_path, new, "--json", geo='asn = "asn.mmdb"'))
    assert m["fra", "nyc"] == (pytest.approx(50 / 256), 0, 1)
    assert m["-", "nyc"] == (pytest.approx(100 / 256), 0, 1)
    assert m["sin", "-"][0] == pytest.approx(100 / 65536, rel=1e-6)
    assert m["sin", "fra"] == (0, 32768, 1) and m["sin", "sin"] == (0, 32768, 1)
    assert j["moved"]["ipv4_percent"] == pytest.approx(150 / 256 + 100 / 65536)
    assert [c["country"] for c in j["countries"]] == ["US", "FR", "SG", "DE"]
    assert [a["asn"] for a in j["asns"]] == [64501, 64500]
    assert [p["prefix"] for p in j["prefixes"]][:2] == ["13.0.0.0/8", "10.128.0.0/9"]
    text = diff(tmp_path, new).stdout
    assert re.search(r"^fra +nyc +0\.195312 +0 +1$", text, re.M) and \
        re.search(r"^ +country US ", text, re.M)


def test_rules_hold_what_they_name(tmp_path):
    new = dict(OLD, **{"10.0.0.0/8": city(*SIN)})
    j, m = matrix(diff(tmp_path, new, "--json", geo='prefix "10.0.0.0/9" { sites = { "nyc" } }'))
    assert m["nyc", "nyc"][0] == pytest.approx(150 / 256) and m["fra",
                                                                "sin"][0] == pytest.approx(50 / 256)


def test_refusals(tmp_path):
    p = diff(tmp_path, {})
    assert p.returncode == 1 and "new.mmdb" in p.stderr and "no networks" in p.stderr
    p = nearctl(None, "diff", "one")
    assert p.returncode == 2 and "usage" in p.stderr


def test_geodb_script(tmp_path):
    """The script that `make geodb` runs, on what the packages have."""
    if not os.path.exists("/usr/share/tor/geoip") or shutil.which("perl") is None or \
            subprocess.run(["perl", "-MMaxMind::DB::Writer::Tree", "-e1"],
                           capture_output=True).returncode != 0:
        pytest.skip("tor-geoipdb or libmaxmind-db-writer-perl is not installed")
    out = tmp_path / "geo.mmdb"
    p = subprocess.run([os.path.join(ROOT, "deploy/mk-geodb"), out], capture_output=True, text=True,
                       timeout=300)
    assert p.returncode == 0, p.stderr
    assert b"CC BY-SA 4.0" in out.read_bytes()[-2000:]
    (tmp_path / "nearcast.conf").write_text(CONF % "")
    _, m = matrix(nearctl(tmp_path / "nearcast.conf", "diff", out, out, "--json"))
    located = sum(v[0] for k, v in m.items() if k[0] != "-")
    assert located > 70 and m["nyc", "nyc"][0] > m["fra", "fra"][0] > 5
