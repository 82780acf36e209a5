"""A catalogue, mirrors of its files, and an rsync daemon or a liar in its place."""
import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import time

from conftest import free_port, nearctl

# what listings, shells, URLs and databases stumble over; octets
ODD = [b"with space", b"new\nline", b"tab\there", b"bad\xffutf8", b"-leading", b"%41", b"a?b=c&d#e",
       b"-rw-r--r--              5 2026/11/27 16:52:03 x", "gr\u00fc\u00dfe".encode(),
       b"back\\slash", b"\\#012", b"\\#134#", b"\\#", b"quote'\"", b".hidden", b"a->b",
       b"x -> y", b"*", b"[a]", b"\x01\x7f", b" ", b"~tilde", b"dir with/\xfe/deep\nfile"]


class Tree:
    """Files of known content and time, as octets."""

    def __init__(self, folder):
        self.folder = os.fsencode(str(folder))
        os.makedirs(self.folder, exist_ok=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def put(self, name, content=b"x", mtime=1_700_000_000, size=None):
        name = name if isinstance(name, bytes) else name.encode()
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(content)
            if size:
                f.truncate(size)
        os.utime(path, (mtime, mtime))
        return name

    def names(self):
        found = []
        for folder, _, files in os.walk(self.folder):
            for name in files:
                path = os.path.join(folder, name)
                if not os.path.islink(path):
                    found.append(os.path.relpath(path, self.folder))
        return sorted(found)


def escape(name):
    return b"".join(b"\\%03o" % c if c < 0x20 or c == 0x7f or c == 0x5c else bytes([c])
                    for c in name)


def manifest_line(tree, name, sha256=None, md5=None):
    st = os.stat(tree.path(name))
    if sha256 is None:
        with open(tree.path(name), "rb") as f:
            sha256 = hashlib.sha256(f.read()).hexdigest()
    fields = [escape(name), b"%d" % st.st_size, b"%d" % st.st_mtime, sha256.encode()]
    return b"\t".join(fields + ([md5.encode()] if md5 else [])) + b"\n"


class Scans:
    """nearcast.conf with mirrors, and what nearctl makes of it."""

    def __init__(self, folder):
        self.folder = folder
        self.catalogue = os.path.join(str(folder), "catalogue.db")
        self.mirrors = []
        self.processes = []
        self.env = None
        (folder / "run").mkdir()

    def mirror(self, name, rsync=None, url=None, **options):
        lines = [f'{k.replace("_", "-")} = {v}' for k, v in options.items()]
        if rsync:
            lines.append(f'rsync = "{rsync}"')
        self.mirrors.append(f'mirror "{name}" {{\n url = "{url or "http://127.0.0.1/"}"\n '
                            f'country = "NO"\n' + "\n".join(lines) + "\n}")
        self.write()

    def write(self, more=""):
        self.conf = self.folder / "nearcast.conf"
        self.conf.write_text(f'run-dir = "{self.folder}/run"\nstate-dir = "{self.folder}"\n' +
                             more + "\n".join(self.mirrors) +
                             '\nredirect { listen = "127.0.0.1@9555" }\n')

    def ctl(self, *words):
        return nearctl(self.conf, *words)

    def import_tree(self, tree, *more):
        p = nearctl(None, "catalogue", "import", os.fsdecode(tree.folder), "--catalogue",
                    self.catalogue, *more)
        assert p.returncode == 0, p.stderr
        return p.stdout

    def scan(self, *words):
        return self.ctl("scan", *words)

    def known(self):
        """{path: id} of the catalogue."""
        with sqlite3.connect(f"file:{self.catalogue}?immutable=1", uri=True) as db:
            return dict(db.execute("SELECT path, id FROM file"))

    def row(self, mirror):
        if not os.path.exists(self.catalogue + ".held"):
            return None
        with sqlite3.connect(f"file:{self.catalogue}.held?mode=ro", uri=True) as db:
            db.row_factory = sqlite3.Row
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'held'").fetchone():
                return None                 # the file is being made
            return db.execute("SELECT * FROM held WHERE mirror = ?", (mirror,)).fetchone()

    def held(self, mirror):
        """The paths that a mirror holds, by nearctl's own word of each."""
        ids = bitmap(self.row(mirror)["ids"])
        return sorted(path for path, number in self.known().items() if number in ids)

    def rsyncd(self, **modules):
        port = free_port()
        conf = self.folder / f"rsyncd-{port}.conf"
        conf.write_text(f"port = {port}\naddress = 127.0.0.1\nuse chroot = no\n"
                        f"pid file = {conf}.pid\n" +
                        "".join(f"[{m}]\npath = {os.fsdecode(t.folder)}\nread only = yes\n"
                                + ("" if os.getuid() else "uid = root\ngid = root\n")
                                for m, t in modules.items()))
        self.spawn("rsync", "--daemon", "--no-detach", f"--config={conf}", f"--port={port}")
        for _ in range(100):
            if os.path.exists(f"{conf}.pid"):
                break
            time.sleep(0.05)
        return f"rsync://127.0.0.1:{port}"

    def spawn(self, *argv):
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, start_new_session=True)
        self.processes.append(p)
        return p

    def close(self):
        for p in self.processes:
            try:
                os.killpg(p.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            p.wait()


KILLED = """
import os, signal, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA cache_size=1")
db.execute("BEGIN IMMEDIATE")
db.execute("UPDATE held SET ids = zeroblob(200000), why = 'half done'")
db.execute("INSERT INTO held SELECT mirror || 'x', 1, 1, 1, 1, '', 1, 1, zeroblob(200000), 0, "
           "x'', 0 FROM held")                  # larger than its cache: it is in the file
os.kill(os.getpid(), signal.SIGKILL)
"""


def kill_a_writer(catalogue):
    """One that has changed half of PATH.held, and dies."""
    size = os.path.getsize(catalogue + ".held")
    subprocess.run([sys.executable, "-c", KILLED, catalogue + ".held"], check=False)
    assert os.path.exists(catalogue + ".held-journal")
    assert os.path.getsize(catalogue + ".held") > size + 100000


def bitmap(blob):
    """The ids of a portable roaring bitmap (its format specification)."""
    import struct
    if not blob:
        return set()
    ids, runs = set(), b""
    cookie, = struct.unpack_from("<I", blob)
    at = 4
    if cookie & 0xffff == 12347:
        n = (cookie >> 16) + 1
        runs = blob[4:4 + (n + 7) // 8]
        at += len(runs)
    else:
        assert cookie == 12346
        n, = struct.unpack_from("<I", blob, at)
        at += 4
    heads = [struct.unpack_from("<HH", blob, at + 4 * i) for i in range(n)]
    at += 4 * n
    if not runs or n >= 4:
        at += 4 * n
    for i, (key, card) in enumerate(heads):
        if runs and runs[i // 8] >> i % 8 & 1:
            count, = struct.unpack_from("<H", blob, at)
            at += 2
            for _ in range(count):
                start, length = struct.unpack_from("<HH", blob, at)
                at += 4
                ids |= {key << 16 | v for v in range(start, start + length + 1)}
        elif card + 1 > 4096:
            bits = int.from_bytes(blob[at:at + 8192], "little")
            ids |= {key << 16 | v for v in range(65536) if bits >> v & 1}
            at += 8192
        else:
            ids |= {key << 16 | v for v in struct.unpack_from(f"<{card + 1}H", blob, at)}
            at += 2 * (card + 1)
    return ids
