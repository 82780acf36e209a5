"""-t of dnsd and healthd and `nearctl check`: what is wrong with a configuration and what it names
is said with file and line, and -s says which site this is."""
import os
import shutil
import signal
import subprocess
import tempfile

import pytest

from conftest import BUILD, ROOT

CHECKERS = {"dnsd": ["dnsd", "-t"], "healthd": ["healthd", "-t"], "nearctl": ["nearctl", "check"]}
ZONE = "@ 60 IN SOA ns admin 1 3600 900 604800 60\n@ 60 IN NS ns\nns 60 IN A 192.0.2.53\n"
KEY = ("@ 60 IN DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILf"
       "DLUT0rAK9iUzy1L53eKGQ==\n")
HEAD = 'listen = "192.0.2.53"\nzone "example.org" { file = "a.zone" }\n'

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")


@pytest.fixture(name="folder")
def make_folder():
    """One that every user may enter, unlike pytest's own."""
    path = tempfile.mkdtemp(prefix="nc-said-")
    os.chmod(path, 0o755)
    write(path, "a.zone", ZONE)
    yield path
    shutil.rmtree(path)


def write(folder, name, text, mode=0o644):
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def check(folder, text, checker, *more):
    conf = write(folder, "nearcast.conf", text)
    program, *words = CHECKERS[checker]
    p = subprocess.run([os.path.join(BUILD, program), "-c", conf, *more, *words],
                       capture_output=True, text=True, timeout=30, check=False)
    return p.returncode, p.stdout + p.stderr


every = pytest.mark.parametrize("checker", CHECKERS)
of_dnsd = pytest.mark.parametrize("checker", ["dnsd", "nearctl"])

BROKEN = {
    "a hook that is not there": ('hook = "/nonexistent/hook"\n',
                                 ':3: hook "/nonexistent/hook": No such file or directory'),
    "a hook that is a text": ('\nhook = "a.zone"\n', 'a.zone": is not executable'),
    "an alarm hook that is a folder": ('alarm-hook = "/usr"\n',
                                       ':3: alarm-hook "/usr": is no program'),
    "a check's program that is not there": (
        'check "x" { kind = command; command = { "/usr/bin/nosuch", "-a" } }\n',
        ':3: command "/usr/bin/nosuch": No such file or directory'),
    "a password that everybody can read": (
        'check "h" { kind = http; url = "http://e.example/"; basic-auth-file = "open.auth" }\n',
        'open.auth": everybody can read or change it (mode 644)'),
    "a password that is not there": (
        'check "h" { kind = http; url = "http://e.example/"; basic-auth-file = "no.auth" }\n',
        'no.auth": No such file or directory'),
    "the line of a password's option": (
        'check "h" {\n kind = http\n url = "http://e.example/"\n basic-auth-file = "no.auth" }\n',
        'nearcast.conf:6: basic-auth-file "'),
    "authorities that are not there": (
        'check "h" {\n kind = http\n url = "https://e.example/"\n ca-file = "no.pem"\n }\n',
        'no.pem": No such file or directory'),
    "a certificate that is not there": (
        'check "h" {\n kind = http\n url = "https://e.example/"\n client-cert = "no.pem"\n }\n',
        'nearcast.conf:6: client-cert "'),
}


@every
@pytest.mark.parametrize("case", BROKEN)
def test_refused(folder, checker, case):
    write(folder, "open.auth", "user:password\n")
    text, said = BROKEN[case]
    code, out = check(folder, HEAD + text, checker)
    assert code == 1 and said in out, out


@every
def test_a_program_that_is_there_is_well(folder, checker):
    write(folder, "hook", "#!/bin/sh\n", 0o755)
    write(folder, "auth", "user:password\n", 0o600)
    code, out = check(folder, HEAD + 'hook = "hook"; alarm-hook = "/bin/true"\n'
                      'check "x" { kind = command; command = "/bin/true" }\n'
                      'check "h" { kind = http; url = "http://e.example/"; '
                      'basic-auth-file = "auth" }\n', checker)
    assert code == 0 and "auth" not in out and "hook" not in out, out


