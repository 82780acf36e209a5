"""nearctl bird-config: what it prints is BIRD's language, and the copy in bird/ is its."""
import os
import shutil
import subprocess

import pytest

from conftest import BUILD, ROOT, nearctl

HEAD = """
here = "fra"
listen = { "192.0.2.53", "203.0.113.53", "2001:db8:53::53" }
zone "example.org" { file = "example.org.zone" }
site "fra" { location = { 50.11, 8.68 } %s }
pool "mirrors" { server "fra1" { site = "fra"  address = { "198.51.100.10" } } }
"""

BLOCKS = {
    "one family": 'announce { prefix = { "192.0.2.0/24" } }',
    "IPv6 alone": 'announce { prefix = { "2001:db8:53::/48" } neighbor "a" { address = '
                  '"2001:db8::1" as = 64501 } }',
    "several prefixes": 'announce { prefix = { "192.0.2.0/24", "203.0.113.0/24", '
                        '"2001:db8:53::/48" } }',
    "a neighbour named like a word of BIRD's": 'announce { prefix = { "192.0.2.0/24" } '
                                              'neighbor "ra" { address = "10.0.0.1" as = 64501 } '
                                              'neighbor "bgp" { address = "10.0.0.2" as = 64502 } '
                                              'neighbor "table" { address = "10.0.0.3" as = '
                                              '4200000000 } }',
    "a neighbour of our own AS": 'announce { prefix = { "192.0.2.0/24" } local-as = 65001 '
                                'neighbor "rr" { address = "10.0.0.1" as = 65001 } }',
    "long names": 'announce { prefix = { "192.0.2.0/24" } '
                  'neighbor "%s1" { address = "10.0.0.1" as = 64501 } neighbor "%s2" { address = '
                  '"10.0.0.2" as = 64501 } }'
                  % ("n" * 62, "n" * 62),
    "by BIRD's socket": 'announce { via = "bird-socket" prefix = { "192.0.2.0/24", '
                        '"2001:db8:53::/48" } }',
    "a cover, not at home": 'announce { prefix = { "192.0.2.0/24" } cover = { "192.0.2.0/23" } }',
}


def bird_config(conf):
    return nearctl(conf, "bird-config")


@pytest.mark.skipif(shutil.which("bird") is None, reason="needs BIRD")
@pytest.mark.parametrize("home", ["", "home = yes"])
@pytest.mark.parametrize("name", BLOCKS)
def test_bird_accepts_it(tmp_path, name, home):
    conf, out = tmp_path / "nearcast.conf", tmp_path / "bird.conf"
    conf.write_text(HEAD % home + BLOCKS[name] + "\n")
    made = bird_config(conf)
    assert made.returncode == 0, made.stderr
    out.write_text(made.stdout)
    parsed = subprocess.run(["bird", "-p", "-c", str(out)], capture_output=True, text=True,
                            timeout=20, check=False)
    assert parsed.returncode == 0, parsed.stderr + made.stdout
    assert ("protocol static cover4" in made.stdout) == (home != "" and "cover" in BLOCKS[name])


def test_the_example_is_what_is_made():
    made = bird_config(os.path.join(ROOT, "bird", "example.conf"))
    with open(os.path.join(ROOT, "bird", "site.conf")) as f:
        assert made.stdout == f.read()


def test_a_link_local_neighbour_is_refused(tmp_path):
    conf = tmp_path / "nearcast.conf"
    conf.write_text(HEAD % "" +
                    'announce { prefix = { "192.0.2.0/24" } neighbor "ll" { address = "fe80::1" '
                    'as = 64501 } }\n')
    made = bird_config(conf)
    assert made.returncode == 1 and 'neighbor "ll" has a link-local address' in made.stderr and \
        made.stdout == ""


def test_more_servers_needed_than_there_are(tmp_path):
    conf = tmp_path / "nearcast.conf"
    conf.write_text(HEAD % "" + 'announce { prefix = { "192.0.2.0/24" } min-healthy = 2 }\n')
    (tmp_path / "example.org.zone").write_text(
        "@ 60 IN SOA ns admin 1 3600 900 604800 60\n@ 60 IN NS ns\nns 60 IN A 192.0.2.53\n")
    checked = subprocess.run([os.path.join(BUILD, "healthd"), "-t", "-c", str(conf)],
                             capture_output=True, text=True, timeout=20, check=False)
    assert checked.returncode == 0 and \
        "min-healthy 2: this site has 1 server and will never be announced" in checked.stderr


def test_nothing_to_announce(tmp_path):
    conf = tmp_path / "nearcast.conf"
    conf.write_text(HEAD % "")
    made = bird_config(conf)
    assert made.returncode == 1 and "no announce block" in made.stderr and made.stdout == ""
