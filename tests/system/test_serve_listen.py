"""A reload applies `listen`: new addresses are bound before the old are left, or it is refused as a
whole and all is served on as before."""
import os
import re
import resource
import socket
import subprocess
import sys
import threading

import dns.message
import dns.query
import pytest
from conftest import Dnsd, free_port, nearctl

ZONES = {"example.org": """$TTL 300
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
ns IN A 192.0.2.1
"""}
SOA = dns.message.make_query("example.org", "SOA").to_wire()


def reload(d, *words):
    p = nearctl(d.argv[2], "reload", *words)
    return p.returncode, p.stdout + p.stderr


def listen(d, *addresses):
    d.listen = list(addresses)
    d.write()
    return reload(d)


def answers(where, tcp=True):
    """By UDP and TCP, many times, so that every worker's socket is met."""
    ip, port = where.split("@")
    ways = [dns.query.udp] * 20 + [dns.query.tcp] * (20 if tcp else 0)
    good = 0
    for way in ways:
        try:
            good += bool(way(dns.message.make_query("example.org", "SOA"), ip, port=int(port),
                             timeout=0.5).answer)
        except (OSError, dns.exception.Timeout, EOFError):
            if good == 0:
                return 0
    return good


def sockets(port):
    """Addresses of this network namespace on which somebody serves the port."""
    found = set()
    for table in ("udp", "udp6", "tcp", "tcp6"):
        with open(f"/proc/net/{table}") as f:
            for line in f.readlines()[1:]:
                fields = line.split()
                local, state = fields[1], fields[3]
                if int(local.split(":")[1], 16) == port and state in ("07", "0A"):
                    found.add((table, local.split(":")[0]))
    return found


def test_addresses_come_and_go(dnsd_factory):
    d = dnsd_factory(zones=ZONES)
    port = d.port
    first, second, six = f"127.0.0.1@{port}", f"127.0.3.1@{port}", f"::1@{port}"
    assert sockets(port) == {("udp", "0100007F"), ("tcp", "0100007F"),
                             ("udp6", "0" * 24 + "01000000"), ("tcp6", "0" * 24 + "01000000")}
    assert listen(d, first, second) == (0, "")
    assert answers(first) == answers(second) == 40 and answers(six) == 0
    assert sockets(port) == {("udp", "0100007F"), ("tcp", "0100007F"), ("udp", "0103007F"),
                             ("tcp", "0103007F")}
    assert listen(d, six) == (0, "")
    assert answers(six) == 40 and answers(first) == answers(second) == 0
    other = free_port()
    assert listen(d, first, f"127.0.0.1@{other}") == (0, "")
    assert answers(first) == answers(f"127.0.0.1@{other}") == 40
    assert "restart" not in d.log()


def test_what_was_counted_is_not_forgotten(dnsd_factory):
    d = dnsd_factory(zones=ZONES)
    for _ in range(10):
        d.udp("example.org", "SOA")
    assert listen(d, f"127.0.3.1@{d.port}") == (0, "")
    assert d.counters()["udp_queries"] == 10
    d.udp("example.org", "SOA", where="127.0.3.1")
    assert d.counters()["udp_queries"] == 11


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM], ids=["udp", "tcp"])
def test_address_in_use_refuses_the_reload(dnsd_factory, kind):
    d = dnsd_factory(zones=ZONES)
    first, taken = d.listen[0], free_port()
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", taken))
        if kind == socket.SOCK_STREAM:
            s.listen()
        d.zones["example.net"] = ZONES["example.org"]
        code, said = listen(d, f"127.0.3.1@{d.port}", f"127.0.0.1@{taken}")
        assert code != 0
        assert re.search(rf"not reloaded: \S*nearcast\.conf:\d+: listen 127\.0\.0\.1@{taken} over "
                         rf"{'UDP' if kind == socket.SOCK_DGRAM else 'TCP'}: Address already in "
                         "use", said), said
    assert answers(first) == 40 and answers(f"127.0.3.1@{d.port}") == 0
    assert d.udp("example.net", "SOA").rcode() == dns.rcode.REFUSED    # not half of it either
    assert "generation 1 stays" in d.log()
    assert listen(d, f"127.0.3.1@{d.port}", f"127.0.0.1@{taken}") == (0, "")
    assert answers(f"127.0.0.1@{taken}") == 40


def test_address_of_another_machine_refuses_the_reload(dnsd_factory):
    """A digit wrong in the file of all sites: none of them leaves the internet.  At start an
    address may come later, and --force takes the operator's word."""
    d = dnsd_factory(zones=ZONES)
    first = d.listen[0]
    for wrong in ("198.51.100.77", "2001:db8:77::1"):
        code, said = listen(d, f"{wrong}@{d.port}")
        assert code != 0
        assert re.search(rf"nearcast\.conf:\d+: listen {wrong}@{d.port}: is not an address of this "
                         "machine", said), said
        assert answers(first) == 40
    assert reload(d, "--force")[0] == 0
    assert answers(first) == 0


