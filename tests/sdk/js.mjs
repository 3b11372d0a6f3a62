// Asks the official JavaScript SDKs what they make of an answer.
//
//     node js.mjs API PROBE URL
//
// or with one such line per probe on standard input; run it where the SDKs are installed. APIs: openai-chat,
// openai-responses, anthropic-messages. Probes: `unary`, `stream` (the bare loop over the stream), `final` (the SDK's
// own accumulator of a stream), `retry` (as `unary`, with the SDK's own retries), `refused` (what the real model
// refuses), `models` and `count`. URL is a base URL that `crossfade serve` prints. Each probe is answered with one line
// of JSON, in order, in the SDK's own terms.
import { createRequire } from "node:module";
import { join } from "node:path";
import { text as all } from "node:stream/consumers";

const require = createRequire(join(process.cwd(), "package.json"));
const { default: OpenAI } = require("openai");
const { default: Anthropic } = require("@anthropic-ai/sdk");

const MILLIS = 1000 * Number(process.env.SDK_TIMEOUT ?? "1.5");
const ASK = "Tell me about crossfades.";
const TOOL = { name: "look_up", description: "Looks a word up." };
const SCHEMA = {
  type: "object",
  properties: { word: { type: "string" } },
  required: ["word"],
  additionalProperties: false,
};
const TURNS = [{ role: "user", content: ASK }];

// What an SDK gave, in neutral names.
class Seen {
  requests = 0;
  text = "";
  thinking = "";
  tools = new Map();
  facts = {};

  tool(key, args, known) {
    const call = this.tools.get(key) ?? { arguments: "" };
    this.tools.set(key, call);
    for (const [name, value] of Object.entries(known ?? {})) if (value) call[name] = value;
    call.arguments += args ?? "";
  }

  fact(facts) {
    for (const [name, value] of Object.entries(facts)) if (value ?? false) this.facts[name] = value;
  }

  // `fetch`, counted; the deadline shows what would wait for ever.
  options(signal) {
    const counted = (url, init) => {
      this.requests += 1;
      return fetch(url, { ...init, signal: AbortSignal.any([init.signal, signal].filter(Boolean)) });
    };
    return { apiKey: "sk-any", timeout: MILLIS, fetch: counted };
  }

  told() {
    const said = {
      text: this.text,
      thinking: this.thinking,
      tools: [...this.tools.values()],
      ...this.facts,
    };
    const some = Object.entries(said).filter(([, value]) => value !== "" && value?.length !== 0);
    return { requests: this.requests, ...Object.fromEntries(some) };
  }
}

const chat = {
  client: (url, options) => new OpenAI({ baseURL: `${url}/v1`, ...options }),
  asked: {
    model: "gpt-4o-mini",
    messages: TURNS,
    tools: [{ type: "function", function: { ...TOOL, parameters: SCHEMA, strict: true } }],
  },
  streamed: { stream: true, stream_options: { include_usage: true } },
  whole(answer, seen) {
    const [{ message, finish_reason }] = answer.choices;
    seen.text = message.content ?? "";
    seen.thinking = message.reasoning_content ?? "";
    seen.tools = new Map();
    for (const call of message.tool_calls ?? [])
      seen.tool(call.id, call.function.arguments, { id: call.id, name: call.function.name });
    seen.fact({ refusal: message.refusal, finish: finish_reason, role: message.role });
    seen.fact({ id: answer.id, model: answer.model, request_id: answer._request_id });
    if (answer.usage) seen.fact({ usage: [answer.usage.prompt_tokens, answer.usage.completion_tokens] });
  },
  async unary(client, seen) {
    chat.whole(await client.chat.completions.create(chat.asked), seen);
  },
  async stream(client, seen) {
    const asked = client.chat.completions.create({ ...chat.asked, ...chat.streamed });
    const { data, request_id } = await asked.withResponse();
    seen.fact({ request_id });
    for await (const chunk of data) {
      seen.fact({ id: chunk.id, model: chunk.model });
      if (chunk.usage) seen.fact({ usage: [chunk.usage.prompt_tokens, chunk.usage.completion_tokens] });
      for (const { delta, finish_reason } of chunk.choices ?? []) {
        seen.text += delta.content ?? "";
        seen.thinking += delta.reasoning_content ?? "";
        if (delta.refusal) seen.fact({ refusal: (seen.facts.refusal ?? "") + delta.refusal });
        for (const call of delta.tool_calls ?? [])
          seen.tool(call.index, call.function?.arguments, { id: call.id, name: call.function?.name });
        seen.fact({ finish: finish_reason, role: delta.role });
      }
    }
  },
  async final(client, seen) {
    const stream = client.chat.completions.stream({ ...chat.asked, ...chat.streamed });
    chat.whole(await stream.finalChatCompletion(), seen);
  },
  async refused(client) {
    await client.chat.completions.create({ model: "o3-mini", messages: TURNS, temperature: 0.2 });
  },
  async models(client, seen) {
    for await (const model of client.models.list()) seen.fact({ model: model.id });
    seen.fact({ model: (await client.models.retrieve("gpt-4o")).id });
  },
};

