"""Every unit of deploy/ is one that systemd understands and is hardened; those of the daemons let
through every system call that these make: start, work, reload, end, by strace.  No service manager
is started."""
import functools
import glob
import http.client
import os
import re
import shutil
import socket
import subprocess
import time

import pytest
from conftest import ROOT, Daemon, Dnsd, free_port, nearctl
from mmdb_write import city, write
from redirect_world import PLACES, World

pytestmark = pytest.mark.skipif(
    not shutil.which("strace") or not shutil.which("systemd-analyze") or
    os.environ.get("B", "").endswith("asan"), reason="needs strace and systemd-analyze")

UNITS = {os.path.basename(path): path for kind in ("service", "timer", "path", "socket")
         for path in glob.glob(os.path.join(ROOT, "deploy", "*", "*." + kind))}
SERVICES = sorted(name for name in UNITS if name.endswith(".service"))

# what every one has, whatever it runs
HARDENED = {
    "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes|read-only|tmpfs",
    "PrivateTmp": "yes", "PrivateDevices": "yes", "ProtectKernelTunables": "yes",
    "ProtectKernelModules": "yes", "ProtectKernelLogs": "yes", "ProtectControlGroups": "yes",
    "ProtectClock": "yes", "ProtectHostname": "yes", "RestrictNamespaces": "yes",
    "RestrictSUIDSGID": "yes", "RestrictRealtime": "yes", "LockPersonality": "yes",
    "SystemCallArchitectures": "native", "SystemCallErrorNumber": "EPERM",
    "RestrictAddressFamilies": "none|AF_INET AF_INET6 AF_UNIX( AF_NETLINK)?",
    "CapabilityBoundingSet": "|CAP_NET_BIND_SERVICE|CAP_NET_ADMIN|CAP_DAC_OVERRIDE CAP_FOWNER",
}

ZONES = {"example.org": """$TTL 300
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
ns IN A 192.0.2.1
"""}
# the trace itself, and what a thread's or a process' end is made of
ALWAYS = {"exit", "exit_group", "rt_sigreturn", "restart_syscall", "execve"}


@functools.cache
def group(name):
    """The system calls of a group, with those of the groups in it."""
    out = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", name],
                         capture_output=True, text=True, check=True).stdout
    found = set()
    for line in out.splitlines()[1:]:
        word = line.strip()
        if word.startswith("@"):
            found |= group(word)
        elif word and not word.startswith("#"):
            found.add(word)
    return found


def allowed(unit):
    calls = set(ALWAYS)
    with open(UNITS[unit]) as f:
        for line in f:
            if not line.startswith("SystemCallFilter="):
                continue
            words = line.strip().split("=", 1)[1]
            named = set()
            for word in words.lstrip("~").split():
                named |= group(word) if word.startswith("@") else {word}
            calls = calls - named if words.startswith("~") else calls | named
    return calls


def settings(unit):
    """Of [Service]: name -> what is written last."""
    found = {}
    with open(UNITS[unit]) as f:
        section = re.search(r"^\[Service\]\n(.*?)(?=^\[|\Z)", f.read(), re.M | re.S)[1]
    for line in section.splitlines():
        if "=" in line and not line.startswith("#"):
            name, value = line.split("=", 1)
            found[name] = value
    return found


def test_units_are_found():
    assert len(SERVICES) >= 13, SERVICES
    folders = {os.path.basename(os.path.dirname(p)) for p in UNITS.values()}
    assert {"systemd", "redirectd", "cache", "origin", "logs", "scan", "distribute"} <= folders


def test_systemd_understands_every_unit(tmp_path):
    """systemd-analyze verify, with programs that are there: what it says is a fault."""
    programs = set()
    for name, path in UNITS.items():
        with open(path) as f:
            text = f.read()
        programs |= set(re.findall(r"^Exec\w+=[-@:+!]*(/\S+)", text, re.M))
        # a folder that a machine may have none of yet
        (tmp_path / name).write_text(text)
    for program in programs:
        own = tmp_path / "root" / program.lstrip("/")
        os.makedirs(os.path.dirname(own), exist_ok=True)
        own.write_text("#!/bin/sh\n")
        own.chmod(0o755)
    for path in tmp_path.glob("*.*"):
        path.write_text(re.sub(r"^(Exec\w+=[-@:+!]*)(/\S+)", rf"\1{tmp_path}/root\2",
                               path.read_text(), flags=re.M))
    said = subprocess.run(["systemd-analyze", "verify", "--man=no",
                           *map(str, sorted(tmp_path.glob("*.*")))],
                          capture_output=True, text=True)
    ours = [line for line in (said.stdout + said.stderr).splitlines() if "nearcast" in line]
    assert ours == [] and said.returncode == 0, said.stdout + said.stderr


