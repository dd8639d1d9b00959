"""Certificates for servers of HTTPS on loopback, and an authority that tests trust."""

import ssl
import subprocess
from pathlib import Path

from tests.feedserver import FeedServer


def openssl(*arguments: str, cwd: Path) -> None:
    """Run a command of OpenSSL to its end."""
    subprocess.run(["openssl", *arguments], cwd=cwd, check=True, capture_output=True, timeout=30)


def make_certificates(folder: Path) -> None:
    """Make an authority, and certificates for 127.0.0.1: `good.pem`, `expired.pem`, `self.pem`."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj",
            "/CN=ca", "-addext", "keyUsage=keyCertSign", cwd=folder)  # fmt: skip
    openssl("req", *key, "-keyout", "key.pem", "-out", "csr", "-subj", "/CN=x", cwd=folder)
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:secure.example\n")
    for name, days in (("good.pem", "1"), ("expired.pem", "-1")):
        openssl("x509", "-req", "-in", "csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-days", days, "-extfile", "names", "-out", name,
                cwd=folder)  # fmt: skip
    openssl("x509", "-req", "-in", "csr", "-signkey", "key.pem", "-days", "1", "-extfile", "names",
            "-out", "self.pem", cwd=folder)  # fmt: skip


def make_rsa_certificate(folder: Path) -> None:
    """Make `rsa.pem` beside the other certificates; to find a key takes up to a second."""
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "rsa.key", "-out", "rsa.csr",
            "-subj", "/CN=x", cwd=folder)  # fmt: skip
    openssl("x509", "-req", "-in", "rsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "1",
            "-extfile", "names", "-out", "rsa.pem", cwd=folder)  # fmt: skip


def tls_context(folder: Path, certificate: str = "good.pem") -> ssl.SSLContext:
    """Return the context of a server with a certificate of `folder`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / certificate, folder / "key.pem")
    return context


def tls_server(folder: Path, certificate: str) -> FeedServer:
    """Return a server of HTTPS with a feed."""
    server = FeedServer(tls=tls_context(folder, certificate))
    server.put("/feed.xml", "<rss/>")
    return server
