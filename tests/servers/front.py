"""nginx in front of a server, with TLS and HTTP/2: front.py UPSTREAM FOLDER

Makes a certificate authority in the folder (ca.pem), and with it a certificate for localhost. It says its URL on stdout,
and ends on SIGTERM or with whoever started it.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
LEAF = "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n"


def openssl(folder, *args):
    subprocess.run(["openssl", *args], cwd=folder, check=True, stderr=subprocess.DEVNULL)


def certificates(folder):
    authority = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"]
    openssl(folder, "req", "-x509", *KEY, "-subj", "/CN=front", "-keyout", "ca.key", "-out", "ca.pem", *authority)
    openssl(folder, "req", *KEY, "-subj", "/CN=localhost", "-keyout", "leaf.key", "-out", "leaf.csr")
    (folder / "leaf.ext").write_text(LEAF)
    signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "leaf.ext"]
    openssl(folder, "x509", "-req", "-in", "leaf.csr", *signed, "-out", "leaf.pem")
    (folder / "chain.pem").write_text((folder / "leaf.pem").read_text() + (folder / "ca.pem").read_text())


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def tell(port, server):
    """Says the URL as soon as it answers."""
    while os.getppid() == server:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                print(f"https://localhost:{port}", flush=True)
                return
        time.sleep(0.02)


def main(upstream, folder):
    folder, port, own = Path(folder).resolve(), free_port(), os.getpid()
    certificates(folder)
    template = Path(__file__).with_name("nginx.conf").read_text()
    (folder / "nginx.conf").write_text(template.replace("PORT", str(port)).replace("UPSTREAM", upstream))
    if os.fork() == 0:
        tell(port, own)
        os._exit(0)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    os.execvp("nginx", ["nginx", "-p", f"{folder}/", "-e", "error.log", "-c", "nginx.conf"])


if __name__ == "__main__":
    main(*sys.argv[1:])
