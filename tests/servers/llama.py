"""llama.cpp's own server, from the wheel xllamacpp: llama.py MODEL.gguf [KEY=VALUE ...]

Keys: port (a free one), alias, context, slots, ping (seconds between comments), key, template (a file).
It listens on 127.0.0.1, says its URL on stdout, and ends on SIGTERM or with whoever started it.
"""

import ctypes
import signal
import socket
import sys

import xllamacpp

PR_SET_PDEATHSIG = 1


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def parameters(model, chosen):
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {chosen.get("alias", "recites")}
    params.hostnames = ["127.0.0.1"]
    params.port = int(chosen.get("port") or free_port())
    params.n_ctx = int(chosen.get("context", 512))
    params.n_parallel = int(chosen.get("slots", 1))
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.sampling.seed = 42
    if "ping" in chosen:
        params.sse_ping_interval = int(chosen["ping"])
    if "key" in chosen:
        params.api_keys = [chosen["key"]]
    if "template" in chosen:
        with open(chosen["template"]) as file:
            params.chat_template = file.read()
    return params


def main(model, *words):
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    server = xllamacpp.Server(parameters(model, dict(word.split("=", 1) for word in words)))
    print(server.listening_address, flush=True)
    while True:
        signal.pause()


if __name__ == "__main__":
    main(*sys.argv[1:])