@root_only
@every
def test_what_the_user_cannot_read_is_named(folder, checker):
    write(folder, "c.secret", "00112233445566778899aabbccddeeff\n", 0o600)
    write(folder, "more.conf", "threads = 1\n", 0o600)
    write(folder, "b.zone", ZONE, 0o600)
    write(folder, "auth", "user:password\n", 0o600)
    code, out = check(folder, HEAD + 'user = "nobody"\ncookies { secret-file = "c.secret" }\n'
                      'include = "more.conf"\nzone "example.net" { file = "b.zone" }\n'
                      'check "h" { kind = http; url = "http://e.example/"; '
                      'basic-auth-file = "auth" }\n', checker)
    assert code == 0, out
    for name in ("c.secret", "more.conf", "b.zone", "auth"):
        assert [line for line in out.splitlines() if name in line and
                'user "nobody" cannot read it: a reload will fail' in line], (name, out)
    assert "a.zone" not in out


@root_only
@of_dnsd
def test_what_a_zone_includes_is_named_too(folder, checker):
    write(folder, "a.zone", ZONE + "$INCLUDE part.zone\n$INCLUDE well.zone\n")
    write(folder, "part.zone", "a 60 IN A 192.0.2.1\n", 0o600)
    write(folder, "well.zone", "b 60 IN A 192.0.2.1\n")
    code, out = check(folder, HEAD + 'user = "nobody"\n', checker)
    assert code == 0 and 'part.zone: user "nobody" cannot read it' in out, out
    assert "well.zone" not in out


@of_dnsd
def test_a_country_that_is_none(folder, checker):
    code, out = check(folder, HEAD + 'site "fra" { }\ngeo {\n country "UK" { sites = "fra" }\n'
                      ' country "GB" { sites = "fra" }\n}\n', checker)
    assert code == 0 and ':5: country "UK": no country has this code' in out and "GB" not in out


@of_dnsd
def test_a_signed_zone(folder, checker):
    write(folder, "a.zone", ZONE + KEY)
    code, out = check(folder, HEAD, checker)
    assert code == 0 and ':2: zone "example.org" is signed (DNSKEY)' in out, out
    assert "steered" not in out


@of_dnsd
def test_a_steered_name_in_a_signed_zone(folder, checker):
    write(folder, "a.zone", ZONE + KEY + '_steer.www 60 IN TXT "pool=p"\n')
    code, out = check(folder, HEAD + 'site "fra" { }\n'
                      'pool "p" { server "s" { site = fra; address = "198.51.100.1" } }\n', checker)
    assert code == 0 and 'a.zone:5: _steer: a steered name in the signed zone' in out, out


@of_dnsd
@pytest.mark.parametrize("question, said", {
    "nosuch.example.org A": "NXDOMAIN", "example.org TXT": "no record of this type",
    "example.org SOA": None, "ns.example.org A": None,
}.items())
def test_what_healthd_asks_is_looked_up(folder, checker, question, said):
    code, out = check(folder, HEAD + 'announce { prefix = "192.0.2.0/24"\n'
                      f'question = "{question}" }}\n', checker)
    assert code == 0 and (said is None) == ("question" not in out) and (said or "") in out, out


@every
def test_included_files_name_themselves(folder, checker):
    write(folder, "sites.conf", '\nsite "fra" { location = { 100, 8 } }\n')
    code, out = check(folder, HEAD + 'include = "sites.conf"\n', checker)
    assert code == 1 and f'{folder}/sites.conf:2: location "100"' in out, out


@every
def test_the_site_from_the_command_line(folder, checker):
    sites = 'site "fra" { }\nsite "nyc" { }\n'
    assert check(folder, HEAD + sites, checker)[0] == 1
    assert check(folder, HEAD + sites, checker, "-s", "nyc")[0] == 0
    code, out = check(folder, HEAD + sites + "here = fra\n", checker, "-s", "nyx")
    assert code == 1 and '-s "nyx": no site of this name is configured, did you mean "nyc"?' in out


