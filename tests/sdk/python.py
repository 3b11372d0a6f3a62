"""Asks the official Python SDKs what they make of an answer.

    python python.py API PROBE URL [QUESTION]

or with one such line per probe on standard input. APIs: openai-chat, openai-responses, anthropic-messages, gemini,
bedrock-converse (which has no accumulator and no lists).
Probes: `unary`, `stream` (the bare loop over the stream), `final` (the SDK's own accumulator of a stream; Gemini's is
a chat's history), `retry` (as `unary`, with the SDK's own retries), `refused` (what the real model refuses), `models`
and `count`. URL is a base URL that
`crossfade serve` prints. Each probe is answered with one line of JSON, in order, in the SDK's own terms.
"""

import base64
import json
import os
import ssl
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import anthropic
import boto3
import botocore.config
import openai
from google import genai
from google.genai import types

TLS = ssl.create_default_context()  # Once: it takes long to make, and nothing here needs it.

SECONDS = float(os.environ.get("SDK_TIMEOUT", "1.5"))
ASK = "Tell me about crossfades."
TOOL = "look_up"
ABOUT = "Looks a word up."
SCHEMA = {
    "type": "object",
    "properties": {"word": {"type": "string"}},
    "required": ["word"],
    "additionalProperties": False,
}
TURNS = [{"role": "user", "content": ASK}]