const responses = {
  client: chat.client,
  asked: {
    model: "gpt-4o-mini",
    input: ASK,
    tools: [{ type: "function", ...TOOL, parameters: SCHEMA, strict: true }],
  },
  whole(answer, seen) {
    seen.text = answer.output_text ?? "";
    seen.thinking = "";
    seen.tools = new Map();
    for (const item of answer.output) {
      if (item.type === "function_call") seen.tool(item.id, item.arguments, { id: item.call_id, name: item.name });
      if (item.type === "reasoning") {
        seen.thinking += item.summary.map((part) => part.text).join("");
        seen.fact({ signature: item.encrypted_content });
      }
      if (item.type === "message") {
        seen.text ||= item.content.map((part) => part.text ?? "").join("");
        const refused = item.content.map((part) => part.refusal ?? "").join("");
        seen.fact({ role: item.role, refusal: refused || undefined });
      }
    }
    const ended = answer.status === "in_progress" ? undefined : answer.status;
    seen.fact({ finish: answer.incomplete_details?.reason ?? ended });
    seen.fact({ id: answer.id, model: answer.model, request_id: answer._request_id });
    if (answer.usage) seen.fact({ usage: [answer.usage.input_tokens, answer.usage.output_tokens] });
  },
  async unary(client, seen) {
    responses.whole(await client.responses.create(responses.asked), seen);
  },
  async stream(client, seen) {
    const { data, request_id } = await client.responses.create({ ...responses.asked, stream: true }).withResponse();
    seen.fact({ request_id });
    for await (const event of data) {
      if (event.type === "response.output_text.delta") seen.text += event.delta;
      if (event.type === "response.reasoning_summary_text.delta") seen.thinking += event.delta;
      if (event.type === "response.function_call_arguments.delta") seen.tool(event.item_id, event.delta);
      if (event.type === "response.output_item.added" && event.item.type === "function_call")
        seen.tool(event.item.id, "", { id: event.item.call_id, name: event.item.name });
      if (["response.completed", "response.incomplete", "response.failed"].includes(event.type)) {
        const { text, thinking, tools } = seen;
        responses.whole(event.response, seen);
        Object.assign(seen, { text, thinking, tools });
      }
    }
  },
  async final(client, seen) {
    responses.whole(await client.responses.stream(responses.asked).finalResponse(), seen);
  },
  async refused(client) {
    await client.responses.create({ model: "o3-mini", input: ASK, temperature: 0.2 });
  },
  models: chat.models,
};

