"""Receives announcements of a coordinator and prints those that it signed: PORT IDENTITY."""

import hashlib
import json
import subprocess
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

# How OpenSSL wants an Ed25519 key: a fixed head (RFC 8410), then the 32 bytes.
HEAD = bytes.fromhex("302a300506032b6570032100")
LONGEST = 1 << 20


def canonical(value) -> bytes:
    """RFC 8785 for what announcements hold: objects, lists, texts, whole numbers, true and false."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def signed_by(identity: str, announcement: dict) -> bool:
    """Whether `identity` signed the body: Ed25519 over a label, a newline and the body's SHA-256."""
    message = b"mpcstats/webhook/v1\n" + hashlib.sha256(canonical(announcement["body"])).digest()
    with tempfile.TemporaryDirectory() as folder:
        files = {"key": HEAD + bytes.fromhex(identity), "message": message, "signature": bytes.fromhex(announcement["signature"])}
        for name, content in files.items():
            Path(folder, name).write_bytes(content)
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key",
                   "-rawin", "-in", "message", "-sigfile", "signature"]
        return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        try:
            announcement = json.loads(self.rfile.read(min(int(self.headers["Content-Length"]), LONGEST)))
            believed = signed_by(sys.argv[2], announcement)
        except (KeyError, TypeError, ValueError):
            believed = False
        self.send_response(204 if believed else 400)
        self.end_headers()
        if believed:
            print(canonical(announcement["body"]).decode(), flush=True)

    def log_message(self, *_):
        """Prints announcements only."""


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
    print(f"listening on {server.server_port}", flush=True)
    server.serve_forever()
