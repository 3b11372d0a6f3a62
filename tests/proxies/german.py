"""A small LLM proxy that continues a broken stream badly. Python's standard library alone.

    german.py PORT PRIMARY_URL FALLBACK_URL FALLBACK_MODEL

OpenAI chat in front, Anthropic messages behind. When the primary breaks in mid-stream it asks the fallback to go on from
a trailing assistant turn, adds a German instruction to the system prompt, and drops the blank at the seam.
The client's model `direct` goes to the fallback alone.
"""

import http.client
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

PORT, PRIMARY, FALLBACK, FALLBACK_MODEL = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
INSTRUCTION = "Setze die angefangene Antwort genau dort fort, wo sie abbricht. Wiederhole nichts."


class UpstreamError(Exception):
    pass


def to_anthropic(request, model):
    system = [m["content"] for m in request["messages"] if m["role"] == "system"]
    body = {
        "model": model,
        "max_tokens": request.get("max_tokens", 1024),
        "messages": [m for m in request["messages"] if m["role"] != "system"],
        "stream": True,
    }
    if system:
        body["system"] = "\n".join(system)
    return body


def deltas(base, body, key):
    """Text deltas of one upstream; raises UpstreamError on anything but a proper end."""
    url = urlsplit(base)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=10)
    headers = {"content-type": "application/json", "x-api-key": key, "anthropic-version": "2023-06-01"}
    try:
        connection.request("POST", url.path + "/v1/messages", json.dumps(body), headers)
        response = connection.getresponse()
        if response.status != 200:
            raise UpstreamError(json.loads(response.read())["error"]["message"])
        for line in response:
            if not line.startswith(b"data:"):
                continue
            event = json.loads(line[5:])
            if event["type"] == "content_block_delta":
                yield event["delta"].get("text", "")
            elif event["type"] == "error":
                raise UpstreamError(event["error"]["message"])
            elif event["type"] == "message_stop":
                return
        raise UpstreamError("the stream ended early")
    except (http.client.HTTPException, OSError) as error:
        raise UpstreamError(str(error)) from error
    finally:
        connection.close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def event(self, payload):
        data = f"data: {payload if isinstance(payload, str) else json.dumps(payload)}\n\n".encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def chunk(self, delta, finish=None):
        self.event({
            "id": "chatcmpl-german",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "german",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        })

    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.chunk({"role": "assistant", "content": ""})
        try:
            self.answer(request)
            self.chunk({}, "stop")
            self.event("[DONE]")
        except UpstreamError as error:
            self.event({"error": {"message": str(error), "type": "upstream_error", "param": None, "code": None}})
        self.wfile.write(b"0\r\n\r\n")

    def answer(self, request):
        if request["model"] == "direct":
            for text in deltas(FALLBACK, to_anthropic(request, FALLBACK_MODEL), "sk-fallback"):
                self.chunk({"content": text})
            return
        said = ""
        try:
            for text in deltas(PRIMARY, to_anthropic(request, "claude-sonnet-4-5"), "sk-primary"):
                said += text
                self.chunk({"content": text})
            return
        except UpstreamError:
            body = to_anthropic(request, FALLBACK_MODEL)
        body["system"] = (body.get("system", "") + "\n" + INSTRUCTION).strip()
        body["messages"].append({"role": "assistant", "content": said})
        first = True
        for text in deltas(FALLBACK, body, "sk-fallback"):
            self.chunk({"content": text.lstrip() if first else text})
            first = False


ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
