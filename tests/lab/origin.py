#!/usr/bin/python3
"""The origin of the lab: package sets by id, and the id of the current one.

    GET /_setid            204, header X-Set-Id: the content of FOLDER/setid
    GET /sets/ID/PATH      FOLDER/sets/ID/PATH
    GET /healthz           200
FOLDER/setid is replaced by rename, so the switch is atomic.
"""
import http.server
import os
import sys

FOLDER = sys.argv[3]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reply(self, code, body=b"", **headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if code != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        if self.path == "/_setid":
            with open(os.path.join(FOLDER, "setid")) as f:
                self.reply(204, X_Set_Id=f.read().strip())
        elif self.path == "/healthz":
            self.reply(200, b"ok\n")
        elif self.path.startswith("/sets/") and ".." not in self.path:
            try:
                with open(FOLDER + self.path, "rb") as f:
                    self.reply(200, f.read())
            except OSError:
                self.reply(404)
        else:
            self.reply(404)

    do_HEAD = do_GET


http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
