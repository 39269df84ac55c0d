"""Hetzner's metadata service, as far as a host asks it: serves one file as user_data."""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

PATH = "/hetzner/v1/userdata"


class Handler(BaseHTTPRequestHandler):
    """Answers with the file as it is now."""

    def do_GET(self) -> None:
        found = self.path == PATH
        body = Path(sys.argv[1]).read_bytes() if found else b""
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


HTTPServer(("169.254.169.254", 80), Handler).serve_forever()
