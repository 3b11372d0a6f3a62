"""Runs the router of the wheel: serve.py OPTIONS PORT. It always listens at a second port, for metrics: at any free one."""

import json
import socket
import sys

from vllm_router.launch_router import launch_router
from vllm_router.router_args import RouterArgs

options, port = sys.argv[1:]
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    metrics = free.getsockname()[1]
with open(options, encoding="utf-8") as file:
    own = json.load(file)
launch_router(RouterArgs(host="127.0.0.1", port=int(port), prometheus_port=metrics, **own))
