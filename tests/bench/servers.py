"""The servers that the benchmarks ask: the fake legs, nginx with the same bytes in a file, and peers that are installed."""

import http.client
import json
import os
import pathlib
import re
import resource
import shutil
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
MESSAGES = [{"role": "user", "content": "Tell me about crossfades."}]
BODY = json.dumps({"model": "gpt-4o-mini", "stream": True, "messages": MESSAGES}, separators=(",", ":"))
HEADERS = {"content-type": "application/json", "authorization": "Bearer k"}
# 57 words make 60 events: the role, the words, the finish, the end mark.
SCENARIO = """scenario: bench
legs: {primary: {pace: %s, answer: {script: {parts: [{text: {words: 57}}]}}}}
"""


def request(path):
    """The bytes of the one request that every server gets."""
    head = {"host": "127.0.0.1", **HEADERS, "content-length": str(len(BODY))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n{BODY}".encode()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A running server. It is asked once, or (`asked=False`) only until it listens."""

    def __init__(self, name, command, path, port, folder, asked=True):
        self.name, self.path, self.port = name, path, port
        started = time.perf_counter()
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=folder, close_fds=False)
        self.size = self.first_reply(started, self.ask if asked else self.listens)
        self.start = (time.perf_counter() - started) * 1000

    def first_reply(self, started, ask):
        """Waits for the first whole reply and gives its size."""
        while True:
            try:
                return len(ask())
            except ConnectionRefusedError:
                if self.process.poll() is not None or time.perf_counter() - started > 20:
                    sys.exit(f"{self.name} does not answer")
                time.sleep(0.0002)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port))

    def listens(self):
        self.connect().close()
        return b""

    def ask(self):
        """One whole reply, byte by byte."""
        got = b""
        with self.connect() as connection:
            connection.sendall(request(self.path))
            while not whole(got):
                more = connection.recv(1 << 17)
                if not more:
                    sys.exit(f"{self.name} broke off after {got[-200:]}")
                got += more
        if not got.startswith(b"HTTP/1.1 200"):
            sys.exit(f"{self.name} answers {got[:500]}")
        return got

    def events(self):
        """Its body, and the events in it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("POST", self.path, BODY, HEADERS)
        body = connection.getresponse().read()
        return body, body.count(b"\n\n")

    def pids(self):
        listed = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False)
        return [self.process.pid, *map(int, listed.stdout.split())]

    def cpu(self):
        """Seconds of CPU that it has used: in its own code, and in the kernel."""
        used = [0, 0]
        for pid in self.pids():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            used = [used[0] + int(fields[11]), used[1] + int(fields[12])]
        return [ticks / os.sysconf("SC_CLK_TCK") for ticks in used]

    def resident(self, field="VmRSS"):
        """MiB of memory; `VmHWM` is the most that it ever was."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{field}:\s+(\d+)", status)[1]) / 1024

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def whole(reply):
    head, gap, body = reply.partition(b"\r\n\r\n")
    if not gap:
        return False
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    return len(body) == int(length[1]) if length else body.endswith(b"0\r\n\r\n")


def most_files():
    """As many open sockets as the system allows; servers inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def crossfade(binary, folder, pace="instant"):
    (folder / "bench.yaml").write_text(SCENARIO % pace, encoding="utf-8")
    port = free_port()
    command = [binary, "serve", "bench.yaml", "--port", str(port)]
    path = "/primary/v1/chat/completions"
    return Server("crossfade", command, path, port, folder, asked=pace == "instant")


def nginx(folder, body):
    """nginx, which answers with a content length and no chunks, and so sends less."""
    port = free_port()
    (folder / "stream").write_bytes(body)
    (folder / "nginx.conf").write_text(
        f"""{"user root; " if os.geteuid() == 0 else ""}worker_processes 2; daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; open_file_cache max=10;
  client_body_temp_path {folder}/temp; default_type text/event-stream;
  server {{ listen 127.0.0.1:{port}; root {folder}; error_page 405 =200 $uri; }}
}}
""",
        encoding="utf-8",
    )
    return Server("nginx", ["nginx", "-p", folder, "-c", folder / "nginx.conf"], "/stream", port, folder)


def find(name, peers):
    """A peer's program: in the folder of peers (a Python environment, a `node_modules`), else in the PATH."""
    for below in ["venv/bin", "bin", "node_modules/.bin"]:
        if peers and (pathlib.Path(peers) / below / name).exists():
            return str((pathlib.Path(peers) / below / name).resolve())
    return shutil.which(name)


def mitmdump(folder, peers, source):
    """mitmproxy, which replays what it has recorded of `source`; `None` where it is not installed."""
    program = find("mitmdump", peers)
    if not program:
        return None
    port, flows = free_port(), folder / "flows"
    upstream = ["-q", "--mode", f"reverse:http://127.0.0.1:{source.port}", "-p", str(port)]
    path = "/primary/v1/chat/completions"
    recorder = Server("mitmdump", [program, *upstream, "-w", flows], path, port, folder)
    recorder.stop()
    replay = ["--server-replay", flows, "--set", "server_replay_reuse=true", "--set", "connection_strategy=lazy"]
    return Server("mitmdump", [program, *upstream, *replay], path, port, folder)


def aimock(folder, peers):
    """aimock with an answer of 57 chunks of text; `None` where it is not installed."""
    program = find("llmock", peers) or find("aimock", peers)
    if not program:
        return None
    fixture = {"match": {"userMessage": "crossfades"}, "response": {"content": "abcdefg " * 57}, "chunkSize": 8}
    (folder / "llmock.json").write_text(json.dumps({"fixtures": [fixture]}), encoding="utf-8")
    port = free_port()
    command = [program, "-p", str(port), "-f", folder / "llmock.json", "--log-level", "silent"]
    return Server("aimock", command, "/v1/chat/completions", port, folder)


def llmposter(folder, peers):
    """llmposter with an answer of 57 chunks of text; `None` where it is not installed."""
    program = find("llmposter", peers)
    if not program:
        return None
    (folder / "llmposter.yaml").write_text(
        "fixtures:\n- match: {user_message: crossfades}\n  provider: openai\n"
        f"  response: {{content: '{'abcdefg ' * 57}', chunk_size: 8}}\n",
        encoding="utf-8",
    )
    port = free_port()
    command = [program, "-f", folder / "llmposter.yaml", "-p", str(port)]
    return Server("llmposter", command, "/v1/chat/completions", port, folder)
