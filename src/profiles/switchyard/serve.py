"""Hosts the server of the wheel: serve.py ROUTES KEYS PORT. It takes the keys of its upstreams from the environment alone."""

import json
import os
import sys
import time

from switchyard_rust.server import Server

routes, keys, port = sys.argv[1:]
with open(keys, encoding="utf-8") as file:
    os.environ.update(json.load(file))
server = Server(routes, int(port))
print(server.base_url, flush=True)
while True:
    time.sleep(3600)
