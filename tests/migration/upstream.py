"""Where guests' agents report to: says back what it was sent.

python -I upstream.py ADDRESS PORT PORT ..
"""

import sys
import threading
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer


class Echo(BaseHTTPRequestHandler):
    """Answers with the request line, the port and the body."""

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        port = self.connection.getsockname()[1]
        text = f"{port} {self.command} {self.path}\n".encode() + body
        self.send_response(200)
        self.send_header("Content-Type", "text/x-report")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = answer  # noqa: N815 - http.server's names


def main(address: str, *ports: str) -> None:
    servers = [ThreadingHTTPServer((address, int(port)), Echo) for port in ports]
    print("started", flush=True)
    for each in servers:
        threading.Thread(target=each.serve_forever).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
