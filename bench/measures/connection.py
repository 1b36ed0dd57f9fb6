"""One kept-alive connection, as thin as a client in Python can be."""

import re
import socket

EVENT = b'{"a":1}'
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


class Connection:
    def __init__(self, server):
        host, port = server.address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request):
        """Sends a request's bytes and returns the answer's status, head and body."""
        self.socket.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.receive()
        head, _, body = answer.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        # A 204 has none.
        length = int(length.group(1)) if length else 0
        if len(body) < length:
            # Not by adding up: that would copy large bodies again and again.
            whole = bytearray(length)
            whole[:len(body)] = body
            view, filled = memoryview(whole), len(body)
            while filled < length:
                count = self.socket.recv_into(view[filled:])
                if count == 0:
                    raise ConnectionError("the server closed the connection")
                filled += count
            body = whole
        return int(head[9:12]), head, body

    def receive(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionError("the server closed the connection")
        return piece

    def invoke(self, name, event=EVENT):
        """The result of a call that has to complete."""
        status, _, body = self.send(invocation(name, event))
        if status != 200:
            raise RuntimeError("a call of %s failed: %s" % (name, bytes(body).decode()))
        return body

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def invocation(name, event=EVENT, headers=""):
    return ("POST /v1/functions/%s/invoke HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n%s\r\n" % (
        name, len(event), headers)).encode() + event