@pytest.mark.parametrize("file", ["deploy/nearcast.conf", "bird/example.conf"])
def test_the_examples_are_well(file):
    p = subprocess.run([os.path.join(BUILD, "dnsd"), "-t", "-c", os.path.join(ROOT, file)],
                       capture_output=True, text=True, timeout=30, check=False)
    said = [line for line in p.stderr.splitlines() if "geo.mmdb" not in line and
            "no such user" not in line]
    assert p.returncode == 0 and not said


def test_healthd_starts_without_its_hook_and_refuses_a_reload(world):
    """A site without a hook is better than none; a reload keeps what was there."""
    w = world({"a1": ("fra", "127.0.0.1@9")}, check='kind = "tcp"',
              conf='hook = "/nonexistent/hook"')
    w.daemon.wait_log(r'warning: .*:\d+: hook "/nonexistent/hook": No such file')
    w.extra = 'hook = "/nonexistent/other"'
    w.write()
    w.daemon.signal(signal.SIGHUP)
    w.daemon.wait_log(r'reload: .*:\d+: hook "/nonexistent/other": No such file.*the old '
                      r"configuration stays")


MISTAKES = HEAD + 'threads = many\nsite "fra" { hom = yes }\nttl-max = soon\n'
SAID = [r':3: threads "many": ', r':4: unknown option "hom"', r':5: ttl-max "soon": ']


def assert_each_once(out):
    """All three, in the file's order, each on a line of its own and none again."""
    lines = [line for line in out.splitlines() if "nearcast.conf" in line]
    assert len(lines) == 3 and all(part in line for part, line in zip(SAID, lines)), out


@every
def test_all_mistakes_of_a_file_are_told(folder, checker):
    code, out = check(folder, MISTAKES, checker)
    assert code == 1
    assert_each_once(out)
    assert out.count("error: ") == 3, out


@every
def test_twenty_mistakes_are_told_and_the_rest_is_counted(folder, checker):
    code, out = check(folder, HEAD + "here = s0\n" +
                      "".join(f'site "s{i}" {{ hom = yes }}\n' for i in range(25)), checker)
    assert code == 1 and out.count("did you mean") == 20, out
    assert out.rstrip().endswith("nearcast.conf: and 5 more mistakes"), out


def test_nearctl_tells_all_mistakes(folder):
    conf = write(folder, "nearcast.conf", MISTAKES)
    p = subprocess.run([os.path.join(BUILD, "nearctl"), "-c", conf, "reload"],
                       capture_output=True, text=True, timeout=30, check=False)
    assert p.returncode == 1
    assert_each_once(p.stderr)


def test_a_reload_logs_all_mistakes_once(world):
    w = world({"a1": ("fra", "127.0.0.1@9")}, check='kind = "tcp"')
    before = len(w.daemon.log())
    w.extra = "threads = many\nttl-max = soon"
    w.write()
    w.daemon.signal(signal.SIGHUP)
    w.daemon.wait_log("reload refused; the old configuration stays")
    log = w.daemon.log()[before:]
    assert log.count("threads \"many\"") == 1 and log.count("ttl-max \"soon\"") == 1, log


@of_dnsd
def test_too_many_combinations_of_exclude(folder, checker):
    """It was told without a place."""
    servers = [f'  server "s{i}" {{ site = "f"  address = {{ "10.0.{i // 200}.{i % 200 + 1}" }}'
               f'  exclude {{ prefixes = {{ "10.{i // 200}.{i % 200}.0/24" }} }} }}'
               for i in range(255)]
    text = HEAD + "\n".join(['site "f" { location = { 50, 8 } }', 'pool "p" {', *servers, "}\n"])
    write(folder, "a.zone", ZONE + 'd 60 A 192.0.2.1\n_steer.d 60 TXT "pool=p"\n')
    line = text[:text.index('server "s254"')].count("\n") + 1
    status, said = check(folder, text, checker)
    assert status == 1 and f"nearcast.conf:{line}: `exclude`: with this one there are more" in said
    status, said = check(folder, text.replace(servers[-1], ""), checker)
    assert status == 0, said
