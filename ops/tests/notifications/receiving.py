"""What our messages meet in tests: a real server with TLS; of the internet only names and routes are made up."""

import json
import ssl
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ops.notifications.addresses import NotResolved

PUBLIC = "93.184.215.14"
YEAR = timedelta(days=365)


@dataclass
class Received:
    """One request as it arrived."""

    path: str
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class Receiver(ThreadingHTTPServer):
    """Answers with what `answers` says next, the last of it for ever. An answer may also be a function."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, certificates):
        super().__init__(("127.0.0.1", 0), Handler)
        self.received, self.answers = [], [(200, {}, b"")]
        self.let_go = threading.Event()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / "server.pem")
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, *answers):
        self.answers = list(answers)

    def next_answer(self):
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def handle_error(self, request, client_address):
        """Clients that hang up in the middle are what some tests are about."""

    def close(self):
        self.let_go.set()
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.received.append(Received(self.path, dict(self.headers), body))
        answer = self.server.next_answer()
        if callable(answer):
            answer(self)
            return
        status, headers, body = answer
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Tests say what they saw."""


class Internet:
    """Names with the addresses they have, each time they are asked for the next ones, and one route for all of them."""

    def __init__(self, port):
        self.port, self.names, self.asked, self.dialed = port, {}, [], []

    def resolve(self, host, port):
        self.asked.append(host)
        turns = self.names.get(host, [[PUBLIC]])
        addresses = turns.pop(0) if len(turns) > 1 else turns[0]
        if not addresses:
            raise NotResolved(f"{host} was not resolved: Name or service not known")
        return addresses

    def dial(self, real_dial):
        def dial(address, port, *, timeout):
            self.dialed.append((address, port))
            return real_dial("127.0.0.1", self.port, timeout=timeout)

        return dial


@cache
def make_certificates(folder: Path, *names: str) -> Path:
    """A folder with `ca.pem`, and with `server.pem` for these names."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests only")])
    ca = _certificate(ca_name, ca_key.public_key(), ca_name, ca_key, x509.BasicConstraints(True, None))
    alt_names = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    own = _certificate(subject, key.public_key(), ca_name, ca_key, alt_names)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "ca.pem").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    (folder / "server.pem").write_bytes(pem + own.public_bytes(serialization.Encoding.PEM))
    return folder


def _certificate(subject, public_key, issuer, issuer_key, extension):
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - YEAR)
        .not_valid_after(now + YEAR)
        .add_extension(extension, critical=True)
        .sign(issuer_key, hashes.SHA256())
    )
