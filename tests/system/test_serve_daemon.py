"""The process: starting, ending, users, sockets, service managers, commands."""
import json
import os
import pwd
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

import dns.message
import pytest
from conftest import BUILD, ROOT, Dnsd

CAP_NET_BIND_SERVICE = 10
ZONES = {"example.org": """$TTL 300
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
ns IN A 192.0.2.1
www IN A 192.0.2.2
""" + "".join(f"big IN TXT \"{i:04d}{'x' * 200}\"\n" for i in range(250))}


def run(*args, **kw):
    p = subprocess.run([os.path.join(BUILD, args[0]), *args[1:]], capture_output=True, text=True,
                       timeout=60, **kw)
    return p.returncode, p.stdout + p.stderr


def wire(name, rdtype="A", ident=1):
    q = dns.message.make_query(name, rdtype, use_edns=False)
    q.id = ident
    w = q.to_wire()
    return struct.pack(">H", len(w)) + w


# ---- the command line ----

def test_version():
    code, said = run("dnsd", "-V")
    assert code == 0 and re.match(r"dnsd \S+\n$", said)


@pytest.mark.parametrize("args", [["-x"], ["-c"], ["nonsense"], ["--nonsense"]])
@pytest.mark.parametrize("daemon", ["dnsd", "healthd"])
def test_wrong_usage(daemon, args):
    code, said = run(daemon, *args)
    assert code == 2 and "usage" in said


@pytest.mark.parametrize("daemon", ["dnsd", "healthd"])
def test_help_names_every_option(daemon):
    code, said = run(daemon, "--help")
    assert (code, said) == run(daemon, "-h") and code == 0
    assert said.startswith(f"usage: {daemon} ")
    options = re.search(r"\[-([a-zA-Z]+)\]", said)[1] + "cs"
    for option in options:
        assert re.search(rf"^  -{option}[ ,]", said, re.M), option
    assert run(daemon, "--version") == run(daemon, "-V")


@pytest.mark.parametrize("args", [["-c", "/nonexistent/nearcast.conf"],
                                  ["-t", "-c", "/nonexistent/nearcast.conf"],
                                  ["-t", "-c", "/"], ["-t", "-c", "/dev/zero"]])
def test_no_usable_configuration_is_an_error(args):
    code, said = run("dnsd", *args)
    assert code == 1 and args[-1] in said


@pytest.mark.parametrize("conf, reason", [
    ('zone "b.example" { file = "none.zone" }',
     r"nearcast.conf:6: zone: /.*/none.zone: cannot open: No such file"),
    ('zone "b.example" { file = "/" }', r"nearcast.conf:6: zone: /: not a regular file"),
    ('\ncookies { secret-file = "none" }', r"nearcast.conf:7: secret-file: /.*/none: No such file"),
    ('cookies { secret-file = "short" }', r"error: /.*/short:1: a line of 5 characters"),
])
def test_file_that_cannot_be_read_is_named_with_the_line_that_names_it(dnsd_factory, conf, reason):
    d = dnsd_factory(zones=ZONES, start=False)
    d.write(conf=conf)
    d.write_file("short", "abcde\n")
    code, said = d.check()
    assert code == 1 and re.search(reason, said), said


def test_check_warns_of_a_user_that_is_not_on_this_machine(dnsd_factory):
    d = dnsd_factory(zones=ZONES, start=False, conf='user = "no-such-user"')
    code, said = d.check()
    assert code == 0 and 'user "no-such-user": there is no such user on this machine' in said


def test_no_address_to_serve_on_is_an_error(tmp_path):
    conf = tmp_path / "nearcast.conf"
    conf.write_text(f'run-dir = "{tmp_path}/run"\n')
    for args in ["-t"], []:
        code, said = run("dnsd", *args, "-c", str(conf))
        assert code == 1 and "`listen = { \"ADDRESS\" }` was expected" in said


def test_example_that_ships_is_well(tmp_path):
    """From a clone as it is; without the database and the user that it names it warns, no more."""
    code, said = run("dnsd", "-t", "-c", os.path.join(ROOT, "deploy/nearcast.conf"))
    assert code == 0 and "1 zone with" in said and "error" not in said, said


def test_ready_line_says_what_is_served(dnsd_factory):
    d = dnsd_factory(zones=ZONES)
    line = next(x for x in d.log().splitlines() if " ready: " in x)
    for part in (f"127.0.0.1@{d.port}", f"::1@{d.port}", "2 workers", "1 zone,", "4 names"):
        assert part in line, line


# ---- ending ----

