#!/usr/bin/env python3
"""How many paced streams the fake legs hold open, in how much memory, and how late each event comes.

    cargo build --locked --release
    tests/bench/paced.py [--streams 1000 5000 10000] [--every 500]

README.md tells what it needs and what its numbers mean.
"""

import argparse
import array
import gc
import pathlib
import select
import socket
import tempfile
import time

import servers

EVENTS = 60


def percentile(values, share):
    return values[min(len(values) - 1, int(len(values) * share))] * 1000 if values else float("nan")


def lateness(arrivals, every, events):
    """How much later than the first event and the pace say these events came, in order of size."""
    late = [at - times[0] - n * every for times in arrivals for n, at in enumerate(times) if n in events]
    return sorted(late)


def listen(server, streams, ramp, every):
    """Opens streams, `ramp` a second, and gives the arrival of each event of each stream."""
    address, request = ("127.0.0.1", server.port), servers.request(server.path)
    waiting, clock = select.epoll(), time.perf_counter
    arrivals, sockets, by_file, open_streams = [], [], {}, 0
    begin, most = clock(), 0.0
    last = begin + streams / ramp + EVENTS * every + 30
    while (len(sockets) < streams or open_streams) and clock() < last:
        due = min(streams, int((clock() - begin) * ramp) + 1)
        for _ in range(min(20, due - len(sockets))):
            connection = socket.create_connection(address)
            connection.sendall(request)
            connection.setblocking(False)
            waiting.register(connection, select.EPOLLIN)
            by_file[connection.fileno()] = len(sockets)
            sockets.append(connection)
            arrivals.append(array.array("d"))
            open_streams += 1
        for file, _ in waiting.poll(0.001 if len(sockets) < streams else 0.1):
            stream = by_file[file]
            try:
                got = sockets[stream].recv(1 << 16)
            except BlockingIOError:
                continue
            now = clock()
            arrivals[stream].extend([now] * got.count(b"\n\n"))
            if not got or got.endswith(b"0\r\n\r\n"):
                waiting.unregister(file)
                open_streams -= 1
                if most == 0.0:
                    most = server.resident()
    for connection in sockets:
        connection.close()
    return arrivals, most


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, nargs="+", default=[1000, 5000, 10000])
    parser.add_argument("--every", type=int, default=500, help="milliseconds between events")
    parser.add_argument("--ramp", type=int, default=2000, help="streams that begin in a second")
    parser.add_argument("--binary", default=servers.ROOT / "target/release/crossfade", type=pathlib.Path)
    options = parser.parse_args()
    servers.most_files()
    gc.disable()
    every = options.every / 1000
    print("streams  whole  RSS MiB  peak  KiB/stream  CPU %  us/event  late ms p50   p99   max  first third p99  last p99")
    for streams in options.streams:
        with tempfile.TemporaryDirectory() as name:
            server = servers.crossfade(options.binary.resolve(), pathlib.Path(name), f"{{every: {options.every}ms}}")
            idle, before, began = server.resident(), sum(server.cpu()), time.perf_counter()
            arrivals, resident = listen(server, streams, options.ramp, every)
            cpu, took = sum(server.cpu()) - before, time.perf_counter() - began
            peak = server.resident("VmHWM")
            server.stop()
        whole = sum(len(times) == EVENTS for times in arrivals)
        arrived = sum(map(len, arrivals))
        late = lateness(arrivals, every, range(1, EVENTS))
        first, last = (lateness(arrivals, every, third) for third in [range(1, 21), range(40, 60)])
        print(
            f"{streams:7}  {whole:5}  {resident:7.1f}  {peak:4.0f}  {(peak - idle) * 1024 / streams:10.1f}  "
            f"{cpu / took * 100:5.1f}  {cpu / max(arrived, 1) * 1e6:8.1f}  {percentile(late, 0.5):11.2f}  "
            f"{percentile(late, 0.99):4.2f}  {percentile(late, 1):4.1f}  {percentile(first, 0.99):15.2f}  "
            f"{percentile(last, 0.99):8.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
