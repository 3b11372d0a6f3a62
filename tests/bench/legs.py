#!/usr/bin/env python3
"""How fast the fake legs replay a stream, against nginx that serves the same bytes from a file, and against peers.

    cargo build --locked --release
    tests/bench/legs.py [--rounds 5] [--seconds 2] [--connections 64] [--wrk] [--peers FOLDER]

README.md tells what it needs and what its numbers mean.
"""

import argparse
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

import servers


def spread(values, digits=2):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def build_client(folder):
    source, client = pathlib.Path(__file__).parent / "load.rs", folder / "load"
    subprocess.run(["rustc", "--edition", "2024", "-O", "-o", client, source], check=True)
    return client


def counting(client, server, options):
    """Streams per second, asked for by a client that counts bytes."""
    command = [client, f"127.0.0.1:{server.port}", options.connections, options.seconds, server.size]
    out = subprocess.run(list(map(str, command)), input=servers.request(server.path), capture_output=True, check=False)
    if out.returncode:
        sys.exit(f"{server.name}: {out.stderr.decode()}")
    replies, seconds = out.stdout.split()
    return int(replies), float(seconds)


def wrk(folder, server, options):
    """The same, asked for by wrk, which parses each chunk and so is the limit itself."""
    headers = "".join(f"wrk.headers['{name}'] = '{value}'\n" for name, value in servers.HEADERS.items())
    script = folder / "post.lua"
    script.write_text(f"wrk.method = 'POST'\nwrk.body = '{servers.BODY}'\n{headers}")
    url = f"http://127.0.0.1:{server.port}{server.path}"
    command = ["wrk", "-t1", f"-c{options.connections}", f"-d{options.seconds}s", "-s", str(script), url]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        sys.exit(f"{url}: {out}")
    return int(re.search(r"(\d+) requests in", out)[1]), float(re.search(r"requests in ([\d.]+)s", out)[1])


class Results:
    """What one server did in each round."""

    def __init__(self):
        self.rates, self.own, self.kernel = [], [], []

    def measure(self, server, load):
        before = server.cpu()
        replies, seconds = load(server)
        own, kernel = (used - was for used, was in zip(server.cpu(), before))
        self.rates.append(replies / seconds)
        self.own.append(own / replies * 1e6)
        self.kernel.append(kernel / replies * 1e6)


def rounds(asked, options, load):
    """Asks each server in turn, several times, so that a busy machine slows all of them."""
    results = {server.name: Results() for server in asked}
    for number in range(options.rounds):
        for server in asked:
            results[server.name].measure(server, load)
        shown = (f"{name} {result.rates[-1]:.0f}/s ({ratio(results, name)[-1]:.3f})" for name, result in results.items())
        print(f"  round {number + 1}: " + ", ".join(shown), flush=True)
    for name, result in results.items():
        cpu = statistics.median(map(sum, zip(result.own, result.kernel)))
        own, kernel = statistics.median(result.own), statistics.median(result.kernel)
        digits = 2 if name in ("crossfade", "nginx") else 4
        print(
            f"  {name:10} ratio {spread(ratio(results, name), digits)}, "
            f"CPU us per stream {cpu:.1f} (own {own:.1f}, kernel {kernel:.1f})"
        )


def ratio(results, name):
    return [ours / theirs for ours, theirs in zip(results[name].rates, results["nginx"].rates)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--starts", type=int, default=20)
    parser.add_argument("--wrk", action="store_true", help="ask with wrk too")
    parser.add_argument("--peers", help="folder with venv/bin (mitmproxy) and node_modules (@copilotkit/aimock)")
    parser.add_argument("--binary", default=servers.ROOT / "target/release/crossfade", type=pathlib.Path)
    options = parser.parse_args()
    for tool in ["nginx", "rustc"] + ["wrk"] * options.wrk:
        if not shutil.which(tool):
            sys.exit(f"{tool} is needed; see README.md")
    servers.most_files()
    binary = options.binary.resolve()
    with tempfile.TemporaryDirectory() as name:
        folder, running = pathlib.Path(name), []
        folder.chmod(0o755)
        try:
            starts = []
            for _ in range(options.starts):
                once = servers.crossfade(binary, folder)
                starts.append(once.start)
                once.stop()
            print(f"crossfade: first reply {spread(starts, 1)} ms after the start, {options.starts} starts")

            legs = servers.crossfade(binary, folder)
            running.append(legs)
            body, events = legs.events()
            web = servers.nginx(folder, body)
            running.append(web)
            for peer in [servers.mitmdump(folder, options.peers, legs), servers.aimock(folder, options.peers),
                         servers.llmposter(folder, options.peers)]:  # fmt: skip
                if peer:
                    running.append(peer)
                    print(f"{peer.name}: {peer.events()[1]} events, first reply {peer.start:.0f} ms after the start")
            print(f"{events} events, {len(body)} bytes, {legs.size} with head and chunks, {options.connections} connections")
            client = build_client(folder)
            print("a client that counts bytes:")
            rounds(running, options, lambda server: counting(client, server, options))
            if options.wrk:
                print("wrk:")
                rounds([legs, web], options, lambda server: wrk(folder, server, options))
            print(f"crossfade: {legs.resident():.1f} MiB resident, at most {legs.resident('VmHWM'):.1f}")
        finally:
            for server in running:
                server.stop()


if __name__ == "__main__":
    main()
