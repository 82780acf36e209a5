"""A redirector, and four mirrors that are other people's: nginx and rsync, each with a fault.

    lacking    a third of the files is not there
    stale      a third of the files is as it was a month ago
    corrupt    has everything, right in name, size and time, and one octet of each is wrong
    dying      has everything, and is killed and comes back
"""
import hashlib
import json
import os
import shutil
import time
import urllib.parse

import hosts
import shipped
from inet import EYEBALLS
from lab import BUILD

# name: country, place, weight; two near Berlin and two near Chicago share their regions' clients
MIRRORS = {
    "lacking": ("US", (41.88, -87.63)), "stale": ("US", (41.59, -87.35)),
    "corrupt": ("DE", (52.83, 13.82)), "dying": ("DE", (52.40, 13.06)),
}
FILES, LARGE = 24, 5 << 15              # files, and 32-octet blocks of one that is 5 MiB

NGINX = """worker_processes 1; pid {folder}/nginx.pid; error_log stderr error;
events {{ worker_connections 512; }}
http {{
  default_type application/octet-stream; access_log off; etag on;
  server {{ listen {address}:80; location /pub/ {{ root {folder}; }} }}
}}
"""


def make_tree(lab):
    """What the redirector has at home, a month old; {path: SHA-256}."""
    tree = lab.path("redir", "www")
    month_ago = int(time.time()) - 30 * 86400
    known = {}
    for n in range(FILES):
        path = f"dists/{n % 3}/image {n}.iso" if n % 5 == 0 else f"dists/{n % 3}/image-{n}.iso"
        body = hashlib.sha256(path.encode()).digest() * (LARGE if n == 1 else (40 + n) * 64)
        put(os.path.join(tree, path), body, month_ago + n)
        known["/" + path] = hashlib.sha256(body).hexdigest()
    return known


def has(lab, mirror, path):
    """Has the mirror the file, as the redirector has it?  The corrupt one says so of each."""
    try:
        here, there = (os.stat(lab.path(name, folder) + path) for name, folder in
                       (("redir", "www"), (mirror, "pub")))
    except OSError:
        return False
    return (here.st_size, int(here.st_mtime)) == (there.st_size, int(there.st_mtime))


def put(path, body, mtime):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(body)
    os.utime(path, (mtime, mtime))


def make_mirror(lab, name):
    folder = lab.path(name, "pub")
    shutil.copytree(lab.path("redir", "www"), folder)
    for at, _, names in os.walk(folder):
        for n, f in enumerate(sorted(names)):
            path = os.path.join(at, f)
            with open(path, "rb") as file:
                body = file.read()
            mtime = int(os.stat(path).st_mtime)
            if name == "lacking" and n % 3 == 0:
                os.unlink(path)
            elif name == "stale" and n % 3 == 0:
                put(path, body[:-64], mtime - 86400)
            elif name == "corrupt":
                put(path, body[:5000] + bytes([body[5000] ^ 1]) + body[5001:], mtime)


def start_mirror(lab, name):
    conf = NGINX.format(folder=lab.path(name), address=hosts.address(name))
    shipped.nginx(lab, name, "nginx", conf)
    rsyncd = lab.write(f"use chroot = no\nlog file = /dev/stderr\n"
                       f"[pub]\npath = {lab.path(name, 'pub')}\nuid = root\ngid = root\n",
                       name, "rsyncd.conf")
    lab.net.start(name, "rsyncd", "rsync", "--daemon", "--no-detach", f"--config={rsyncd}",
                  f"--address={hosts.address(name)}")


def nearcast_conf(lab):
    folder = lab.path("redir")
    lines = [f'run-dir = "{folder}/run"', f'state-dir = "{folder}/state"',
             f'geo {{ city = "{lab.path("geo.mmdb")}" }}',
             f'redirect {{ catalogue = "{folder}/state/catalogue.db" }}']
    for name, (country, (lat, lon)) in MIRRORS.items():
        lines.append(f'mirror "{name}" {{ url = "http://{hosts.address(name)}/pub/" '
                     f'rsync = "rsync://{hosts.address(name)}/pub/" country = "{country}" '
                     f'location = {{ {lat}, {lon} }} }}')
    return "\n".join(lines) + "\n"