class Seen:
    """What an SDK gave, in neutral names."""

    def __init__(self):
        self.requests = 0
        self.text = self.thinking = ""
        self.tools = {}
        self.facts = {}
        self.invalid = set()
        self.unknown = set()

    def hooks(self):
        def sent(_request):
            self.requests += 1

        return {"request": [sent]}

    def tool(self, key, arguments="", **known):
        call = self.tools.setdefault(key, {"arguments": ""})
        call.update({name: value for name, value in known.items() if value})
        call["arguments"] += arguments

    def fact(self, **facts):
        self.facts.update({name: value for name, value in facts.items() if value is not None})

    def check(self, model):
        """The SDKs build their types without validation: what is missing or wrong shows only here."""
        kind = type(model)
        try:
            kind.model_validate(model.model_dump(exclude_unset=True, by_alias=True, warnings=False))
        except ValueError as error:
            errors = error.errors() if hasattr(error, "errors") else [{"loc": (), "msg": str(error)}]
            self.invalid.update(f"{kind.__name__}.{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in errors)
        self.extras(kind.__name__, model)

    def extras(self, path, value):
        """Fields that the SDK's types do not know."""
        if isinstance(value, list):
            for item in value:
                self.extras(path, item)
        elif hasattr(value, "model_fields_set"):
            self.unknown.update(f"{path}.{name}" for name in value.model_extra or {})
            for name in type(value).model_fields:
                self.extras(f"{path}.{name}", getattr(value, name, None))

    def told(self):
        said = {"text": self.text, "thinking": self.thinking, "tools": list(self.tools.values()), **self.facts}
        lists = {"invalid": sorted(self.invalid), "unknown": sorted(self.unknown)}
        return {"requests": self.requests, **{key: value for key, value in {**said, **lists}.items() if value}}


class OpenAi:
    def __init__(self, url, retries, seen):
        http = openai.DefaultHttpxClient(event_hooks=seen.hooks(), verify=TLS)
        self.seen = seen
        self.client = openai.OpenAI(
            api_key="sk-any", base_url=f"{url}/v1", max_retries=retries, timeout=SECONDS, http_client=http
        )

    def models(self):
        for model in self.client.models.list():
            self.seen.check(model)
        self.seen.check(self.client.models.retrieve("gpt-4o"))


class OpenAiChat(OpenAi):
    function = {"name": TOOL, "description": ABOUT, "parameters": SCHEMA, "strict": True}
    asked = {"model": "gpt-4o-mini", "messages": TURNS, "tools": [{"type": "function", "function": function}]}
    streamed = {**asked, "stream_options": {"include_usage": True}}

    def unary(self):
        self.whole(self.client.chat.completions.create(**self.asked))

    def whole(self, answer):
        seen = self.seen
        seen.check(answer)
        choice = answer.choices[0]
        seen.text = choice.message.content or ""
        for call in choice.message.tool_calls or []:
            seen.tool(call.id, call.function.arguments, id=call.id, name=call.function.name)
        seen.thinking = getattr(choice.message, "reasoning_content", None) or ""
        seen.fact(refusal=choice.message.refusal, finish=choice.finish_reason, role=choice.message.role)
        seen.fact(id=answer.id, model=answer.model, request_id=getattr(answer, "_request_id", None))
        self.usage(answer.usage)

    def refused(self):
        self.client.chat.completions.create(model="o3-mini", messages=TURNS, temperature=0.2)

    def usage(self, usage):
        if usage:
            self.seen.fact(usage=[usage.prompt_tokens, usage.completion_tokens])

    def stream(self):
        seen = self.seen
        stream = self.client.chat.completions.create(**self.streamed, stream=True)
        seen.fact(request_id=stream.response.headers.get("x-request-id"))
        for chunk in stream:
            seen.check(chunk)
            seen.fact(id=chunk.id, model=chunk.model)
            self.usage(chunk.usage)
            for choice in chunk.choices or []:
                delta = choice.delta
                seen.text += delta.content or ""
                seen.thinking += getattr(delta, "reasoning_content", None) or ""
                if delta.refusal:
                    seen.fact(refusal=seen.facts.get("refusal", "") + delta.refusal)
                for call in delta.tool_calls or []:
                    seen.tool(call.index, call.function.arguments or "", id=call.id, name=call.function.name)
                seen.fact(finish=choice.finish_reason, role=delta.role)

    def final(self):
        with self.client.chat.completions.stream(**self.streamed) as stream:
            for _ in stream:
                pass
            self.whole(stream.get_final_completion())


class OpenAiResponses(OpenAi):
    asked = {
        "model": "gpt-4o-mini",
        "input": ASK,
        "tools": [{"type": "function", "name": TOOL, "description": ABOUT, "parameters": SCHEMA, "strict": True}],
    }

    def unary(self):
        self.whole(self.client.responses.create(**self.asked))

    def whole(self, answer):
        seen = self.seen
        seen.check(answer)
        seen.text, seen.thinking, seen.tools = answer.output_text, "", {}
        for item in answer.output:
            if item.type == "function_call":
                seen.tool(item.id, item.arguments, id=item.call_id, name=item.name)
            elif item.type == "reasoning":
                seen.thinking += "".join(part.text for part in item.summary)
                seen.fact(signature=item.encrypted_content)
            elif item.type == "message":
                seen.fact(role=item.role)
                refused = [part.refusal for part in item.content if part.type == "refusal"]
                seen.fact(refusal="".join(refused) or None)
        ended = answer.status if answer.status != "in_progress" else None
        seen.fact(finish=answer.incomplete_details.reason if answer.incomplete_details else ended)
        seen.fact(id=answer.id, model=answer.model, request_id=getattr(answer, "_request_id", None))
        if answer.usage:
            seen.fact(usage=[answer.usage.input_tokens, answer.usage.output_tokens])

    def stream(self):
        seen = self.seen
        stream = self.client.responses.create(**self.asked, stream=True)
        seen.fact(request_id=stream.response.headers.get("x-request-id"))
        for event in stream:
            seen.check(event)
            if event.type == "response.output_text.delta":
                seen.text += event.delta
            elif event.type == "response.reasoning_summary_text.delta":
                seen.thinking += event.delta
            elif event.type == "response.output_item.added" and event.item.type == "function_call":
                seen.tool(event.item.id, id=event.item.call_id, name=event.item.name)
            elif event.type == "response.function_call_arguments.delta":
                seen.tool(event.item_id, event.delta)
            elif event.type in ("response.completed", "response.incomplete", "response.failed"):
                streamed = seen.text, seen.thinking, seen.tools
                self.whole(event.response)
                seen.text, seen.thinking, seen.tools = streamed

    def refused(self):
        self.client.responses.create(model="o3-mini", input=ASK, temperature=0.2)

    def final(self):
        with self.client.responses.stream(**self.asked) as stream:
            for _ in stream:
                pass
            self.whole(stream.get_final_response())


class Anthropic:
    asked = {
        "model": "claude-sonnet-4-6",
        "max_tokens": 256,
        "messages": TURNS,
        "tools": [{"name": TOOL, "description": ABOUT, "input_schema": SCHEMA}],
    }

    def __init__(self, url, retries, seen):
        http = anthropic.DefaultHttpxClient(event_hooks=seen.hooks(), verify=TLS)
        self.seen = seen
        self.client = anthropic.Anthropic(
            api_key="sk-any", base_url=url, max_retries=retries, timeout=SECONDS, http_client=http
        )

    def models(self):
        for model in self.client.models.list():
            self.seen.check(model)
        self.seen.check(self.client.models.retrieve("claude-opus-4-6"))

    def count(self):
        asked = {key: value for key, value in self.asked.items() if key != "max_tokens"}
        count = self.client.messages.count_tokens(**asked)
        self.seen.check(count)
        self.seen.fact(usage=[count.input_tokens])

    def unary(self):
        self.whole(self.client.messages.create(**self.asked))

    def whole(self, answer):
        seen = self.seen
        seen.check(answer)
        for block in answer.content:
            if block.type == "text":
                seen.text += block.text
            elif block.type == "thinking":
                seen.thinking += block.thinking
                seen.fact(signature=block.signature)
            elif block.type == "tool_use":
                seen.tool(block.id, json.dumps(block.input), id=block.id, name=block.name)
        seen.fact(finish=answer.stop_reason, role=answer.role, id=answer.id, model=answer.model)
        seen.fact(request_id=getattr(answer, "_request_id", None))
        seen.fact(usage=[answer.usage.input_tokens, answer.usage.output_tokens])

    def stream(self):
        seen = self.seen
        stream = self.client.messages.create(**self.asked, stream=True)
        seen.fact(request_id=stream.response.headers.get("request-id"))
        for event in stream:
            seen.check(event)
            if event.type == "message_start":
                seen.fact(id=event.message.id, model=event.message.model, role=event.message.role)
            elif event.type == "content_block_start" and event.content_block.type == "tool_use":
                seen.tool(event.index, id=event.content_block.id, name=event.content_block.name)
            elif event.type == "content_block_delta":
                delta = event.delta
                if delta.type == "text_delta":
                    seen.text += delta.text
                elif delta.type == "thinking_delta":
                    seen.thinking += delta.thinking
                elif delta.type == "signature_delta":
                    seen.fact(signature=delta.signature)
                elif delta.type == "input_json_delta":
                    seen.tool(event.index, delta.partial_json)
            elif event.type == "message_delta":
                seen.fact(finish=event.delta.stop_reason)
                seen.fact(usage=[event.usage.input_tokens, event.usage.output_tokens])

    def refused(self):
        prefilled = [*TURNS, {"role": "assistant", "content": "A crossfade"}]
        self.client.messages.create(**{**self.asked, "messages": prefilled})

    def final(self):
        with self.client.messages.stream(**self.asked) as stream:
            self.whole(stream.get_final_message())


class Gemini:
    model = "gemini-2.5-flash"

    def __init__(self, url, retries, seen):
        self.seen = seen
        retry = types.HttpRetryOptions(attempts=retries + 1, initial_delay=0.1) if retries else None
        options = types.HttpOptions(
            base_url=url,
            timeout=int(SECONDS * 1000),
            client_args={"event_hooks": seen.hooks(), "verify": TLS},
            retry_options=retry,
        )
        self.client = genai.Client(api_key="any", http_options=options)
        declared = types.FunctionDeclaration(name=TOOL, description=ABOUT, parameters_json_schema=SCHEMA)
        self.config = types.GenerateContentConfig(
            tools=[types.Tool(function_declarations=[declared])],
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        )

    def models(self):
        for model in self.client.models.list():
            self.seen.check(model)
        self.seen.check(self.client.models.get(model="gemini-2.5-pro"))

    def count(self):
        count = self.client.models.count_tokens(model=self.model, contents=ASK)
        self.seen.fact(usage=[count.total_tokens])

    def unary(self):
        self.chunk(self.client.models.generate_content(model=self.model, contents=ASK, config=self.config))

    def stream(self):
        for chunk in self.client.models.generate_content_stream(
            model=self.model, contents=ASK, config=self.config
        ):
            self.chunk(chunk)

    def refused(self):
        turns = [types.Content(role=role, parts=[types.Part(text=ASK)]) for role in ("user", "model")]
        self.client.models.generate_content(model="gemini-3.7-flash", contents=turns)

    def final(self):
        chat = self.client.chats.create(model=self.model, config=self.config)
        for _ in chat.send_message_stream(ASK):
            pass
        for turn in chat.get_history(curated=True)[1:]:
            self.parts(turn.parts)

    def chunk(self, chunk):
        seen = self.seen
        seen.check(chunk)
        for candidate in chunk.candidates or []:
            self.parts(candidate.content and candidate.content.parts)
            seen.fact(finish=candidate.finish_reason and candidate.finish_reason.value)
            seen.fact(role=candidate.content and candidate.content.role)
        seen.fact(id=chunk.response_id, model=chunk.model_version)
        if chunk.usage_metadata:
            usage = chunk.usage_metadata
            seen.fact(usage=[usage.prompt_token_count, usage.candidates_token_count])

    def parts(self, parts):
        seen = self.seen
        for part in parts or []:
            if part.thought:
                seen.thinking += part.text or ""
            else:
                seen.text += part.text or ""
            if part.thought_signature:
                seen.fact(signature=base64.b64encode(part.thought_signature).decode())
            if part.function_call:
                call = part.function_call
                seen.tool(len(seen.tools), json.dumps(call.args), id=call.id, name=call.name)


class Bedrock:
    model = "us.anthropic.claude-sonnet-4-6"
    asked = {
        "modelId": model,
        "messages": [{"role": "user", "content": [{"text": ASK}]}],
        "toolConfig": {
            "tools": [{"toolSpec": {"name": TOOL, "description": ABOUT, "inputSchema": {"json": SCHEMA}}}]
        },
    }
    session = boto3.session.Session("AKIDANY", "any", region_name="us-east-1")
    making = threading.Lock()  # A session's clients must be made one by one.

    def __init__(self, url, retries, seen):
        self.seen = seen
        config = botocore.config.Config(
            connect_timeout=SECONDS,
            read_timeout=SECONDS,
            retries={"total_max_attempts": retries + 1, "mode": "standard"},
        )
        with self.making:
            self.client = self.session.client("bedrock-runtime", endpoint_url=url, config=config)
        self.client.meta.events.register("before-send.bedrock-runtime.*", self.sent)

    def sent(self, **_):
        self.seen.requests += 1

    def unary(self):
        answer = self.client.converse(**self.asked)
        message = answer["output"]["message"]
        for index, block in enumerate(message["content"]):
            self.start(index, block)
            self.delta(index, block)
        self.seen.fact(role=message["role"], finish=answer["stopReason"])
        self.ended(answer, answer)

    def stream(self):
        answer = self.client.converse_stream(**self.asked)
        for event in answer["stream"]:
            if "messageStart" in event:
                self.seen.fact(role=event["messageStart"]["role"])
            elif "contentBlockStart" in event:
                started = event["contentBlockStart"]
                self.start(started["contentBlockIndex"], started["start"])
            elif "contentBlockDelta" in event:
                delta = event["contentBlockDelta"]
                self.delta(delta["contentBlockIndex"], delta["delta"])
            elif "messageStop" in event:
                self.seen.fact(finish=event["messageStop"]["stopReason"])
            elif "metadata" in event:
                self.ended(answer, event["metadata"])

    def refused(self):
        prefilled = [*self.asked["messages"], {"role": "assistant", "content": [{"text": "A crossfade"}]}]
        self.client.converse(modelId=self.model, messages=prefilled)

    def start(self, index, block):
        if "toolUse" in block:
            self.seen.tool(index, id=block["toolUse"]["toolUseId"], name=block["toolUse"]["name"])

    def delta(self, index, delta):
        seen = self.seen
        seen.text += delta.get("text", "")
        reasoning = delta.get("reasoningContent", {})
        reasoning = reasoning.get("reasoningText", reasoning)
        seen.thinking += reasoning.get("text", "")
        seen.fact(signature=reasoning.get("signature"))
        if "toolUse" in delta:
            given = delta["toolUse"]["input"]
            seen.tool(index, given if isinstance(given, str) else json.dumps(given))

    def ended(self, answer, told):
        self.seen.fact(request_id=answer["ResponseMetadata"]["RequestId"])
        self.seen.fact(usage=[told["usage"]["inputTokens"], told["usage"]["outputTokens"]])


APIS = {
    "openai-chat": OpenAiChat,
    "openai-responses": OpenAiResponses,
    "anthropic-messages": Anthropic,
    "gemini": Gemini,
    "bedrock-converse": Bedrock,
}


def failure(error):
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    told = {"class": f"{type(error).__module__.split('.')[0]}.{type(error).__name__}", "message": str(error)[:400]}
    told["status"] = status if isinstance(status, int) else None
    told["request_id"] = getattr(error, "request_id", None)
    told["type"] = getattr(error, "type", None) or getattr(error, "status", None)
    told["param"] = getattr(error, "param", None)
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        about = response.get("ResponseMetadata", {})
        told["status"], told["request_id"] = about.get("HTTPStatusCode"), about.get("RequestId")
        told["type"] = response["Error"]["Code"]
    return {key: value for key, value in told.items() if value is not None}


def run(line):
    api, probe, url, *question = line.split(maxsplit=3)
    seen = Seen()
    told = {"api": api, "probe": probe, "url": url}
    try:
        sdk = APIS[api](url, 2 if probe == "retry" else 0, seen)
        for asked in {"asked", "streamed"} & set(dir(sdk)) if question else ():
            setattr(sdk, asked, json.loads(json.dumps(getattr(sdk, asked)).replace(ASK, question[0].strip())))
        getattr(sdk, {"retry": "unary"}.get(probe, probe))()
        told["end"] = "whole"
    except Exception as error:  # Whatever an SDK raises is the finding.
        told["end"], told["error"] = "error", failure(error)
    return json.dumps({**told, **seen.told()}, ensure_ascii=False)


if __name__ == "__main__":
    lines = [" ".join(sys.argv[1:])] if len(sys.argv) > 1 else [line for line in sys.stdin if line.strip()]
    with ThreadPoolExecutor(16) as pool:
        for answer in pool.map(run, lines):
            print(answer, flush=True)
