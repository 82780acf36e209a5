"""An origin with sets and the cache as deploy/cache ships it, on loopback, in a folder.

    with World(tmp_path) as w:
        a = w.origin.publish({"pool/x": b"..."})
        w.get("/pool/x").body

Only ports, paths, the user and the disk's bounds of the shipped files are replaced.
"""
import hashlib
import http.client
import os
import re
import signal
import socket
import subprocess
import time
from collections import namedtuple

from conftest import ROOT, free_port

CACHE = os.path.join(ROOT, "deploy", "cache")
Answer = namedtuple("Answer", "status headers body")

ORIGIN = """
user root;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log info;
events {{ worker_connections 2000; }}
http {{
	default_type application/octet-stream;
	etag on;
	keepalive_requests 100000;
	log_format o '$request_method $request_uri $status $body_bytes_sent '
	             '"$http_range"';
	access_log {folder}/access.log o;
	client_body_temp_path {folder}/body;
	proxy_temp_path {folder}/proxy;
	fastcgi_temp_path {folder}/fastcgi;
	scgi_temp_path {folder}/scgi;
	uwsgi_temp_path {folder}/uwsgi;
	server {{
		listen 127.0.0.1:{port} backlog=4096;
		{extra}
		location = /_setid {{
			root {folder}/www/current;
			set $x $realpath_root;
			if ($x ~ "/sets/([0-9A-Za-z._-]+)$") {{
				add_header X-Set-Id $1;
				return 204;
			}}
			return 503;
		}}
		location /sets/ {{ root {folder}/www; {files} }}
		location /manifests/ {{ root {folder}/www; }}
		location /releases/ {{ root {folder}/www; }}
	}}
}}
"""


def sha(data):
    return hashlib.sha256(data).hexdigest()


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


