"""deploy/logs/nginx-log.conf and the TLS ends, as shipped: as many lines at the collector as nginx
counts requests, and nothing for whoever has no certificate."""
import concurrent.futures
import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
import urllib.request

import pytest
from conftest import free_port, nearctl
from logs_world import Collector, Group, Ship, shipped, wait

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="nginx as shipped needs root")
OPENSSL = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


class Server(Group):
    """A program in the foreground with a configuration of its own."""

    def __init__(self, folder, name, argv, env=None):
        self.log = os.path.join(str(folder), name + ".log")
        self.argv, self.env = argv, dict(os.environ, **(env or {}))


def nginx(folder, name, text):
    conf = os.path.join(str(folder), name + ".conf")
    with open(conf, "w") as f:
        f.write(text)
    return Server(folder, name, ["nginx", "-c", conf, "-p", str(folder), "-e", "stderr"],
                  {"TZ": "UTC"})


@ROOT_ONLY
def test_every_request_has_its_line(tmp_path):
    web, status = free_port(), free_port()
    c = Collector(tmp_path, "c1")
    s = Ship(tmp_path, "c1", c.url)
    os.chmod(tmp_path, 0o755)
    log = shipped("nginx-log.conf", ("/var/spool/nearcast/log", s.spool),
                  ("127.0.0.1:8099", f"127.0.0.1:{status}"))
    server = nginx(tmp_path, "web", f"""
daemon off; worker_processes 2; pid {tmp_path}/nginx.pid; user root;
events {{ }}
http {{
{log}
server {{ listen 127.0.0.1:{web}; root {tmp_path}; location / {{ return 200 "x"; }} }}
}}
""")
    try:
        for thing in (c, s, server):
            thing.start()
        wait(lambda: subprocess.run(["curl", "-s", f"http://127.0.0.1:{web}/"],
                                    capture_output=True).returncode == 0, 10)

        def ask(n):
            k = http.client.HTTPConnection("127.0.0.1", web)
            for i in range(n):
                k.request("GET", f"/%22%5C?{i}\\\"")
                k.getresponse().read()
            k.close()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(ask, [20] * 50))
        with urllib.request.urlopen(f"http://127.0.0.1:{status}/status") as r:
            counted = int(re.search(r"^ \d+ \d+ (\d+)", r.read().decode(), re.M)[1]) - 1

        def lines():
            n = 0
            for f in c.files():
                with open(os.path.join(c.data, f)) as one:
                    n += sum(1 for _ in one)
            return n
        # a file a minute, which closes by itself
        assert all(re.fullmatch(r"nginx-\d{4}-\d\d-\d\dT\d\d:\d\d:\.log", f)
                   for f in os.listdir(s.spool)), os.listdir(s.spool)
        wait(lambda: lines() >= counted, 10, f"{lines()} of {counted}")
        assert lines() == counted == 1001
        p = nearctl(None, "logcheck", c.data)
        assert p.returncode == 0, p.stdout
        assert re.search(r"nginx: 1001 lines of 51 connections", p.stdout), p.stdout
    finally:
        for thing in (server, s, c):
            thing.stop()


def certificates(folder):
    """An authority, a collector's and a sender's certificate, as the page says."""
    def run(*argv):
        subprocess.run(argv, cwd=folder, check=True, capture_output=True)
    for ca in ("log-ca", "other-ca"):
        run(*OPENSSL, "-x509", "-days", "10", "-subj", "/CN=nearcast logs", "-keyout", ca + ".key",
            "-out", ca + ".crt")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost")
    for name, ca in (("collector", "log-ca"), ("fra1", "log-ca"), ("stranger", "other-ca")):
        run(*OPENSSL, "-subj", "/CN=" + name, "-keyout", name + ".key", "-out", name + ".csr")
        run("openssl", "x509", "-req", "-in", name + ".csr", "-CA", ca + ".crt", "-CAkey",
            ca + ".key", "-CAcreateserial", "-days", "10", "-extfile", "names", "-out",
            name + ".crt")


