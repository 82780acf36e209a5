"""The rules of the packet path, over a million queries of many kinds: recvmmsg and sendmmsg are the
only system calls, nothing is allocated or freed, no lock is taken (tests/lib/path_rules.c
counts)."""
import os
import platform
import subprocess
import time

import dns.edns
import dns.message
import pytest
from conftest import BUILD, ROOT, Dnsd
from mmdb_write import city, write

HEAD = '''here = "fra"
site "fra" { location = { 50.11, 8.68 } }
site "nyc" { location = { 40.71, -74.01 } }
pool "mirrors" {
  server "fra1" { site = "fra" address = { "198.51.100.10", "2001:db8:a::10" } }
  server "fra2" { site = "fra" address = { "198.51.100.11" } }
  server "nyc1" { site = "nyc" address = { "203.0.113.10" } }
}
geo { city = "geo.mmdb" }
rrl { responses-per-second = 1000000 }
log { spool = "spool"; decisions = 7 }
'''
ZONE = """$TTL 300
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
@ IN MX 10 www
ns IN A 192.0.2.1
www IN A 192.0.2.2
alias IN CNAME www
*.wild IN A 192.0.2.3
sub IN NS ns.sub
ns.sub IN A 192.0.2.4
d IN DNAME wild
download 60 IN A 192.0.2.99
_steer.download IN TXT "pool=mirrors"
download IN HTTPS 1 . alpn=h2 ipv4hint=192.0.2.99
"""
ECS = [dns.edns.ECSOption("198.18.5.0", 24)]
COOKIE = [dns.edns.GenericOption(10, b"12345678")]
QUERIES = [
    ("www.example.org", "A", {}), ("WWW.example.org", "A", {"use_edns": 0}),
    ("alias.example.org", "A", {}),
    ("x.wild.example.org", "A", {}), ("absent.example.org", "A", {}),
    ("www.example.org", "AAAA", {}),
    ("www.sub.example.org", "A", {}), ("a.d.example.org", "A", {}), ("example.org", "MX", {}),
    ("not.served", "A", {"use_edns": 0}), ("example.org", "ANY", {}),
    ("www.example.org", "A", {"use_edns": 0, "options": COOKIE + [dns.edns.GenericOption(3, b"")]}),
    ("www.example.org", "A", {"use_edns": 0, "want_dnssec": True}),
    ("download.example.org", "A", {}), ("download.example.org", "A",
                                        {"use_edns": 0, "options": ECS}),
    ("download.example.org", "AAAA", {"use_edns": 0, "options": ECS}),
    ("download.example.org", "HTTPS", {}),
    ("_whoami.example.org", "TXT", {}),
]
MILLION = 1000000


def build(tmp_path):
    """The watcher, and the generator of tests/bench."""
    lib = str(tmp_path / "path_rules.so")
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", lib,
                    os.path.join(ROOT, "tests/lib/path_rules.c"), "-ldl"], check=True)
    load = os.path.join(BUILD, "tests/bench/load")
    return lib, load


@pytest.mark.skipif("san" in os.path.basename(BUILD), reason="sanitizers allocate for themselves")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the watcher knows x86-64 only")
def test_packet_path_rules(tmp_path):
    lib, load = build(tmp_path)
    write(str(tmp_path / "geo.mmdb"), {"198.18.0.0/16": city("DE", "EU", 50, 8),
                                       "127.0.0.0/8": city("US", "NA", 40, -74)})
    queries = tmp_path / "queries"
    with open(queries, "w") as f:
        for name, rdtype, options in QUERIES:
            q = dns.message.make_query(name, rdtype, **{"use_edns": False, **options})
            f.write(f"{q.to_wire().hex()} 0 *\n")
    out = tmp_path / "rules"
    d = Dnsd(tmp_path, zones={"example.org": ZONE}, head=HEAD, threads=1)
    d.env = {"LD_PRELOAD": lib, "PATH_RULES_OUT": str(out)}
    d.start()
    try:
        end = time.monotonic() + 60
        while d.counters()["udp_queries"] < MILLION:
            assert time.monotonic() < end
            subprocess.run([load, "-xx", "-t", "1", "-n", "8", "-w", "64", "127.0.0.1", str(d.port),
                            str(queries)],
                           check=True, stdout=subprocess.DEVNULL)
        c = d.counters()
        for kind in ("noerror", "nxdomain", "nodata", "referral", "refused", "steered",
                     "steered_ecs"):
            assert c["answers_" + kind] > MILLION / 100, kind
    finally:
        d.stop()
    counted = dict(line.split() for line in out.read_text().splitlines())
    counted = {k: int(v) for k, v in counted.items()}
    print(counted)
    if counted["unarmed"]:
        pytest.skip("this kernel has no syscall user dispatch")
    assert counted["received"] >= MILLION
    assert {k: v for k, v in counted.items() if k.startswith("syscall_")} == {}
    assert counted["allocs"] == counted["frees"] == counted["locks"] == 0
    # one send for each receive, however large the batch
    assert counted["sendmmsg"] <= counted["recvmmsg"]


@pytest.mark.skipif("san" in os.path.basename(BUILD) or platform.machine() != "x86_64",
                    reason="as above")
def test_the_watcher_sees_breaches(tmp_path):
    """A worker that breaks every rule once a batch: else the test above could not fail."""
    lib, _ = build(tmp_path)
    source = tmp_path / "bad.c"
    source.write_text(r"""
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
int main(void) {
    int fd[2]; char buf[16];
    struct iovec iov = { buf, sizeof(buf) };
    struct mmsghdr m = { .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } };
    socketpair(AF_UNIX, SOCK_DGRAM, 0, fd);
    for (int i = 0; i < 10; i++) {
        send(fd[1], "x", 1, 0);
        recvmmsg(fd[0], &m, 1, 0, NULL);
        void *volatile p = malloc(10);
        free(p);
        pthread_mutex_lock(&lock);
        pthread_mutex_unlock(&lock);
        getppid();
    }
    m.msg_len = 0;
    send(fd[1], "", 0, 0);
    recvmmsg(fd[0], &m, 1, 0, NULL);
    return 0;
}
""")
    program, out = str(tmp_path / "bad"), tmp_path / "rules"
    subprocess.run(["cc", "-D_GNU_SOURCE", "-o", program, str(source)], check=True)
    subprocess.run([program], check=True, env={**os.environ, "LD_PRELOAD": lib,
                                               "PATH_RULES_OUT": str(out)})
    counted = {k: int(v) for k, v in (line.split() for line in out.read_text().splitlines())}
    if counted["unarmed"]:
        pytest.skip("this kernel has no syscall user dispatch")
    assert counted["allocs"] == counted["frees"] == counted["locks"] == 10
    # getppid; the first malloc may make one of its own before it
    assert counted["syscall_110"] >= 9
