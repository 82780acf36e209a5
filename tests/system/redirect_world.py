"""redirectd behind nginx as deploy/redirectd ships it, on loopback, in a folder.

    with World(tmp_path, files={"pool/x.deb": b"..."}, mirrors=MIRRORS) as w:
        w.get("/pool/x.deb", source="127.0.0.2").headers["location"]

Clients are addresses of 127.0.0.0/8, which a database places.  Only ports, paths and the user of
the shipped nginx.conf are replaced.
"""
import http.client
import os
import re
import subprocess
import sys
import time
from collections import namedtuple

from cache_world import Nginx
from conftest import BUILD, ROOT, Daemon, free_port, nearctl
from mmdb_write import asn, city, write

Answer = namedtuple("Answer", "status headers body")

PLACES = {
    "127.0.0.1/32": city("NO", "EU", 60.4, 5.3),
    "127.0.0.2/32": city("DE", "EU", 50.1, 8.7),
    "127.0.0.3/32": city("US", "NA", 40.7, -74.0),
    "127.0.0.4/32": city("JP", "AS", 35.7, 139.7),
    "127.1.0.0/16": city("DE", "EU", 50.1, 8.7),
}
NUMBERS = {"127.0.0.3/32": asn(64500)}

CONF = """
threads = 2
run-dir = "run"
state-dir = "."
geo {{
	city = "geo.mmdb"
	asn = "asn.mmdb"
}}
redirect {{
	listen = "{listen}"
	min-size = 10
{redirect}
}}
{mirrors}
{more}
"""


class Front(Nginx):
    """deploy/redirectd/nginx.conf, pointed at a folder, a port and a redirectd."""

    def __init__(self, folder, listen, root):
        self.port = free_port()
        super().__init__(folder, f"{folder}/nginx.conf")
        with open(os.path.join(ROOT, "deploy", "redirectd", "nginx.conf")) as f:
            text = f.read()
        temp = "".join(f"{m}_temp_path {folder}/t-{m};" for m in
                       ("client_body", "proxy", "fastcgi", "scgi", "uwsgi"))
        server = listen.replace("@", ":") if "@" in listen else "unix:" + listen
        for pattern, new in [
                (r"^user .*;", "user root;"),
                (r"worker_processes auto;", "worker_processes 1;"),
                (r"/run/nginx.pid", f"{folder}/pid"),
                (r"/var/log/nginx/", f"{folder}/"),
                (r"server 127.0.0.1:9555;", f"server {server};"),
                (r"listen 80 backlog", f"listen 0.0.0.0:{self.port} backlog"),
                (r"listen \[::\]:80 .*;", ""),
                (r"/srv/www", root),
                (r"http \{", "http {\n" + temp)]:
            text, n = re.subn(pattern, new, text, flags=re.M)
            assert n, pattern
        with open(self.conf, "w") as f:
            f.write(text)


class World:
    def __init__(self, folder, files, mirrors, redirect="", more="", held=None, listen=None):
        self.folder = str(folder)
        self.listen = listen or f"127.0.0.1@{free_port()}"
        self.redirect, self.mirrors, self.more = redirect, mirrors, more
        self.root = self.path("www")
        for name, body in files.items():
            self.add(name, body)
        write(self.path("geo.mmdb"), PLACES)
        write(self.path("asn.mmdb"), NUMBERS)
        self.write()
        self.catalogue()
        for name, paths in (held or {}).items():
            self.hold(name, paths)
        self.daemon = Daemon(self.folder, "redirectd", "-c", self.path("nearcast.conf"))
        self.front = Front(self.folder, self.listen, self.root)

    def path(self, name):
        return os.path.join(self.folder, name)

    def add(self, name, body):
        path = os.path.join(os.fsencode(self.root), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(body)

    def write(self, **changes):
        """nearcast.conf, by rename."""
        for name, text in changes.items():
            setattr(self, name, text)
        with open(self.path("new"), "w") as f:
            f.write(CONF.format(listen=self.listen, redirect=self.redirect, mirrors=self.mirrors,
                                more=self.more))
        os.rename(self.path("new"), self.path("nearcast.conf"))

    def ctl(self, *words):
        return nearctl(self.path("nearcast.conf"), *words)

    def catalogue(self):
        p = self.ctl("catalogue", "import", self.root, "--md5", "--pieces", "--force")
        assert p.returncode == 0, p.stderr

    def hold(self, mirror, paths):
        """What a scan would have found; "all" = everything."""
        tool = os.path.join(BUILD, "tests", "redirect", "held_set")
        db = self.path("catalogue.db")
        if paths == "all":
            subprocess.run([tool, "-a", "100", db, mirror], check=True)
        else:
            subprocess.run([tool, db, mirror], check=True,
                           input=b"".join(os.fsencode(p) + b"\n" for p in paths))

    def health(self, lease_ms=60000, **states):
        """The mirror health file as healthd writes it."""
        now = time.time()
        lines = [f"nearcast-mirrors 1 generation=1 stamp={now:.3f} lease={lease_ms}\n"]
        for name, state in sorted(states.items()):
            # without the files found bad there it can be sent to: `incomplete 100`
            state, _, weight = state.partition(" ")
            weight = weight or (0 if state in ("incomplete", "down") else 100)
            lines.append(f"mirror {name} {state} since={now:.3f} weight={weight} samples=100 "
                         f'bad=0 scanned=0 reason="test"\n')
        lines.append(f"end {len(states)}\n")
        os.makedirs(self.path("run"), exist_ok=True)
        with open(self.path("run/mirrors.new"), "w") as f:
            f.writelines(lines)
        os.rename(self.path("run/mirrors.new"), self.path("run/mirrors"))

    def __enter__(self):
        self.daemon.start()
        self.front.start()
        return self

    def __exit__(self, *_):
        self.front.stop()
        self.daemon.stop()

    def connect(self, source="127.0.0.1"):
        return http.client.HTTPConnection("127.0.0.1", self.front.port, timeout=10,
                                          source_address=(source, 0))

    def get(self, target, source="127.0.0.1", method="GET", connection=None, **headers):
        c = connection or self.connect(source)
        c.putrequest(method, target, skip_accept_encoding=True, skip_host="Host" in headers)
        for name, value in headers.items():
            c.putheader(name.replace("_", "-"), value)
        c.endheaders()
        r = c.getresponse()
        body = r.read()
        found = {}
        for name, value in r.getheaders():
            found.setdefault(name.lower(), []).append(value)
        if connection is None:
            c.close()
        return Answer(r.status, {n: v if n == "link" else v[0] for n, v in found.items()}, body)

    def where(self, target, source="127.0.0.1", **headers):
        """The mirror's host that a request is sent to; "" = it is served from here."""
        a = self.get(target, source, **headers)
        if a.status == 200:
            return ""
        assert a.status == 302, a
        return a.headers["location"].split("/")[2]

    def wait(self, condition, seconds=5):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, self.daemon.log()[-2000:]
            time.sleep(0.02)


if __name__ == "__main__":
    sys.exit("a library of tests")