def tls_end(kind, folder, c, port):
    files = [(f"/etc/nearcast/{f}", f"{folder}/{f}")
             for f in ("collector.crt", "collector.key", "log-ca.crt")]
    if kind == "nginx":
        text = shipped("collector-nginx.conf", ("listen 874", f"listen 127.0.0.1:{port}"),
                       ("		listen [::]:874 ssl;\n", ""),
                       ("127.0.0.1:873", f"127.0.0.1:{c.port}"), *files)
        return nginx(folder, "tls", "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\n"
                     f"daemon off; pid {folder}/tls.pid; events {{ }}\n" + text)
    text = shipped("collector-stunnel.conf", ("accept = 874", f"accept = 127.0.0.1:{port}"),
                   ("127.0.0.1:873", f"127.0.0.1:{c.port}"),
                   ("foreground = no", "foreground = yes"),
                   ("setuid = stunnel4\nsetgid = stunnel4\n", ""),
                   ("/run/stunnel4/rsync.pid", f"{folder}/stunnel.pid"), *files)
    (folder / "stunnel.conf").write_text(text)
    return Server(folder, "stunnel", ["stunnel4", str(folder / "stunnel.conf")])


@ROOT_ONLY
@pytest.mark.parametrize("kind", ["nginx", "stunnel"])
def test_tls_with_client_certificates(tmp_path, kind):
    assert shutil.which("rsync-ssl")
    certificates(tmp_path)
    c, port = Collector(tmp_path, "c1"), free_port()
    end = tls_end(kind, tmp_path, c, port)
    name = "dnsd-20261127T000000Z.1-000000.log"

    def ship(who):
        s = Ship(tmp_path, "c1", f"rsync://fra1@localhost:{port}/fra1", SHIP_RSYNC="rsync-ssl",
                 SHIP_ROUNDS="1", RSYNC_SSL_TYPE="openssl",
                 RSYNC_SSL_CA_CERT=f"{tmp_path}/log-ca.crt")
        if who:
            s.env.update(RSYNC_SSL_CERT=f"{tmp_path}/{who}.crt",
                         RSYNC_SSL_KEY=f"{tmp_path}/{who}.key")
        with open(os.path.join(s.spool, name), "w") as f:
            f.write("a\n")
        s.start()
        wait(lambda: s.process.poll() is not None, 30)
        s.stop()
        return s.said()
    try:
        c.start()
        end.start()
        time.sleep(0.5)
        for who in (None, "stranger"):
            assert "rsync ended with" in ship(who) and c.files() == []
        ship("fra1")
        assert c.files() == [name], end.said()
    finally:
        end.stop()
        c.stop()


@ROOT_ONLY
def test_who_holds_connections_keeps_nobody_out(tmp_path):
    """A machine with a certificate asks for another's module again and again, and gives no
    password: the other's lines come all the same, by TLS and at the daemon itself."""
    certificates(tmp_path)
    c, port = Collector(tmp_path, "c1"), free_port()
    end = tls_end("nginx", tmp_path, c, port)
    context = ssl.create_default_context(cafile=f"{tmp_path}/log-ca.crt")
    context.load_cert_chain(f"{tmp_path}/fra1.crt", f"{tmp_path}/fra1.key")
    held = []

    def hold(to, wrapped):
        """Is it asked for the password?"""
        s = socket.create_connection(("127.0.0.1", to), 5, source_address=("127.0.0.9", 0))
        held.append(s)
        try:
            if wrapped:
                s = context.wrap_socket(s, server_hostname="127.0.0.1")
                held.append(s)
            s.recv(100)
            s.sendall(b"@RSYNCD: 31.0 md5\nfra1\n")
            return s.recv(200).startswith(b"@RSYNCD: AUTHREQD")
        except OSError:
            return False

    s = Ship(tmp_path, "c1", f"rsync://fra1@localhost:{port}/fra1", SHIP_RSYNC="rsync-ssl",
             SHIP_ROUNDS="1", RSYNC_SSL_TYPE="openssl",
             RSYNC_SSL_CA_CERT=f"{tmp_path}/log-ca.crt", RSYNC_SSL_CERT=f"{tmp_path}/fra1.crt",
             RSYNC_SSL_KEY=f"{tmp_path}/fra1.key")
    name = "dnsd-20261127T000000Z.1-000000.log"
    with open(os.path.join(s.spool, name), "w") as f:
        f.write("a\n")
    try:
        c.start()
        end.start()
        time.sleep(0.5)
        assert all(hold(c.port, False) for _ in range(8))
        assert [hold(port, True) for _ in range(40)] == [True] * 32 + [False] * 8, end.said()
        s.start()
        wait(lambda: s.process.poll() is not None, 30)
        assert c.files() == [name], s.said()
    finally:
        for one in held:
            one.close()
        for thing in (s, end, c):
            thing.stop()
