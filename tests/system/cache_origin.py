"""An origin in Python for the cache's tests: it keeps the octets of every request, and answers
what a test tells it to.

    o = Recorder({"pool/x": b"..."}).start()
    o.files["pool/x"] = b"other"; o.etag = lambda name, data: 'W/"1"'
"""
import hashlib
import re
import socketserver
import threading
import time

SET = "0123456789abcdef0123456789abcdef"


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 200


class Recorder:
    """`files` are the current set's; `raw` is the list of all requests' octets."""

    def __init__(self, files=None):
        self.files, self.ident, self.raw = dict(files or {}), SET, []
        self.etag = lambda name, data: f'"{hashlib.sha256(data).hexdigest()[:16]}"'
        self.headers, self.ranges, self.if_match, self.delay = "", True, True, 0
        self.override = None                  # (method, target) -> octets of an answer, or None

    def start(self):
        recorder = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                recorder.serve(self.request)

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def serve(self, s):
        got = b""
        try:
            while True:
                while b"\r\n\r\n" not in got:
                    more = s.recv(65536)
                    if not more:
                        return
                    got += more
                head, got = got.split(b"\r\n\r\n", 1)
                self.raw.append(head)
                answer = self.answer(head.decode("latin-1"))
                s.sendall(answer)
                if b"Connection: close" in answer:
                    return
        except OSError:
            pass

    def targets(self):
        """What was asked for since the last call: ["GET /_setid", ...]"""
        found = [h.split(b" HTTP/")[0].decode("latin-1") for h in self.raw]
        self.raw.clear()
        return found

    def answer(self, head):
        method, target = head.split(" ")[:2]
        time.sleep(self.delay)
        if self.override and (said := self.override(method, target)) is not None:
            return said
        if target == "/_setid":
            return f"HTTP/1.1 204 No Content\r\nX-Set-Id: {self.ident}\r\n\r\n".encode("latin-1")
        name = re.sub(r"^/sets/[^/]*/", "", target)
        if not target.startswith("/sets/") or name not in self.files:
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\n" + \
                (b"" if method == "HEAD" else b"none")
        data, status, more = self.files[name], "200 OK", ""
        tag = self.etag(name, data)
        wanted = re.search(r"^if-match: (.*?)\r?$", head, re.M | re.I)
        if wanted and self.if_match and wanted[1] != tag:
            return b"HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n"
        total = len(data)
        part = re.search(r"^range: bytes=(\d+)-(\d+)", head, re.M | re.I)
        if part and self.ranges and total:
            first, last = int(part[1]), min(int(part[2]), total - 1)
            if first >= total:
                return f"HTTP/1.1 416 No\r\nContent-Range: bytes */{total}\r\n" \
                    "Content-Length: 0\r\n\r\n".encode()
            data, status = data[first:last + 1], "206 Partial Content"
            more = f"Content-Range: bytes {first}-{last}/{total}\r\n"
        tag = f"ETag: {tag}\r\n" if tag else ""
        return (f"HTTP/1.1 {status}\r\nContent-Length: {len(data)}\r\n{more}{tag}{self.headers}"
                "\r\n").encode("latin-1") + (b"" if method == "HEAD" else data)
