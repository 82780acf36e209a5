"""An origin as it ships: publish-set's sets, served by deploy/origin/nginx.conf.

    with Origin(port=...) as o:         # a folder of its own that nginx may read
        o.write("a.txt", b"one")        # into o.dir, the directory to be published
        ident = o.publish()             # asserts exit 0; publish_set(...) does not
        o.get(f"/sets/{ident}/a.txt")
"""
import glob
import hashlib
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from conftest import ROOT, free_port

PUBLISH = os.path.join(ROOT, "deploy", "origin", "publish-set")
NGINX_CONF = os.path.join(ROOT, "deploy", "origin", "nginx.conf")


def publish_set(*words, timeout=120, **more):
    """What publish-set made of it."""
    return subprocess.run([PUBLISH, *map(str, words)], capture_output=True, text=True,
                          errors="replace", timeout=timeout, **more)


def manifest_of(folder):
    """The manifest of a folder's files by another program than publish-set's: text, and its ID."""
    lines = []
    for at, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(at, name)
            with open(path, "rb") as f:
                digest = hashlib.file_digest(f, "sha256").hexdigest()
            lines.append(f"{os.path.relpath(path, folder)}\t{digest}\n".encode())
    text = b"".join(sorted(lines))
    return text, hashlib.sha256(text).hexdigest()[:32]


class Origin:
    def __init__(self, port=None, address="127.0.0.1", sed=()):
        # publish-set waits for the disk each time; memory is quicker
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK | os.X_OK) else None
        self.folder = tempfile.mkdtemp(prefix="nearcast-origin-", dir=memory)
        os.chmod(self.folder, 0o755)
        self.dir = os.path.join(self.folder, "dir")
        self.root = os.path.join(self.folder, "root")
        os.mkdir(self.dir)
        self.address, self.port = address, port or free_port()
        self.sed = sed
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder)

    # ---- sets

    def write(self, name, data, mtime=None):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)
        if mtime is not None:
            os.utime(path, (mtime, mtime))
        return path

    def publish(self, *options):
        p = publish_set(*options, self.dir, self.root)
        assert p.returncode == 0, p.stderr
        return p.stdout.strip()

    def current(self):
        return os.path.basename(os.readlink(os.path.join(self.root, "current")))

    def kept(self):
        return sorted(os.listdir(os.path.join(self.root, "sets")))

    def check(self):
        """Every set that is there is what its manifest says, and the current one is there."""
        for ident in glob.glob("[0-9a-f]*", root_dir=os.path.join(self.root, "sets")):
            text, found = manifest_of(os.path.join(self.root, "sets", ident))
            assert found == ident, f"set {ident} has become {found}"
            with open(os.path.join(self.root, "manifests", ident), "rb") as f:
                assert f.read() == text
        assert os.path.isdir(os.path.join(self.root, "current", ""))

    # ---- nginx

    def start(self):
        """The configuration that ships, with other paths, port and address."""
        with open(NGINX_CONF) as f:
            conf = f.read()
        for pattern, text in [(r"/srv/origin", self.root), (r"/run/nearcast-origin", self.folder),
                              (r"/var/log/nearcast-origin/access-\$day", self.folder + "/access"),
                              (r"listen 80 ", f"listen {self.address}:{self.port} "),
                              (r"\tlisten \[::\]:80 .*\n", ""), (r"worker_processes auto",
                               "worker_processes 1"), *self.sed]:
            conf, n = re.subn(pattern, text, conf)
            assert n > 0, pattern
        path = os.path.join(self.folder, "nginx.conf")
        with open(path, "w") as f:
            f.write(conf)
        self.process = subprocess.Popen(["nginx", "-c", path, "-p", self.folder,
                                         "-g", "daemon off;"], stderr=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while True:
            try:
                socket.create_connection((self.address, self.port), 1).close()
                return self
            except OSError:
                assert time.monotonic() < end and self.process.poll() is None
                time.sleep(0.02)

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(10)
            self.process = None

    def ask(self, target, method="GET", **headers):
        """(status, headers, body); `target` goes out as it is."""
        c = http.client.HTTPConnection(self.address, self.port, timeout=10)
        try:
            c.putrequest(method, target, skip_accept_encoding=True)
            for key, value in headers.items():
                c.putheader(key.replace("_", "-"), value)
            c.endheaders()
            r = c.getresponse()
            return r.status, dict(r.getheaders()), r.read()
        finally:
            c.close()

    def get(self, target, **headers):
        status, _, body = self.ask(target, **headers)
        assert status == 200, (target, status)
        return body
