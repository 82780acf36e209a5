"""nearctl bird-config: what it prints is BIRD's language, and the copy in bird/ is its."""
import os
import shutil
import subprocess

import pytest

from conftest import BUILD, ROOT, nearctl

LISTEN = '"192.0.2.53", "203.0.113.53", "2001:db8:53::53"'
HEAD = """
here = "fra"
listen = { LISTEN }
zone "example.org" { file = "example.org.zone" }
site "fra" { location = { 50.11, 8.68 } %s }
pool "mirrors" { server "fra1" { site = "fra"  address = { "198.51.100.10" } } }
""".replace("LISTEN", LISTEN)
SIXTEEN = [(f"192.0.2.{16 * k}/28", f"2001:db8:{k + 1:x}::/48") for k in range(16)]

BLOCKS = {
    "one family": 'announce { prefix = { "192.0.2.0/24" } }',
    "IPv6 alone": 'announce { prefix = { "2001:db8:53::/48" } router-id = "198.51.100.2" '
                  'neighbor "a" { address = "2001:db8::1" as = 64501 } }',
    "all that a session may need": 'announce { prefix = { "192.0.2.0/24", "2001:db8:53::/48" } '
                                   'neighbor "far" { address = "10.0.0.1" as = 64501 '
                                   'multihop = 2  source = "10.0.0.2"  bfd = no '
                                   'password-file = "secret" '
                                   'bird = { "hold time 30;", "passive on;" } } '
                                   'neighbor "ll" { address = "fe80::1"  as = 64502 '
                                   'interface = "eth0" } }',
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
    (tmp_path / "secret").write_text("not told\n")
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


def write(tmp_path, block, listen=LISTEN, name="nearcast.conf"):
    path = tmp_path / name
    path.write_text((HEAD % "").replace(LISTEN, listen) + block + "\n")
    return path


@pytest.mark.skipif(shutil.which("bird") is None, reason="needs BIRD")
def test_sixteen_prefixes_of_a_family(tmp_path):
    listen = ", ".join(f'"192.0.2.{16 * k + 1}", "2001:db8:{k + 1:x}::53"' for k in range(16))
    conf = write(tmp_path, "announce { prefix = { %s } }" %
                 ", ".join(f'"{a}", "{b}"' for a, b in SIXTEEN), listen)
    made = bird_config(conf)
    assert made.returncode == 0, made.stderr
    for k, (v4, v6) in enumerate(SIXTEEN):
        assert f"route {v4} recursive 169.254.53.{8 * k + 2};" in made.stdout
        assert f"route {v4} recursive 169.254.53.{8 * k + 6};" in made.stdout
        assert f"route {v6} recursive fd53:5300::{8 * k + 2:x};" in made.stdout
        assert f"protocol static anycast6_{k + 1}_drain" in made.stdout
    (tmp_path / "bird.conf").write_text(made.stdout)
    subprocess.run(["bird", "-p", "-c", str(tmp_path / "bird.conf")], check=True, timeout=20)


def test_ipv6_alone_without_a_router_id_is_refused(tmp_path):
    conf = write(tmp_path, 'announce { prefix = { "2001:db8:53::/48" } neighbor "a" { address = '
                 '"2001:db8::1" as = 64501 } }', '"2001:db8:53::53"')
    made = bird_config(conf)
    assert made.returncode == 1 and "router-id is needed" in made.stderr and made.stdout == ""


def test_a_session_has_what_its_neighbour_block_says(tmp_path):
    (tmp_path / "secret").write_text("not told\n")
    made = bird_config(write(tmp_path, BLOCKS["all that a session may need"]))
    for line in ("multihop 2;", "source address 10.0.0.2;", "bfd off;", 'password "not told";',
                 "hold time 30;", 'interface "eth0";', "neighbor fe80::1 as 64502;"):
        assert f"\t{line}\n" in made.stdout, line


@pytest.mark.parametrize("secret", ["", "\n", 'a"b\n', "one\ntwo\n", "x" * 81])
def test_a_password_that_bird_could_not_read(tmp_path, secret):
    (tmp_path / "secret").write_text(secret)
    made = bird_config(write(tmp_path, BLOCKS["all that a session may need"]))
    assert made.returncode == 1 and made.stdout == ""
    assert 'neighbor "far": ' in made.stderr and "/secret: " in made.stderr


@pytest.mark.skipif(shutil.which("bird") is None, reason="needs BIRD")
class TestToAFile:
    @staticmethod
    def make(tmp_path, block):
        conf = write(tmp_path, block)
        return nearctl(conf, "bird-config", "-o", str(tmp_path / "bird.conf"))

    def test_takes_the_place_of_the_file(self, tmp_path):
        out = tmp_path / "bird.conf"
        out.write_text("before")
        out.chmod(0o604)
        made = self.make(tmp_path, BLOCKS["several prefixes"])
        assert made.returncode == 0 and made.stdout == made.stderr == ""
        assert out.read_text() == bird_config(tmp_path / "nearcast.conf").stdout
        assert out.stat().st_mode & 0o777 == 0o604
        assert sorted(os.listdir(tmp_path)) == ["bird.conf", "nearcast.conf"]

    def test_a_new_file_is_not_for_everybody(self, tmp_path):
        assert self.make(tmp_path, BLOCKS["one family"]).returncode == 0
        assert (tmp_path / "bird.conf").stat().st_mode & 0o777 == 0o640

    def test_what_bird_does_not_take_changes_nothing(self, tmp_path):
        out = tmp_path / "bird.conf"
        out.write_text("before")
        made = self.make(tmp_path, 'announce { prefix = { "192.0.2.0/24" } neighbor "a" { address '
                         '= "10.0.0.1" as = 64501 bird = { "no such option;" } } }')
        assert made.returncode == 1 and "BIRD does not take this" in made.stderr
        assert out.read_text() == "before"
        assert sorted(os.listdir(tmp_path)) == ["bird.conf", "nearcast.conf"]


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