const messages = {
  client: (url, options) => new Anthropic({ baseURL: url, ...options }),
  asked: {
    model: "claude-sonnet-4-6",
    max_tokens: 256,
    messages: TURNS,
    tools: [{ ...TOOL, input_schema: SCHEMA }],
  },
  whole(answer, seen) {
    for (const block of answer.content) {
      if (block.type === "text") seen.text += block.text;
      if (block.type === "thinking") {
        seen.thinking += block.thinking;
        seen.fact({ signature: block.signature });
      }
      if (block.type === "tool_use")
        seen.tool(block.id, JSON.stringify(block.input), { id: block.id, name: block.name });
    }
    seen.fact({ finish: answer.stop_reason, role: answer.role, id: answer.id, model: answer.model });
    seen.fact({ request_id: answer._request_id, usage: [answer.usage.input_tokens, answer.usage.output_tokens] });
  },
  async unary(client, seen) {
    messages.whole(await client.messages.create(messages.asked), seen);
  },
  async stream(client, seen) {
    const { data, request_id } = await client.messages.create({ ...messages.asked, stream: true }).withResponse();
    seen.fact({ request_id });
    for await (const event of data) {
      if (event.type === "message_start") {
        const { id, model, role } = event.message;
        seen.fact({ id, model, role });
      } else if (event.type === "content_block_start" && event.content_block.type === "tool_use") {
        seen.tool(event.index, "", { id: event.content_block.id, name: event.content_block.name });
      } else if (event.type === "content_block_delta") {
        const { delta } = event;
        seen.text += delta.text ?? "";
        seen.thinking += delta.thinking ?? "";
        seen.fact({ signature: delta.signature });
        if (delta.type === "input_json_delta") seen.tool(event.index, delta.partial_json);
      } else if (event.type === "message_delta") {
        seen.fact({ finish: event.delta.stop_reason, usage: [event.usage.input_tokens, event.usage.output_tokens] });
      }
    }
  },
  async final(client, seen) {
    messages.whole(await client.messages.stream(messages.asked).finalMessage(), seen);
  },
  async models(client, seen) {
    for await (const model of client.models.list()) seen.fact({ model: model.id });
    seen.fact({ model: (await client.models.retrieve("claude-opus-4-6")).id });
  },
  async refused(client) {
    const prefilled = [...TURNS, { role: "assistant", content: "A crossfade" }];
    await client.messages.create({ ...messages.asked, messages: prefilled });
  },
  async count(client, seen) {
    const { max_tokens, ...asked } = messages.asked;
    seen.fact({ usage: [(await client.messages.countTokens(asked)).input_tokens] });
  },
};

const APIS = { "openai-chat": chat, "openai-responses": responses, "anthropic-messages": messages };

function failure(error) {
  const told = {
    class: `${error.constructor.name}`,
    message: String(error.message).slice(0, 400),
    status: error.status,
    request_id: error.requestID,
    type: error.type,
    param: error.param,
  };
  return Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined && value !== null));
}

async function run(line) {
  const [api, probe, url] = line.trim().split(/\s+/);
  const seen = new Seen();
  const told = { api, probe, url };
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), 2 * MILLIS + (probe === "retry" ? 5 * MILLIS : 0));
  try {
    const sdk = APIS[api];
    const client = sdk.client(url, { ...seen.options(deadline.signal), maxRetries: probe === "retry" ? 2 : 0 });
    await sdk[probe === "retry" ? "unary" : probe](client, seen);
    told.end = "whole";
  } catch (error) {
    told.end = "error";
    told.error = failure(error);
  }
  clearTimeout(timer);
  if (deadline.signal.aborted) told.end = "hangs";
  return JSON.stringify({ ...told, ...seen.told() });
}

const given = process.argv.slice(2);
const lines = given.length ? [given.join(" ")] : (await all(process.stdin)).split("\n").filter((line) => line.trim());
const answers = lines.map(() => null);
let next = 0;
const worker = async () => {
  for (let mine = next++; mine < lines.length; mine = next++) answers[mine] = await run(lines[mine]);
};
await Promise.all(Array.from({ length: 16 }, worker));
// What hangs is left behind.
process.stdout.write(answers.map((answer) => `${answer}\n`).join(""), () => process.exit(0));
