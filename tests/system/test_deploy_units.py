"""The systemd units let through every system call that the daemons make: start, work, reload, end,
by strace.  No service manager is started."""
import os
import re
import shutil
import subprocess
import time

import pytest
from conftest import ROOT, Daemon, Dnsd, nearctl

pytestmark = pytest.mark.skipif(
    not shutil.which("strace") or not shutil.which("systemd-analyze") or
    os.environ.get("B", "").endswith("asan"), reason="needs strace and systemd-analyze")

ZONES = {"example.org": """$TTL 300
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
ns IN A 192.0.2.1
"""}
# the trace itself, and what a thread's or a process' end is made of
ALWAYS = {"exit", "exit_group", "rt_sigreturn", "restart_syscall", "execve"}


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
    with open(os.path.join(ROOT, "deploy", "systemd", unit)) as f:
        for line in f:
            if not line.startswith("SystemCallFilter="):
                continue
            words = line.strip().split("=", 1)[1]
            named = set()
            for word in words.lstrip("~").split():
                named |= group(word) if word.startswith("@") else {word}
            calls = calls - named if words.startswith("~") else calls | named
    return calls


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
