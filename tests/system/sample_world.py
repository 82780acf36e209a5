"""healthd that samples mirrors of the tests: small HTTP servers that deliver, lie, hang or die."""
import email.utils
import http.server
import os
import re
import threading
import time
import urllib.parse

import pytest

from conftest import Daemon, free_port
from scan_world import ODD, Scans, Tree

LINE = re.compile(r'mirror (\S+) (\S+) since=([\d.]+) weight=(\d+) samples=(\d+) bad=(\d+) '
                  r'scanned=([\d.]+) reason="([^"]*)"')


class Mirror:
    """A mirror's HTTP server: `lie` gets a path and may return (status, headers) or None."""

    def __init__(self, tree, address="127.0.0.1"):
        self.tree, self.address, self.port = tree, address, free_port()
        self.lie = lambda path: None
        self.asked = []
        self.got = []
        self.agents = set()
        self.server = None
        self.start()

    def url(self, path=""):
        return f"http://{self.address}:{self.port}/{path}"

    def start(self):
        mirror = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                path = urllib.parse.unquote_to_bytes(self.path)[1:]
                mirror.got.append((path, self.headers["Range"]))
                status, headers, body = mirror.get(path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def do_HEAD(self):
                path = urllib.parse.unquote_to_bytes(self.path)[1:]
                mirror.asked.append(path)
                mirror.agents.add((self.command, self.headers["User-Agent"],
                                   self.headers["Accept-Encoding"]))
                said = mirror.lie(path)
                if said is None:
                    said = mirror.truth(path)
                self.send_response(said[0])
                for name, value in said[1].items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):
                pass

        self.server = Server((self.address, self.port), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def truth(self, path):
        try:
            st = os.stat(self.tree.path(path))
        except (OSError, ValueError):
            return 404, {"Content-Length": "0"}
        return 200, {"Content-Length": str(st.st_size), "Content-Type": "application/octet-stream",
                     "Last-Modified": email.utils.formatdate(st.st_mtime, usegmt=True)}

    def get(self, path):
        """Its first octet, as whoever knows ranges answers."""
        status, headers = self.truth(path)
        size = int(headers["Content-Length"])
        if status != 200:
            return status, headers, b""
        if size == 0:
            return 416, {"Content-Range": "bytes */0", "Content-Length": "0"}, b""
        return 206, {**headers, "Content-Length": "1", "Content-Range": f"bytes 0-0/{size}"}, b"x"

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None


class Samples(Scans):
    """nearcast.conf with mirrors and a healthd of its own."""

    def __init__(self, folder):
        super().__init__(folder)
        self.http = []
        self.daemon = None

    def serve(self, name, tree, interval="10ms", **options):
        m = Mirror(tree)
        self.http.append(m)
        self.mirror(name, url=options.pop("url", m.url()), sample_interval=f'"{interval}"',
                    **options)
        return m

    def start(self):
        self.write('here = "fra"\nlisten = { "127.9.9.9@1" }\nsite "fra" { location = { 1, 1 } }\n')
        self.daemon = Daemon(self.folder, "healthd", "-c", str(self.conf))
        self.daemon.start(ready=r"sampling \d+ mirror")
        return self

    def file(self):
        try:
            with open(self.folder / "run" / "mirrors") as f:
                text = f.read()
        except FileNotFoundError:
            return {}
        assert re.fullmatch(r"nearcast-mirrors 1 generation=\d+ stamp=[\d.]+ lease=10000\n"
                            rf"({LINE.pattern}\n)*end \d+\n", text), text
        return {m[0]: dict(state=m[1], since=float(m[2]), weight=int(m[3]), samples=int(m[4]),
                           bad=int(m[5]), scanned=float(m[6]), reason=m[7])
                for m in LINE.findall(text)}

    def until(self, test, what="", seconds=15):
        end = time.monotonic() + seconds
        while True:
            found = test()
            if found:
                return found
            assert time.monotonic() < end, f"waited {seconds} s for {what}: {self.file()}\n" + \
                self.daemon.log()
            time.sleep(0.01)

    def wait(self, name, state, seconds=15, **fields):
        def there():
            line = self.file().get(name, {})
            return line if line.get("state") == state and \
                all(line.get(k) == v for k, v in fields.items()) else None
        return self.until(there, f"{name} to be {state} {fields}", seconds)

    def close(self):
        try:
            if self.daemon:
                self.daemon.stop()
        finally:
            for m in self.http:
                m.stop()
            super().close()


def world(samples, tree, names="a", scan=True, **options):
    """Mirrors that hold everything, scanned."""
    samples.import_tree(tree)
    rsync = samples.rsyncd(pub=tree) + "/pub/" if scan else None
    mirrors = {n: samples.serve(n, tree, rsync=rsync, **options) for n in names.split()}
    if scan:
        p = samples.scan()
        assert p.returncode == 0, p.stderr
    return mirrors


LIES = {
    "gone": (404, {"Content-Length": "0"}),
    "soft 404": (200, {"Content-Type": "text/html; charset=utf-8"}),
    "another length": (200, {"Content-Length": "4711"}),
    "older": (200, {"Last-Modified": "Sat, 01 Jan 2000 00:00:00 GMT"}),
    "redirected": (302, {"Location": "http://login.invalid/", "Content-Length": "0"}),
    "forbidden": (403, {"Content-Length": "0"}),
    "broken": (500, {"Content-Length": "0"}),
}


def debs_and_odd_names(folder):
    t = Tree(folder)
    for name in ODD:
        t.put(name, b"x" * (1 + len(name)))
    for i in range(27):
        t.put(f"d{i % 7}/{i:04}.deb", b"x" * i)
    return t


@pytest.fixture
def samples(tmp_path):
    s = Samples(tmp_path)
    yield s
    s.close()


@pytest.fixture
def tree(tmp_path):
    return debs_and_odd_names(tmp_path / "tree")
