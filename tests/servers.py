"""A local HTTP server for the tests of transfers: it supports ranges, and misbehaves on demand."""

import contextlib
import hashlib
import http.server
import re
import threading


class Server:
    """One file behind an address, what is wrong with it, and the requests that came.

    Attributes:
        content: the file.
        tag: whether answers carry an ETag.
        ranges: whether parts of the file are sent.
        cut: bytes after which connections break; None never.
        length: whether answers tell the file's size.
        status: what is answered.
        type: content type of answers.
        requests: ``Range`` headers of the requests, empty ones for whole files.
    """

    def __init__(self, content):
        self.content, self.tag, self.ranges, self.cut, self.length = content, True, True, None, True
        self.status, self.type, self.requests, self.address = 200, "application/octet-stream", [], ""

    def answer(self, handler):
        wanted = handler.headers.get("Range", "")
        self.requests.append(wanted)
        tag = f'"{hashlib.md5(self.content).hexdigest()}"'
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and self.ranges else 0
        if handler.headers.get("If-Range", tag) != tag:
            start = 0
        status = self.status if self.status != 200 or not start else 206
        if start and start >= len(self.content):
            status = 416
        handler.send_response(status)
        handler.send_header("Content-Type", self.type)
        if self.tag:
            handler.send_header("ETag", tag)
        if status == 206:
            handler.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        if self.length:
            handler.send_header("Content-Length", str(len(self.content) - start))
        handler.end_headers()
        handler.wfile.write(self.content[start : None if self.cut is None else start + self.cut])


@contextlib.contextmanager
def serving(content):
    """A :class:`Server` on a free port of this machine, for the time of the block."""
    server = Server(content)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            server.answer(self)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        server.address = f"http://127.0.0.1:{running.server_port}/g.pth"
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            running.shutdown()
            thread.join()