@pytest.mark.parametrize("unit", SERVICES)
def test_a_unit_is_hardened(unit):
    have = settings(unit)
    wrong = {name: have.get(name) for name, form in HARDENED.items()
             if not re.fullmatch(form, have.get(name, "\0"))}
    assert wrong == {}
    # code is made at run time by nginx' pcre_jit alone
    if not re.search(r"/nginx ", have["ExecStart"]):
        assert have.get("MemoryDenyWriteExecute") == "yes"
    # root only where files of others are read and kept as they are
    assert "User" in have or "DAC_OVERRIDE" in have["CapabilityBoundingSet"] or \
        "DynamicUser" in have


# what each one writes, beside its own folders; else the file system is read-only
WRITES = {
    "nearcast-cache-sweep": "/var/cache/nearcast", "nearcast-cache": "/var/spool/nearcast/log",
    "nearcast-release": "/srv/nearcast", "nearcast-ship@": "/var/spool/nearcast/log",
    "nearcast-publish": "/srv/origin", "nearcast-make-release@": "/srv/origin",
    "nearcast-redirectd": "/var/spool/nearcast", "nearcast-dnsd": "/var/spool/nearcast/log",
    "nearcast-healthd": "/var/spool/nearcast/log",
}


@pytest.mark.parametrize("unit", SERVICES)
def test_a_unit_may_write_what_it_writes_and_is_started_again(unit):
    """For ever: nobody is there at night to reset what gave up after five starts."""
    have = settings(unit)
    assert WRITES.get(unit.removesuffix(".service"), "") in have.get("ReadWritePaths", "")
    if have.get("Type") == "oneshot":
        return
    assert have.get("Restart") in ("always", "on-failure") or "RestartForceExitStatus" in have
    with open(UNITS[unit]) as f:
        assert re.search(r"^StartLimitIntervalSec=0$", f.read(), re.M)


@pytest.mark.parametrize("unit", SERVICES)
def test_a_filter_is_of_sets_that_are_known(unit):
    """Whoever needs no more than any service does has no more: never mounts, modules, the clock."""
    calls = allowed(unit)
    assert {"read", "write", "openat", "execve", "exit_group"} <= calls
    assert not calls & {"mount", "init_module", "settimeofday", "reboot", "ptrace", "bpf",
                        "swapon", "pivot_root", "kexec_load"}


def traced(folder):
    calls = set()
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), errors="replace") as f:
            calls |= set(re.findall(r"^([a-z_0-9]+)\(", f.read(), re.M))
    return calls


def strace(folder, argv):
    os.makedirs(folder)
    return ["strace", "-D", "-ff", "-qq", "-o", os.path.join(folder, "t"), *argv]


def test_dnsd(tmp_path):
    d = Dnsd(tmp_path, zones=ZONES, conf='cookies { }\nrrl { responses-per-second = 100 }')
    program, d.argv = d.argv, strace(tmp_path / "trace", d.argv)
    d.start()
    d.argv = program
    try:
        d.udp("example.org", "SOA")
        d.tcp("example.org", "SOA")
        d.listen.append(f"127.0.3.1@{d.port}")
        d.write()
        assert nearctl(d.argv[2], "reload").returncode == 0
        assert nearctl(d.argv[2], "status").stdout
        d.write_file("run/health", "nonsense\n")
        time.sleep(0.2)
    finally:
        d.stop()
    time.sleep(0.5)                                  # strace ends after what it traced
    calls = traced(tmp_path / "trace")
    assert {"recvmmsg", "sched_setattr", "bind"} <= calls
    assert calls <= allowed("nearcast-dnsd.service"), calls - allowed("nearcast-dnsd.service")