class Nginx:
    """An nginx of the test's own; never a daemon, so that its pid is known."""

    def __init__(self, folder, conf, env=None):
        self.folder, self.conf, self.process = str(folder), conf, None
        self.env = {**os.environ, "TZ": "UTC", **(env or {})}
        self.before = []                               # what nginx is run by

    def command(self, *more):
        return [*self.before, "nginx", "-p", self.folder, "-e", f"{self.folder}/error.log",
                "-c", self.conf, *more]

    def start(self, seconds=10):
        self.process = subprocess.Popen(self.command("-g", "daemon off;"), env=self.env,
                                        stdin=subprocess.DEVNULL, start_new_session=True,
                                        stderr=subprocess.DEVNULL)
        end = time.monotonic() + seconds
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise AssertionError("nginx does not start:\n" + self.errors())
                time.sleep(0.02)

    def errors(self):
        with open(f"{self.folder}/error.log", errors="replace") as f:
            return f.read()[-4000:]

    def workers(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as f:
            return [int(p) for p in f.read().split()]

    def pids(self):
        return [self.process.pid, *self.workers()]

    def signal_all(self, sig):
        if self.process:
            os.killpg(self.process.pid, sig)

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def stop(self):
        if self.process:
            pids = self.workers() if self.process.poll() is None else []
            self.signal_all(signal.SIGKILL)
            self.process.wait()
            self.process = None
            while any(alive(p) for p in pids):
                time.sleep(0.005)

    kill = stop


class Origin(Nginx):
    def __init__(self, folder, extra="", files=""):
        super().__init__(folder, f"{folder}/nginx.conf")
        os.makedirs(f"{folder}/www/sets")
        os.makedirs(f"{folder}/www/manifests")
        self.port, self.extra, self.files_conf, self.clock = free_port(), extra, files, 1600000000
        self.write()

    def write(self, extra=None, files=None):
        self.extra = self.extra if extra is None else extra
        self.files_conf = self.files_conf if files is None else files
        with open(self.conf, "w") as f:
            f.write(ORIGIN.format(folder=self.folder, port=self.port, extra=self.extra,
                                  files=self.files_conf))

    def publish(self, files, switch=True):
        """A set of {name: bytes}: what is the same as in the current set is linked.  Its id."""
        lines = sorted(f"{name}\t{sha(data)}\n" for name, data in files.items())
        ident = sha("".join(lines).encode())[:32]
        root = f"{self.folder}/www/sets/{ident}"
        held = getattr(self, "held", {})
        for name, data in files.items():
            path = f"{root}/{name}"
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if os.path.exists(path):
                continue
            if name in held and held[name][0] == sha(data):
                os.link(held[name][1], path)
                continue
            with open(path, "wb") as f:
                f.write(data)
            self.clock += 1
            os.utime(path, (self.clock, self.clock))
        with open(f"{self.folder}/www/manifests/{ident}", "w") as f:
            f.writelines(lines)
        self.held = {n: (sha(d), f"{root}/{n}") for n, d in files.items()}
        if switch:
            self.switch(ident)
        return ident

    def switch(self, ident):
        new = f"{self.folder}/www/.current"
        os.symlink(f"sets/{ident}", new)
        os.rename(new, f"{self.folder}/www/current")

    def path(self, ident, name):
        return f"{self.folder}/www/sets/{ident}/{name}"

    def log(self):
        """[(method, target, status, octets of the body, range)], and empties it."""
        path = f"{self.folder}/access.log"
        # A line is written after the answer.  There is one worker: when it has written this one,
        # it has written those before.
        mark, end = f"/mark-{time.monotonic_ns()}", time.monotonic() + 5
        request(self.port, mark)
        while True:
            with open(path) as f:
                lines = f.readlines()
            if any(mark in line for line in lines):
                break
            assert time.monotonic() < end
            time.sleep(0.005)
        found = [re.match(r'(\S+) (.*) (\d+) (\d+) "(.*)"$', line) for line in lines
                 if "/mark-" not in line]
        os.truncate(path, 0)
        return [(m[1], m[2], int(m[3]), int(m[4]), m[5]) for m in found if m]


class Cache(Nginx):
    """deploy/cache, its files copied and pointed at a folder, a port and an origin."""

    def __init__(self, folder, origin_port, workers=2, port=None, obj="1g", free="1m", tls=False,
                 rate="1r/s", inactive="30d"):
        self.port, self.status_port = port or free_port(), free_port()
        self.tls_port = free_port()
        super().__init__(folder, f"{folder}/nginx.conf")
        os.makedirs(f"{folder}/cache", exist_ok=True)
        self.change = [
            (r"^user .*;", "user root;"),
            (r"worker_processes auto;", f"worker_processes {workers};"),
            (r"/run/nearcast-cache/nginx.pid", f"{folder}/pid"),
            (r"/run/nearcast-cache/", f"{folder}/t-"),
            (r"error_log stderr", f"error_log {folder}/error.log"),
            (r"rate=1r/s", f"rate={rate}"),
            (r"192\.0\.2\.10:80", f"127.0.0.1:{origin_port}"),
            (r"/var/cache/nearcast", f"{folder}/cache"),
            (r"max_size=400g min_free=20g", f"max_size={obj} min_free={free}"),
            (r"inactive=30d", f"inactive={inactive}"),
            (r"max_size=4g min_free=10g", f"max_size=100m min_free={free}"),
            (r"127\.0\.0\.1:8089", f"127.0.0.1:{self.status_port}"),
            (r"listen 80 ", f"listen 127.0.0.1:{self.port} "),
            (r"listen \[::\]:80 ", f"listen [::1]:{self.port} "),
            (r"listen 443 ", f"listen 127.0.0.1:{self.tls_port} "),
            (r"listen \[::\]:443 ", f"listen [::1]:{self.tls_port} "),
            (r"/etc/nearcast/cache/tls\.", f"{folder}/tls."),
        ]
        if tls:
            self.change.append((r"#include tls.conf;", "include tls.conf;"))
        self.write()

    def write(self, *more):
        for name in ("nginx.conf", "site.conf", "listen.conf", "tls.conf"):
            with open(f"{CACHE}/{name}") as f:
                text = f.read()
            for pattern, by in [*self.change, *more]:
                text = re.sub(pattern, lambda _: by, text, flags=re.M)
            with open(f"{self.folder}/{name}", "w") as f:
                f.write(text)

    def check(self):
        return subprocess.run(self.command("-t"), capture_output=True, text=True, env=self.env)


def request(port, target, method="GET", headers=None, timeout=30, host="127.0.0.1"):
    c = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        c.request(method, target, headers=headers or {})
        r = c.getresponse()
        return Answer(r.status, r.headers, r.read())
    finally:
        c.close()


def raw(port, octets, timeout=10):
    """What is answered to these octets until the connection ends or falls silent."""
    with socket.create_connection(("127.0.0.1", port), timeout) as s:
        s.sendall(octets)
        s.settimeout(timeout)
        got = b""
        try:
            while more := s.recv(65536):
                got += more
        except (socket.timeout, ConnectionResetError):
            pass
        return got


class World:
    def __init__(self, folder, origin=None, **cache):
        self.folder = str(folder)
        os.makedirs(f"{folder}/origin")
        os.makedirs(f"{folder}/edge")
        self.origin = Origin(f"{folder}/origin", **(origin or {}))
        self.cache = Cache(f"{folder}/edge", self.origin.port, **cache)

    def start(self):
        self.origin.start()
        self.cache.start()
        return self

    def stop(self):
        self.cache.stop()
        self.origin.signal_all(signal.SIGCONT)
        self.origin.stop()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def get(self, target, **options):
        return request(self.cache.port, target, **options)

    def wait_set(self, ident, seconds=5):
        """Until the cache has seen the set: seconds that it took."""
        began = time.monotonic()
        while self.get("/healthz").headers["X-Set-Id"] != ident:
            assert time.monotonic() < began + seconds, "the new set is not seen"
            time.sleep(0.02)
        return time.monotonic() - began