def test_wildcard_and_what_it_stands_for_take_a_restart(dnsd_factory):
    d = dnsd_factory(zones=ZONES)
    first, any4 = d.listen[0], f"0.0.0.0@{d.port}"
    code, said = listen(d, any4)
    assert code != 0 and f"listen {any4}: is served as {first} now, a restart is needed" in said
    assert answers(first) == 40
    assert listen(d, first) == (0, "")


def test_wildcard_beside_a_named_address(dnsd_factory):
    d = dnsd_factory(zones=ZONES, start=False)
    d.listen = [f"0.0.0.0@{d.port}", f"127.0.0.1@{d.port}"]
    d.write()
    d.start()
    assert answers(f"127.0.0.1@{d.port}") == answers(f"127.0.0.9@{d.port}") == 40


def test_a_reload_that_fails_later_leaves_new_addresses(dnsd_factory):
    d = dnsd_factory(zones=ZONES)
    d.write("nonsense = 1")
    d.listen.append(f"127.0.3.1@{d.port}")
    d.write()
    assert reload(d)[0] != 0
    assert answers(f"127.0.3.1@{d.port}") == 0


def test_no_query_is_lost_on_addresses_that_stay(dnsd_factory):
    d = dnsd_factory(zones=ZONES)
    stays, other = d.listen[0], f"127.0.3.1@{d.port}"
    stop, lost, asked = threading.Event(), [], []

    def ask():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(2)
            s.connect(("127.0.0.1", d.port))
            while not stop.is_set():
                s.send(SOA)
                asked.append(1)
                try:
                    s.recv(4096)
                except OSError as e:
                    lost.append(e)

    def ask_tcp():
        while not stop.is_set():
            asked.append(1)
            try:
                dns.query.tcp(dns.message.make_query("example.org", "SOA"), "127.0.0.1",
                              port=d.port, timeout=2)
            except Exception as e:
                lost.append(e)

    threads = [threading.Thread(target=f) for f in (ask, ask, ask_tcp)]
    for t in threads:
        t.start()
    try:
        for i in range(10):
            assert listen(d, stays, other) == (0, "")
            assert listen(d, stays) == (0, "")
    finally:
        stop.set()
        for t in threads:
            t.join()
    assert lost == [] and len(asked) > 500


def test_connection_outlives_its_address(dnsd_factory):
    d = dnsd_factory(zones=ZONES)
    with socket.create_connection(("127.0.0.1", d.port)) as s:
        s.settimeout(5)
        s.sendall(len(SOA).to_bytes(2, "big") + SOA)
        assert s.recv(4096)
        assert listen(d, f"127.0.3.1@{d.port}") == (0, "")
        s.sendall(len(SOA).to_bytes(2, "big") + SOA)
        assert s.recv(4096)


def test_threads_that_cannot_start_refuse_the_reload(dnsd_factory):
    """No descriptors for the last of the new addresses: nothing has changed."""
    d = dnsd_factory(zones=ZONES)
    few = len(os.listdir(f"/proc/{d.process.pid}/fd")) + 20
    resource.prlimit(d.process.pid, resource.RLIMIT_NOFILE, (few, 1000))
    code, said = listen(d, *(f"127.0.3.{i}@{d.port}" for i in range(1, 30)))
    assert code != 0 and "Too many open files" in said
    resource.prlimit(d.process.pid, resource.RLIMIT_NOFILE, (1000, 1000))
    assert answers(f"127.0.0.1@{d.port}") == 40
    assert listen(d, *(f"127.0.3.{i}@{d.port}" for i in range(1, 30))) == (0, "")
    assert answers(f"127.0.3.29@{d.port}") == 40


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_privileged_port_after_privileges_are_gone(tmp_path):
    name = f"nc{os.getpid()}l"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        os.chmod(tmp_path, 0o755)
        for folder in tmp_path.parents:
            if str(folder).startswith("/tmp/"):
                os.chmod(folder, 0o755)
        d = Dnsd(tmp_path, zones=ZONES, conf='user = "nobody"')
        d.listen = ["127.0.0.1@53"]
        d.write()
        program, d.argv = d.argv, ["ip", "netns", "exec", name, *d.argv]
        d.start()
        d.argv = program
        try:
            with open(f"/proc/{d.process.pid}/status") as f:
                status = f.read()
            for which in ("CapPrm", "CapEff", "CapBnd"):
                assert f"{which}:\t{1 << 10:016x}" in status    # CAP_NET_BIND_SERVICE
            for which in ("CapInh", "CapAmb"):
                assert f"{which}:\t{0:016x}" in status
            assert listen(d, "127.0.3.1@53", "127.0.3.1@54") == (0, "")
            p = subprocess.run(["ip", "netns", "exec", name, sys.executable, "-c", '''
import dns.message, dns.query
for port in 53, 54:
    for way in dns.query.udp, dns.query.tcp:
        r = way(dns.message.make_query("example.org", "SOA"), "127.0.3.1", port=port, timeout=2)
        assert r.answer
'''], capture_output=True, text=True)
            assert p.returncode == 0, p.stderr
        finally:
            d.stop()
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)