HEALTHD = """
here = "fra"
listen = {{ "192.0.2.53", "2001:db8:53::53" }}
run-dir = "{folder}/run"
state-dir = "{folder}/state"
zone "example.org" {{ file = "example.org.zone" }}
hook = "/bin/true"
site "fra" {{ location = {{ 50.11, 8.68 }} }}
check "tcp" {{ kind = "tcp"  port = 8080  interval = "200ms"  timeout = "100ms" }}
check "http" {{ kind = "http"  url = "http://www.example.org:8081/"  interval = "200ms"
  timeout = "100ms"  match-body = "[a-z]+ready"  method = "GET" }}
check "https" {{ kind = "http"  url = "https://www.example.org:8082/"  interval = "200ms"
  timeout = "100ms" }}
check "dns" {{ kind = "dns"  question = "example.org SOA"  interval = "200ms"  timeout = "100ms" }}
check "command" {{ kind = "command"  command = {{ "/bin/true" }}  interval = "200ms"
  timeout = "100ms" }}
{pools}
announce {{ prefix = {{ "192.0.2.0/24", "2001:db8:53::/48" }}  lease = "2s"
  bird-socket = "{folder}/none.ctl"  neighbor "rt" {{ address = "10.9.0.2"  as = 65100 }} }}
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network namespace")
def test_healthd(tmp_path):
    """With every kind of check, a hook, a lease by rtnetlink, and a dnsd that it watches."""
    name = f"nc{os.getpid()}u"
    pools = "\n".join(
        f'pool "{kind}" {{ check = "{kind}"  server "{kind}1" {{ site = "fra" '
        f'address = {{ "127.0.0.1" }} }} }}' for kind in ("tcp", "http", "https", "dns", "command"))
    conf = tmp_path / "nearcast.conf"
    conf.write_text(HEALTHD.format(folder=tmp_path, pools=pools))
    (tmp_path / "example.org.zone").write_text(ZONES["example.org"])
    inside = ["ip", "netns", "exec", name]
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        for own in ("192.0.2.53/32", "2001:db8:53::53/128"):
            subprocess.run(["ip", "-n", name, "addr", "add", own, "dev", "lo"], check=True)
        d, h = (Daemon(tmp_path, program, "-c", str(conf)) for program in ("dnsd", "healthd"))
        d.argv = [*inside, *d.argv]
        h.argv = [*inside, *strace(tmp_path / "trace", h.argv)]
        d.start()
        try:
            h.start()
            time.sleep(2)
            nearctl(conf, "drain", "fra", "--for", "10s")
            nearctl(conf, "undrain", "fra")
            assert nearctl(conf, "reload").returncode == 0
            h.wait_log("probing .*\n(.*\n)*.*probing ")
        finally:
            h.stop(expect=None)
            d.stop()
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)
    time.sleep(0.5)
    calls = traced(tmp_path / "trace")
    assert {"socket", "execve", "capset"} <= calls
    assert calls <= allowed("nearcast-healthd.service"), calls - allowed("nearcast-healthd.service")


def ask(family, address, target, **headers):
    """One answer's first line, from a TCP or Unix socket."""
    s = socket.socket(family)
    s.settimeout(5)
    s.connect(address)
    s.sendall(f"GET {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
    got = b""
    while chunk := s.recv(65536):
        got += chunk
    s.close()
    return got.split(b"\r\n")[0]


def test_redirectd(tmp_path):
    """IPv4, IPv6 and a socket file; documents and lines of a log; all that it reads replaced."""
    v4, v6, path = free_port(), free_port(), str(tmp_path / "http.sock")
    mirrors = 'mirror "no" { url = "http://no.example/"; location = { 60, 5 }; country = "NO" }\n'
    alone = "".join(f'mirror "m{k}" {{ url = "http://m{k}.example/x"; one-file = "o{k}"; '
                    'country = "NO" }\n' for k in range(2))
    one_files = (f'one-file "o0" {{ path = "/x"; listen = "::1@{v6}" }}\n'
                 f'one-file "o1" {{ path = "/x"; listen = "{path}" }}\n')
    w = World(tmp_path, {"a.deb": b"x" * 5000}, mirrors + alone, one_files,
              more='log { spool = "spool"  decisions = all }', held={"no": "all"},
              listen=f"127.0.0.1@{v4}")
    os.makedirs(w.path("spool"))
    daemon = w.daemon
    program, daemon.argv = daemon.argv, strace(tmp_path / "trace", daemon.argv)
    daemon.start()
    daemon.argv = program
    try:
        everywhere = [(socket.AF_INET, ("127.0.0.1", v4)), (socket.AF_INET6, ("::1", v6)),
                      (socket.AF_UNIX, path)]
        for family, address in everywhere:
            assert b" 302 " in ask(family, address, "/a.deb")
        for document in ("meta4", "mirrorlist", "torrent", "sha256"):
            assert b" 200 " in ask(*everywhere[0], "/a.deb." + document)
        kept = http.client.HTTPConnection("127.0.0.1", v4)
        kept.request("GET", "/a.deb")
        kept.getresponse().read()
        w.write()
        assert w.ctl("reload").returncode == 0
        assert w.ctl("redirector").returncode == 0
        write(w.path("new.mmdb"), {**PLACES, "127.9.0.0/16": city("JP", "AS", 35.7, 139.7)})
        os.rename(w.path("new.mmdb"), w.path("geo.mmdb"))
        w.add("b.deb", b"y" * 5000)
        w.catalogue()
        w.hold("no", "all")
        w.health(no="down")
        w.wait(lambda: "databases of places read anew" in daemon.log())
        w.wait(lambda: daemon.log().count(" files") >= 2 and "is left out" in daemon.log())
        assert b" 302 " not in ask(*everywhere[0], "/b.deb")
        w.write(mirrors="nonsense {")
        assert w.ctl("reload").returncode != 0
        with open(w.path("catalogue.db"), "r+b") as f:      # damaged in place: as a disk does it
            f.write(b"\0" * 100)
        time.sleep(1.2)
        kept.request("GET", "/a.deb")
        kept.getresponse().read()
        kept.close()
    finally:
        daemon.stop()
    time.sleep(0.5)
    calls = traced(tmp_path / "trace")
    assert {"accept4", "epoll_wait", "pread64", "bind"} <= calls, calls
    unit = "nearcast-redirectd.service"
    assert calls <= allowed(unit), calls - allowed(unit)
