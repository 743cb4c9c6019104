"""A web server on the loopback that speaks HTTP/2 alone, over TLS."""

import re
import select
import socket
import threading
import time

import h2.config
import h2.connection
import h2.events
import h2.exceptions


class Server2:
    """Serves `files` (name → bytes), several answers of a connection in turn."""

    def __init__(self, files, tls):
        self.files = files
        self.ends = {}          # nth request → (bytes, "reset" or "goodbye"): how its body ends
        self.delay = 0          # seconds that what is asked for is on its way
        self.requests = []      # (connection's number, Range or None)
        self.together = 0       # the most answers that were under way in one connection
        tls.set_alpn_protocols(["h2"])
        self.tls = tls
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.connections = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def url(self, name):
        return f"https://127.0.0.1:{self.socket.getsockname()[1]}/{name}"

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def accept(self):
        while True:
            try:
                one = self.socket.accept()[0]
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.talk, args=(one, self.connections), daemon=True).start()

    def talk(self, one, number):
        try:
            with self.tls.wrap_socket(one, server_side=True) as secure:
                assert secure.selected_alpn_protocol() == "h2"
                Connection(self, secure, number).run()
        except (OSError, h2.exceptions.ProtocolError):
            pass        # the other end has what it wants, or was killed


class Connection:
    def __init__(self, server, secure, number):
        self.server, self.socket, self.number = server, secure, number
        config = h2.config.H2Configuration(client_side=False, header_encoding=None)
        self.h2 = h2.connection.H2Connection(config)
        self.bodies = {}        # stream → what is left of its body, and what then becomes of it

    def run(self):
        self.h2.initiate_connection()
        while True:
            self.socket.sendall(self.h2.data_to_send())
            data = self.receive()
            if not data:
                return
            for event in self.h2.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    self.answer(event.stream_id, dict(event.headers))
                elif isinstance(event, h2.events.StreamReset):
                    self.bodies.pop(event.stream_id, None)
            if not self.send_bodies():
                return

    def receive(self):
        """What has come within the delay, if anything has: TLS gives it record by record."""
        data = self.socket.recv(65536)
        time.sleep(self.server.delay)
        while data and select.select([self.socket], [], [], 0)[0]:
            more = self.socket.recv(65536)
            if not more:
                break
            data += more
        return data

    def answer(self, stream, headers):
        path, wanted = headers[b":path"].decode(), headers.get(b"range", b"").decode()
        self.server.requests.append((self.number, wanted or None))
        data = self.server.files.get(path[1:])
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted)
        more = []
        if data is None:
            self.h2.send_headers(stream, [(":status", "404")], end_stream=True)
            return
        if found:
            start = int(found.group(1))
            end = min(int(found.group(2) or len(data)) + 1, len(data))
            more = [("content-range", f"bytes {start}-{end - 1}/{len(data)}")]
            data = data[start:end]
        self.h2.send_headers(stream, [(":status", "206" if found else "200"),
                                      ("content-length", str(len(data))), *more])
        size, end = self.server.ends.get(len(self.server.requests), (len(data), "whole"))
        self.bodies[stream] = (data[:size], end)

    def send_bodies(self):
        """As much as the other end has room for. Returns whether the connection goes on."""
        self.server.together = max(self.server.together, len(self.bodies))
        sent = True
        while sent:
            sent = False
            for stream, (data, end) in list(self.bodies.items()):
                size = min(self.h2.local_flow_control_window(stream),
                           self.h2.max_outbound_frame_size, len(data))
                if data and not size:
                    continue
                sent = True
                data = self.send_piece(stream, data, size, end)
                if not data and end == "goodbye":
                    self.h2.close_connection()
                    self.socket.sendall(self.h2.data_to_send())
                    return False
                if data:
                    self.bodies[stream] = (data, end)
                else:
                    del self.bodies[stream]
        return True

    def send_piece(self, stream, data, size, end):
        last = size == len(data)
        if size:
            self.h2.send_data(stream, data[:size], end_stream=last and end == "whole")
        if last and end == "reset":
            self.h2.reset_stream(stream, error_code=2)      # INTERNAL_ERROR
        self.socket.sendall(self.h2.data_to_send())
        return data[size:]
