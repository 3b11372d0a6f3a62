#!/usr/bin/env python3
"""How fast the fake legs replay a stream, against nginx that serves the same bytes from a file.

    cargo build --locked --release
    tests/bench/legs.py [--rounds 5] [--seconds 3] [--connections 64]

Needs nginx and wrk (Debian: `apt-get install nginx-light wrk`). Each round asks both, one after the other, so that a
busy machine slows both; what counts is the ratio. nginx answers with a content length and no chunks, so it sends less.
"""

import argparse
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BODY = '{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"Tell me about crossfades."}]}'
# 57 words make 60 events: the role, the words, the finish, the end mark.
SCENARIO = """scenario: bench
legs: {primary: {answer: {script: {parts: [{text: {words: 57}}]}}}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def post(url):
    headers = {"content-type": "application/json", "authorization": "Bearer k"}
    request = urllib.request.Request(url, BODY.encode(), headers)
    with urllib.request.urlopen(request, timeout=5) as response:
        return response.read()


def cpu(pids):
    """Seconds of CPU that processes have used."""
    ticks = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def crossfade(binary, folder):
    """Starts the legs; gives the process, the URL, and milliseconds from the start to the first reply."""
    (folder / "bench.yaml").write_text(SCENARIO, encoding="utf-8")
    port = free_port()
    url = f"http://127.0.0.1:{port}/primary/v1/chat/completions"
    started = time.perf_counter()
    process = subprocess.Popen(
        [binary, "serve", "bench.yaml", "--port", str(port)], stdout=subprocess.DEVNULL, cwd=folder
    )
    while True:
        try:
            post(url)
            return process, url, (time.perf_counter() - started) * 1000
        except OSError:
            if process.poll() is not None or time.perf_counter() - started > 10:
                sys.exit("crossfade serve does not answer")
            time.sleep(0.0005)


def nginx(folder, body):
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
    process = subprocess.Popen(["nginx", "-p", folder, "-c", folder / "nginx.conf"])
    url = f"http://127.0.0.1:{port}/stream"
    for _ in range(200):
        try:
            post(url)
            return process, url
        except urllib.error.HTTPError as error:
            process.terminate()
            sys.exit(f"nginx answers {error}")
        except OSError:
            time.sleep(0.02)
    process.terminate()
    sys.exit("nginx does not answer")


def children(pid):
    listed = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout
    return [pid, *map(int, listed.split())]


def load(url, process, options, script):
    """Requests per second, and microseconds of the server's CPU per request."""
    pids = children(process.pid)
    before = cpu(pids)
    out = subprocess.run(
        ["wrk", "-t1", f"-c{options.connections}", f"-d{options.seconds}s", "-s", script, url],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    used = cpu(pids) - before
    if "Non-2xx" in out or "Socket errors" in out:
        sys.exit(f"{url}: {out}")
    requests = int(re.search(r"(\d+) requests in", out)[1])
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]), used / requests * 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--binary", default=ROOT / "target/release/crossfade")
    options = parser.parse_args()
    for tool in ["nginx", "wrk"]:
        if not shutil.which(tool):
            sys.exit(f"{tool} is needed: apt-get install nginx-light wrk")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        script = folder / "post.lua"
        script.write_text(
            "wrk.method = 'POST'\n"
            f"wrk.body = '{BODY}'\n"
            "wrk.headers['content-type'] = 'application/json'\n"
            "wrk.headers['authorization'] = 'Bearer k'\n"
        )
        legs, url, first = crossfade(options.binary, folder)
        body = post(url)
        web, static = nginx(folder, body)
        try:
            events = body.count(b"\n\n")
            print(f"{events} events, {len(body)} bytes, {options.connections} connections")
            print(f"crossfade: first reply {first:.1f} ms after the start")
            print("round  crossfade/s  nginx/s  ratio  CPU us crossfade  nginx")
            ratios = []
            for number in range(options.rounds):
                ours, our_cpu = load(url, legs, options, script)
                theirs, their_cpu = load(static, web, options, script)
                ratios.append(ours / theirs)
                print(f"{number + 1:5}  {ours:11.0f}  {theirs:7.0f}  {ratios[-1]:5.2f}  {our_cpu:16.1f}  {their_cpu:5.1f}")
            print(f"median ratio {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})")
            rss = re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{legs.pid}/status").read_text())[1]
            print(f"crossfade: {int(rss) / 1024:.1f} MiB resident")
        finally:
            for process in [legs, web]:
                process.terminate()
                process.wait()


if __name__ == "__main__":
    main()
