"""nearctl bird-config: what it prints is BIRD's language, and the copy in bird/ is its."""
import os
import shutil
import subprocess

import pytest

from conftest import BUILD, ROOT

HEAD = """
here = "fra"
listen = { "192.0.2.53" }
zone "example.org" { file = "example.org.zone" }
site "fra" { location = { 50.11, 8.68 } %s }
pool "mirrors" { server "fra1" { site = "fra"  address = { "198.51.100.10" } } }
"""

BLOCKS = {
    "one family": 'announce { prefix = { "192.0.2.0/24" } }',
    "IPv6 alone": 'announce { prefix = { "2001:db8:53::/48" } neighbor "a" { address = "2001:db8::1" as = 64501 } }',
    "several prefixes": 'announce { prefix = { "192.0.2.0/24", "203.0.113.0/24", "2001:db8:53::/48" } }',
    "a neighbour named like a word of BIRD's": 'announce { prefix = { "192.0.2.0/24" } '
                                              'neighbor "ra" { address = "10.0.0.1" as = 64501 } '
                                              'neighbor "bgp" { address = "10.0.0.2" as = 64502 } '
                                              'neighbor "table" { address = "10.0.0.3" as = 4200000000 } }',
    "by BIRD's socket": 'announce { via = "bird-socket" prefix = { "192.0.2.0/24", "2001:db8:53::/48" } }',
    "a cover, not at home": 'announce { prefix = { "192.0.2.0/24" } cover = { "192.0.2.0/23" } }',
}


def bird_config(conf):
    return subprocess.run([os.path.join(BUILD, "nearctl"), "-c", str(conf), "bird-config"],
                          capture_output=True, text=True, timeout=20, check=False)


@pytest.mark.skipif(shutil.which("bird") is None, reason="needs BIRD")
@pytest.mark.parametrize("home", ["", "home = yes"])
@pytest.mark.parametrize("name", BLOCKS)
def test_bird_accepts_it(tmp_path, name, home):
    conf, out = tmp_path / "nearcast.conf", tmp_path / "bird.conf"
    conf.write_text(HEAD % home + BLOCKS[name] + "\n")
    made = bird_config(conf)
    assert made.returncode == 0, made.stderr
    out.write_text(made.stdout)
    parsed = subprocess.run(["bird", "-p", "-c", str(out)], capture_output=True, text=True, timeout=20, check=False)
    assert parsed.returncode == 0, parsed.stderr + made.stdout
    assert ("protocol static cover4" in made.stdout) == (home != "" and "cover" in BLOCKS[name])


def test_the_example_is_what_is_made():
    made = bird_config(os.path.join(ROOT, "bird", "example.conf"))
    with open(os.path.join(ROOT, "bird", "site.conf")) as f:
        assert made.stdout == f.read()


def test_nothing_to_announce(tmp_path):
    conf = tmp_path / "nearcast.conf"
    conf.write_text(HEAD % "")
    made = bird_config(conf)
    assert made.returncode == 1 and "no announce block" in made.stderr and made.stdout == ""
