"""A web server on the loopback that serves files, and misbehaves as it is told."""

import http.client
import http.server
import os
import re
import select
import socket
import threading
import urllib.parse

ENDLESS = 64 << 20      # so much goes out at the most, for somebody who never has enough


class Quiet(http.server.ThreadingHTTPServer):
    """Says nothing when the other end has gone: it was killed, or has what it wants."""

    daemon_threads = True

    def handle_error(self, *_):
        pass


class Server:
    """Serves `files` (name → bytes). Every answer and the bytes that went out are counted."""

    def __init__(self, files, tls=None):
        self.files = files
        self.endless = set()        # names of files that have no end, and no length
        self.ranges = True          # answers Range with 206
        self.cuts = []              # so many bytes of the next bodies, then the connection breaks
        self.hold = None            # (bytes, Event): so much of parts in all, then it waits
        self.failures = []          # statuses that the next answers have
        self.once = {}              # name → bytes, for one answer each
        self.redirect = None        # every answer is a redirect to this address
        self.away_after = None      # so many bytes of parts in all: then every connection breaks
        self.length = 0             # what Content-Length is wrong by
        self.dies = None            # after so many bytes of parts in all: 404 for everything
        self.shift = 0              # 206, but from so many bytes further on
        self.garbage = False        # right lengths, wrong bytes
        self.requests = []          # (path, Range or None)
        self.sent = self.sent_parts = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.answer(self)

            def log_message(self, *_):
                pass

        self.httpd = Quiet(("127.0.0.1", 0), Handler)
        self.scheme = "https" if tls else "http"
        if tls:     # an ssl.SSLContext; hands are shaken in the answering thread
            self.httpd.socket = tls.wrap_socket(self.httpd.socket, server_side=True,
                                                do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.httpd.serve_forever, daemon=True)
        self.thread.start()

    def url(self, name, host="127.0.0.1"):
        return f"{self.scheme}://{host}:{self.httpd.server_port}/{name}"

    def stop(self):
        self.httpd.shutdown()
        self.httpd.server_close()
        self.thread.join()

    def answer(self, request):
        if self.is_away():
            request.close_connection = True
            return None
        wanted = request.headers.get("Range")
        self.requests.append((request.path, wanted))
        if self.failures:
            return self.empty(request, self.failures.pop(0))
        if self.redirect:
            return self.empty(request, 302, Location=self.redirect)
        name = request.path[1:].split("?")[0]
        if name in self.endless:
            return self.send_endless(request, self.files.get(name, b""))
        if self.dies is not None and self.sent_parts >= self.dies:
            return self.empty(request, 404)
        data = self.once.pop(name) if name in self.once else self.files.get(name)
        if data is None:
            return self.empty(request, 404)
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted or "")
        if found and self.ranges:
            start = int(found.group(1)) + self.shift
            if start >= len(data):
                return self.empty(request, 416)
            end = min(int(found.group(2) or len(data)) + 1, len(data))
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
            data = data[start:end]
        else:
            request.send_response(200)
        request.send_header("Content-Length", str(len(data) + self.length))
        request.end_headers()
        if self.garbage:
            data = bytes(byte ^ 0xff for byte in data)
        return self.send(request, data, bool(found and self.ranges))

    def is_away(self):
        return self.away_after is not None and self.sent_parts >= self.away_after

    def come_back(self):
        self.away_after = None

    def send(self, request, data, part):
        stop = self.cuts.pop(0) if self.cuts else len(data)
        try:
            for at in range(0, min(stop, len(data)), 65536):
                if part and self.hold and self.sent_parts >= self.hold[0]:
                    self.hold[1].wait(60)
                if self.is_away():
                    raise OSError
                piece = data[at:min(at + 65536, stop)]
                request.wfile.write(piece)
                self.sent += len(piece)
                self.sent_parts += len(piece) if part else 0
        except OSError:
            stop = 0
        if stop < len(data):
            request.close_connection = True

    def send_endless(self, request, data):
        request.send_response(200)
        request.send_header("Connection", "close")
        request.end_headers()
        end = self.sent + ENDLESS
        try:
            while self.sent < end:
                request.wfile.write(data)
                self.sent += len(data)
                data = os.urandom(65536)
        except OSError:
            pass
        request.close_connection = True

    @staticmethod
    def empty(request, status, **headers):
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", "0")
        request.end_headers()


class Proxy:
    """A proxy on the loopback: whatever host is asked for, `server` answers."""

    def __init__(self, server):
        self.port = server.httpd.server_port
        self.requests = []      # "GET http://…" or "CONNECT host:port"
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.pass_on(self)

            def do_CONNECT(self):
                outer.tunnel(self)

            def log_message(self, *_):
                pass

        self.httpd = Quiet(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.httpd.serve_forever, daemon=True)
        self.thread.start()

    def url(self, host="127.0.0.1"):
        return f"http://{host}:{self.httpd.server_port}"

    def stop(self):
        self.httpd.shutdown()
        self.httpd.server_close()
        self.thread.join()

    def pass_on(self, request):
        self.requests.append(f"GET {request.path}")
        there = http.client.HTTPConnection("127.0.0.1", self.port)
        ranged = request.headers.get("Range")
        there.request("GET", urllib.parse.urlsplit(request.path).path,
                      headers={"Range": ranged} if ranged else {})
        answer = there.getresponse()
        data = answer.read()
        request.send_response(answer.status)
        for name in "Content-Range", "Content-Length":
            if answer.headers[name]:
                request.send_header(name, answer.headers[name])
        request.end_headers()
        request.wfile.write(data)
        there.close()

    def tunnel(self, request):
        self.requests.append(f"CONNECT {request.path}")
        request.close_connection = True
        request.send_response(200)
        request.end_headers()
        with socket.create_connection(("127.0.0.1", self.port)) as there:
            ends = {there: request.connection, request.connection: there}
            while True:
                for one in select.select(list(ends), [], [])[0]:
                    data = one.recv(65536)
                    if not data:
                        return
                    ends[one].sendall(data)