@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_at_once_with_0(dnsd_factory, sig):
    d = dnsd_factory(zones=ZONES)
    assert d.udp("www.example.org").answer
    idle = socket.create_connection(("127.0.0.1", d.port))
    start = time.monotonic()
    d.signal(sig)
    assert d.process.wait(10) == 0
    assert time.monotonic() - start < 2		# an idle connection holds nothing up
    assert not os.path.exists(os.path.join(d.folder, "run/dnsd.sock"))
    idle.close()


def test_tcp_answers_in_flight_are_finished(dnsd_factory):
    """More answers than the sockets hold: they all come although SIGTERM came first."""
    d = dnsd_factory(zones=ZONES)
    n = 120
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 17)
        s.settimeout(10)
        s.connect(("127.0.0.1", d.port))
        s.sendall(b"".join(wire("big.example.org", "TXT", ident=i) for i in range(n)))
        got = s.recv(100)				# the first are on their way
        d.signal(signal.SIGTERM)
        d.wait_log("ending")
        while True:
            more = s.recv(1 << 20)
            if not more:
                break
            got += more
    idents, at = [], 0
    while at < len(got):
        size = struct.unpack(">H", got[at:at + 2])[0]
        idents.append(struct.unpack(">H", got[at + 2:at + 4])[0])
        at += 2 + size
    assert at == len(got)				# no answer is cut
    assert idents == list(range(n))
    assert d.process.wait(10) == 0


def test_reader_who_never_reads_cannot_keep_it_alive(dnsd_factory):
    d = dnsd_factory(zones=ZONES)
    with socket.create_connection(("127.0.0.1", d.port)) as s:
        s.sendall(b"".join(wire("big.example.org", "TXT", ident=i) for i in range(1000)))
        time.sleep(0.2)
        start = time.monotonic()
        d.signal(signal.SIGTERM)
        assert d.process.wait(15) == 0
        assert time.monotonic() - start < 6


def test_many_quick_restarts(dnsd_factory):
    d = dnsd_factory(zones=ZONES, start=False)
    for _ in range(10):
        d.start()
        assert d.udp("www.example.org").answer
        d.stop()
        os.unlink(d.log_path)


# ---- one a run-dir, one an address ----

def test_second_daemon_in_the_same_run_dir_is_refused(dnsd_factory):
    d = dnsd_factory(zones=ZONES)
    code, said = run("dnsd", "-c", d.argv[2])
    assert code == 1 and "already running" in said
    assert d.udp("www.example.org").answer
    assert run("nearctl", "counters", "-c", d.argv[2])[0] == 0


def test_second_daemon_on_the_same_address_is_refused(dnsd_factory):
    """SO_REUSEPORT would let it in, to take half of the queries."""
    d = dnsd_factory(zones=ZONES)
    e = dnsd_factory(zones=ZONES, start=False)
    e.listen = d.listen
    e.write()
    code, said = run("dnsd", "-c", e.argv[2])
    assert code == 1 and "in use" in said


def test_killed_daemon_leaves_nothing_in_the_way(dnsd_factory):
    d = dnsd_factory(zones=ZONES)
    d.process.kill()
    d.process.wait()
    assert os.path.exists(os.path.join(d.folder, "run/dnsd.sock"))
    os.unlink(d.log_path)
    d.start()
    assert d.udp("www.example.org").answer


def test_run_dir_is_made(dnsd_factory):
    d = dnsd_factory(zones=ZONES, start=False)
    assert not os.path.exists(os.path.join(d.folder, "run"))
    d.start()
    st = os.stat(os.path.join(d.folder, "run/dnsd.sock"))
    assert st.st_mode & 0o777 == 0o660


# ---- users ----