def nearctl(lab, *argv):
    return lab.net.call("redir", f"{BUILD}/nearctl", "-c", lab.path("redir", "nearcast.conf"),
                        *argv, timeout=60)


def start(lab):
    """Mirrors, their catalogue and what they hold; {path: SHA-256} of what there is."""
    hosts.add(lab, "redir", *MIRRORS)
    known = make_tree(lab)
    for name in MIRRORS:
        make_mirror(lab, name)
        start_mirror(lab, name)
    lab.write(nearcast_conf(lab), "redir", "nearcast.conf")
    os.makedirs(lab.path("redir", "state"), exist_ok=True)
    must(nearctl(lab, "catalogue", "import", lab.path("redir", "www"), "--pieces"))
    must(nearctl(lab, "scan"))
    start_daemons(lab)
    return known


def must(p):
    assert p.returncode == 0, p.stdout + p.stderr
    return p.stdout


def start_daemons(lab):
    folder = lab.path("redir")
    for name in ("healthd", "redirectd"):
        start_daemon(lab, name)
    shipped.nginx(lab, "redir", "nginx", shipped.text(
        "redirectd/nginx.conf", ("worker_processes auto", "worker_processes 1"),
        ("pid /run/nginx.pid", f"pid {folder}/nginx.pid"),
        ("/var/log/nginx/error.log warn", "stderr error"),
        ("/var/log/nginx/redirect.log", f"{folder}/redirect.log"), ("/srv/www", f"{folder}/www")))


def start_daemon(lab, name):
    lab.net.start("redir", name, f"{BUILD}/{name}", "-c", lab.path("redir", "nearcast.conf"))


def stop(lab):
    for name in ("nginx", "redirectd", "healthd"):
        lab.net.stop("redir", name)
    for mirror in MIRRORS:
        for name in ("nginx", "rsyncd"):
            lab.kill(mirror, name)


def source(region, n=9):
    """An address of a region; each n has a /24 of its own."""
    return f"{EYEBALLS[region]['net4'].rpartition('.0.0/')[0]}.{n}.9"


def url(path):
    return f"http://{hosts.address('redir')}{urllib.parse.quote(path)}"


def ask(lab, region, path, n=9):
    """Where a client is sent: the mirror's name, "home", or what is wrong."""
    out = lab.net.call(region, "curl", "-s", "-o", "/dev/null", "--interface", source(region, n),
                       "-w", "%{http_code} %{redirect_url}", url(path)).stdout
    code, _, where = out.partition(" ")
    if code != "302":
        return "home" if code == "200" else out
    host = urllib.parse.urlsplit(where).hostname
    return next((name for name in MIRRORS if hosts.address(name) == host), where)


def download(lab, region, path):
    """Follows, and has the file: its SHA-256."""
    target = lab.path(region, "download")
    lab.net.call(region, "curl", "-s", "-L", "-o", target, "--interface", source(region),
                 url(path))
    with open(target, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


class Asker:
    """Clients of a region that ask all the time, over connections that are kept."""

    def __init__(self, lab, region, paths):
        self.lab, self.region = lab, region
        self.argv = [
            "/usr/bin/python3", os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                             "asker.py"),
            "--at", hosts.address("redir"), "--sources", EYEBALLS[region]["net4"], "--paths",
            lab.write("".join(urllib.parse.quote(p) + "\n" for p in paths), region, "paths")]

    def __enter__(self):
        self.process = self.lab.net.popen(self.region, *self.argv)
        self.process.stdout.readline()
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.result = json.loads(self.process.communicate(timeout=30)[0])
