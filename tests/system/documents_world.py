"""redirectd with a tree, a catalogue of it, mirrors and nginx in front, on addresses of 127.77/16.

    w = World(folder, {b"a/b.iso": data})
    w.mirror("uib", country="NO", location="60.4, 5.3")
    w.start()
    answer = w.get("/a/b.iso?meta4")

Mirrors are folders that begin as copies of the tree; one rsync daemon lists them for
`nearctl scan`, one nginx serves them, and is the redirector's front, too.
"""
import http.client
import os
import socket
import subprocess
import time

from conftest import Daemon, free_port, nearctl

NGINX = """daemon off; pid %(folder)s/nginx.pid; error_log %(folder)s/nginx.log; worker_processes 1;
%(user)s events { worker_connections 256; }
http { access_log off; types { } default_type application/octet-stream;
%(temp)s
upstream redirectd { server 127.0.0.1:%(behind)d; keepalive 32; }
server { listen 127.0.0.1:%(port)d;
  location / { proxy_pass http://redirectd; proxy_http_version 1.1; proxy_set_header Connection "";
    proxy_set_header Host $http_host; proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme; proxy_pass_request_body off; }
  location /_local/ { internal; alias %(folder)s/tree/; }
}
%(mirrors)s }
"""


class Answer:
    def __init__(self, response):
        self.status, self.body = response.status, response.read()
        self.heads = [(n.lower(), v) for n, v in response.getheaders()]

    def head(self, name):
        """The field's value; "" = there is none."""
        return ", ".join(v for n, v in self.heads if n == name.lower())


class World:
    def __init__(self, folder, files, conf="", redirect=""):
        self.folder = str(folder)
        self.files, self.conf, self.redirect = files, conf, redirect
        self.mirrors, self.others = {}, []
        self.port, self.behind, self.rsync_port = free_port(), free_port(), free_port()
        self.conf_path = os.path.join(self.folder, "nearcast.conf")
        self.daemon = Daemon(self.folder, "redirectd", "-c", self.conf_path)
        self.tree = self.fill("tree", files)

    def fill(self, name, files):
        top = os.path.join(self.folder, name)
        for path, data in files.items():
            at = os.path.join(os.fsencode(top), path)
            os.makedirs(os.path.dirname(at), exist_ok=True)
            with open(at, "wb") as f:
                f.write(data)
            os.utime(at, (1764298800, 1764298800))
        return top

    def mirror(self, name, files=None, **options):
        """Another mirror; `files` are what it has, where that is not the tree."""
        self.fill("mirror-" + name, self.files if files is None else files)
        address = f"127.77.0.{len(self.mirrors) + 1}"
        self.mirrors[name] = (f"http://{address}:{self.port}/", options)
        return self

    def write(self):
        def words(options):
            return " ".join(f'{k.replace("_", "-")} = {v}' for k, v in options.items())

        lines = [f'run-dir = "{self.folder}/run"', f'state-dir = "{self.folder}/state"', self.conf]
        for name, (url, options) in self.mirrors.items():
            lines.append(f'mirror "{name}" {{ url = "{url}" '
                         f'rsync = "rsync://127.0.0.1:{self.rsync_port}/{name}/" '
                         f'{words(options)} }}')
        lines.append(f'redirect {{ listen = "127.0.0.1@{self.behind}" '
                     f'catalogue = "{self.folder}/catalogue.db" {self.redirect} }}')
        with open(self.conf_path, "w") as f:
            f.write("\n".join(lines) + "\n")

    def other(self, *argv):
        self.others.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL))

    def write_nginx(self):
        temp = " ".join(f"{kind}_temp_path {self.folder}/temp-{kind};" for kind in
                        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        servers = "\n".join(
            f"server {{ listen {url.split('/')[2]}; root {self.folder}/mirror-{name}; }}"
            for name, (url, _) in self.mirrors.items())
        with open(f"{self.folder}/nginx.conf", "w") as f:
            f.write(NGINX % {"folder": self.folder, "temp": temp, "mirrors": servers,
                             "port": self.port, "behind": self.behind,
                             "user": "user root;" if os.geteuid() == 0 else ""})

    def import_tree(self, *options):
        done = nearctl(self.conf_path, "catalogue", "import", self.tree, *options)
        assert done.returncode == 0, done.stderr

    def scan(self):
        with open(f"{self.folder}/rsyncd.conf", "w") as f:
            f.write("use chroot = no\n" + "".join(
                f"[{name}]\npath = {self.folder}/mirror-{name}\n" for name in self.mirrors))
        rsync = subprocess.Popen(["rsync", "--daemon", "--no-detach", "--address=127.0.0.1",
                                  f"--port={self.rsync_port}", "--log-file=/dev/null",
                                  f"--config={self.folder}/rsyncd.conf"],
                                 stdin=subprocess.DEVNULL)
        try:
            wait_port("127.0.0.1", self.rsync_port)
            done = nearctl(self.conf_path, "scan")
            assert done.returncode == 0, done.stdout + done.stderr
        finally:
            rsync.terminate()
            rsync.wait()

    def start(self, *options):
        """`options` are the import's."""
        os.makedirs(f"{self.folder}/run", exist_ok=True)
        os.makedirs(f"{self.folder}/state", exist_ok=True)
        self.write()
        self.import_tree(*options)
        self.scan()
        self.write_nginx()
        self.daemon.start()
        self.other("nginx", "-c", f"{self.folder}/nginx.conf")
        wait_port("127.0.0.1", self.port)
        return self

    def stop(self):
        for process in self.others:
            process.terminate()
            process.wait()
        self.daemon.stop()

    def get(self, target, method="GET", **heads):
        """`target` is what stands in the request line; `accept` and others become fields."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            c.putrequest(method, target, skip_accept_encoding=True)
            for name, value in heads.items():
                c.putheader(name.replace("_", "-"), value)
            c.endheaders()
            return Answer(c.getresponse())
        finally:
            c.close()

    def url(self, target=""):
        return f"http://127.0.0.1:{self.port}{target}"

    def mirror_url(self, name, target=""):
        return self.mirrors[name][0] + target


def wait_port(address, port, seconds=10):
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((address, port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < end, f"nobody listens on {address}@{port}"
            time.sleep(0.02)