@pytest.fixture
def open_folder():
    """pytest's own folders are root's alone; a daemon that drops to `nobody` reloads from here."""
    folder = tempfile.mkdtemp(prefix="nc-serve-")
    os.chmod(folder, 0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_drops_to_user_without_privileges_and_still_reloads(open_folder):
    d = Dnsd(open_folder, zones=ZONES, conf='user = "nobody"')
    d.start()
    try:
        nobody = pwd.getpwnam("nobody")
        for task in os.listdir(f"/proc/{d.process.pid}/task"):
            with open(f"/proc/{d.process.pid}/task/{task}/status") as f:
                status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
            assert status["Uid"].split() == [str(nobody.pw_uid)] * 4
            assert status["Gid"].split() == [str(nobody.pw_gid)] * 4
            assert status["Groups"].split() in ([], [str(nobody.pw_gid)])
            for which in ("CapInh", "CapAmb"):
                assert int(status[which], 16) == 0
            for which in ("CapPrm", "CapEff"):      # a reload may bring another address
                assert int(status[which], 16) == 1 << CAP_NET_BIND_SERVICE
            assert status["NoNewPrivs"] == "1"
        assert os.stat(os.path.join(open_folder, "run")).st_uid == nobody.pw_uid
        assert d.udp("www.example.org").answer
        changed = ZONES["example.org"].replace("192.0.2.2", "192.0.2.3")
        d.zones["example.org"] = changed.replace(" 1 3600", " 2 3600")
        d.write()
        d.reload("generation 2 in service")
        assert d.udp("www.example.org").answer[0][0].address == "192.0.2.3"
        assert d.counters()["generation"] == 2
    finally:
        d.stop()
    assert not os.path.exists(os.path.join(open_folder, "run/dnsd.sock"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_folder_that_is_not_ours_is_not_given_away(open_folder):
    """run-dir = "/run" by mistake: /run stays root's."""
    d = Dnsd(open_folder, zones=ZONES, conf='user = "nobody"')
    os.makedirs(os.path.join(open_folder, "run", "somebody-elses"))
    d.start()
    try:
        assert d.udp("www.example.org").answer
        assert os.stat(os.path.join(open_folder, "run")).st_uid == 0
    finally:
        d.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_files_that_the_user_cannot_read_are_named_at_start(open_folder):
    d = Dnsd(open_folder, zones=ZONES, conf='user = "nobody"')
    os.chmod(os.path.join(open_folder, "example.org.zone"), 0o600)
    d.start()
    try:
        assert re.search(r'example.org.zone: user "nobody" cannot read it', d.log())
        assert d.udp("www.example.org").answer
        d.zones["example.org"] += "more IN A 192.0.2.9\n"
        d.write()
        os.chmod(os.path.join(open_folder, "example.org.zone"), 0o600)
        d.reload("the old version stays")
        assert d.udp("www.example.org").answer
    finally:
        d.stop()


def test_unknown_user_is_an_error(dnsd_factory):
    d = dnsd_factory(zones=ZONES, conf='user = "no-such-user"', start=False)
    code, said = run("dnsd", "-c", d.argv[2])
    assert code == 1 and "no-such-user" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="is run as somebody else already")
def test_runs_without_root(open_folder):
    nobody = pwd.getpwnam("nobody")
    d = Dnsd(open_folder, zones=ZONES)
    os.chown(open_folder, nobody.pw_uid, nobody.pw_gid)
    d.argv = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", *d.argv]
    if not os.access(os.path.join(BUILD, "dnsd"), os.X_OK) or subprocess.run(
            [*d.argv[:6], d.argv[6], "-V"], capture_output=True).returncode != 0:
        pytest.skip("nobody cannot reach the build folder")
    d.start()
    try:
        assert d.udp("www.example.org").answer
    finally:
        d.stop()


# ---- service manager ----

def test_notifies_the_service_manager(dnsd_factory, tmp_path):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(10)
        d = dnsd_factory(zones=ZONES, start=False)
        d.env = {"NOTIFY_SOCKET": path}
        d.start()
        assert b"READY=1" in manager.recv(4096).split(b"\n")
        assert d.udp("www.example.org").answer
        d.reload("generation 2 in service")
        reloading = manager.recv(4096).split(b"\n")
        assert reloading[0] == b"RELOADING=1" and re.match(rb"MONOTONIC_USEC=\d+$", reloading[1])
        assert manager.recv(4096).split(b"\n")[0] == b"READY=1"
        d.signal(signal.SIGTERM)
        assert manager.recv(4096).split(b"\n")[0] == b"STOPPING=1"


# ---- commands ----

def ask(d, line, raw=None):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(10)
        s.connect(os.path.join(d.folder, "run/dnsd.sock"))
        s.sendall(raw if raw is not None else line.encode() + b"\n")
        data = b""
        while True:
            more = s.recv(65536)
            if not more:
                return data.decode()
            data += more


def test_counters_are_prometheus_text(dnsd_factory):
    d = dnsd_factory(zones=ZONES)
    for _ in range(5):
        d.udp("www.example.org")
    d.tcp("www.example.org")
    d.udp("absent.example.org")
    code, text = run("nearctl", "-c", d.argv[2], "counters")
    assert code == 0
    for line in text.splitlines():
        assert re.match(
            r"# (HELP|TYPE) nearcast_dnsd_[a-z0-9_]+ .+$|nearcast_dnsd_[a-z0-9_]+ -?[0-9.e+]+$",
            line), line
    c = d.counters()
    assert (c["udp_queries"], c["tcp_queries"], c["answers_noerror"],
            c["answers_nxdomain"]) == (6, 1, 6, 1)
    assert c["zones_loaded"] == 1 and c["generation"] == 1 and c["tcp_connections"] == 1


def test_status(dnsd_factory):
    d = dnsd_factory(zones=ZONES)
    assert ask(d, "status").startswith("ok\nversion ")
    status = json.loads(ask(d, "status json").split("\n", 1)[1])
    assert status["zones_loaded"] == 1 and status["workers"] == 2 and status["generation"] == 1
    assert ask(d, "zones") == "ok\nexample.org 1 4\n"
    assert ask(d, "nonsense").startswith("error: no command \"nonsense\"")


class Watcher:
    """The reports that `watch` gives, as they come: (first line's fields, {address: counts})."""

    def __init__(self, d):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(5)
        self.socket.connect(os.path.join(d.folder, "run/dnsd.sock"))
        self.socket.sendall(b"watch\n")
        self.lines = self.socket.makefile()
        assert self.lines.readline() == "ok\n"

    @staticmethod
    def fields(words):
        return dict(word.split("=") for word in words)

    def report(self):
        head = self.lines.readline().split()
        assert head[0] == "serving"
        addresses = {}
        while (words := self.lines.readline().split()):
            assert words[0] == "address"
            addresses[words[1]] = {k: int(v) for k, v in self.fields(words[2:]).items()}
        return self.fields(head[1:]), addresses

    def close(self):
        self.lines.close()
        self.socket.close()


def test_watch_reports_what_is_served(dnsd_factory):
    d = dnsd_factory(zones=ZONES)
    w = Watcher(d)
    head, addresses = w.report()
    assert head["generation"] == "1" and head["zones"] == "1/1"
    assert re.fullmatch("[0-9a-f]{16}", head["digest"])
    assert list(addresses) == d.listen
    for i in range(20):
        d.udp("www.example.org", "A")
    time.sleep(0.3)
    began = time.monotonic()
    for i in range(4):
        _, addresses = w.report()
    assert 0.5 < time.monotonic() - began < 3
    assert addresses[d.listen[0]] == {"received": 20, "answered": 20}
    assert addresses[d.listen[1]] == {"received": 0, "answered": 0}
    d.write("# changed")
    ask(d, "reload")
    head2, _ = w.report()
    assert head2["generation"] == "2" and head2["digest"] != head["digest"]
    status = json.loads(ask(d, "status json").split("\n", 1)[1])
    assert status["digest"] == head2["digest"]
    assert f"digest      {head2['digest']}\n" in ask(d, "status")
    w.close()


def test_watch_says_what_is_answered_with_servfail(dnsd_factory):
    d = dnsd_factory(zones=ZONES)
    w = Watcher(d)
    w.report()
    d.zones["broken.example"] = "nonsense\n"
    d.write()
    ask(d, "reload")
    assert w.report()[0]["zones"] == "1/2"
    w.close()


def test_watch_tells_of_death(dnsd_factory):
    d = dnsd_factory(zones=ZONES)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(10)
        s.connect(os.path.join(d.folder, "run/dnsd.sock"))
        s.sendall(b"watch\n")
        assert s.recv(3) == b"ok\n"
        d.process.kill()
        start = time.monotonic()
        while s.recv(4096):
            pass
        assert time.monotonic() - start < 1
    d.process.wait()
    d.process = None


@pytest.mark.parametrize("raw", [b"\0" * 2000, b"a" * 5000 + b"\n", b"counters\0\n", b"\n" * 500,
                                 b"reload" * 100 + b"\n", bytes(range(256)) * 4])
def test_hostile_lines_are_refused(dnsd_factory, raw):
    d = dnsd_factory(zones=ZONES)
    try:
        assert ask(d, None, raw).startswith("error: ")
    except (ConnectionResetError, BrokenPipeError):
        pass
    assert ask(d, "zones").startswith("ok\n")


def test_hostile_crowd_does_not_block_commands_or_health(dnsd_factory):
    """Silent clients, clients who never read, and a storm of reloads."""
    d = dnsd_factory(zones=ZONES)
    conns = []
    for i in range(200):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.settimeout(10)
        s.connect(os.path.join(d.folder, "run/dnsd.sock"))
        try:
            s.sendall([b"", b"counters\n", b"reload\n", b"coun"][i % 4])
        except BrokenPipeError:
            pass
        conns.append(s)
        assert d.udp("www.example.org").answer
    start = time.monotonic()
    assert ask(d, "zones").startswith("ok\n")
    assert time.monotonic() - start < 5
    for s in conns:
        s.close()
