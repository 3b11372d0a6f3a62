"""Writes a model for llama.cpp's server that recites: tiny_gguf.py OUT.gguf

Each token has a random vector of signs, and the output row of a token is the vector of the token before it, so the model
says what comes next in a text that it knows, whatever the sampling. Attention and feed-forward are there, and nought. The
template begins an answer with the text that the request asks for. A prompt that ends in known words is gone on with.
"""

import random
import re
import sys
from array import array
from struct import pack

SAY = "The quick brown fox jumps over a lazy dog, and the café stays open."
AT_LENGTH = (
    "A crossfade lets one sound sink while another rises, so that nobody hears where the first ends and the second begins. "
    "Radio hosts rode two faders by hand for it; later desks did it with one lever. "
    "Film has its own kind, the dissolve: two pictures lie over each other for a second or so. "
    "What matters is that both are in step. If they drift, you hear a beat twice, or a word is gone. "
    "Streams of text know the same trouble: when a voice breaks off in the middle of a sentence, "
    "some other voice must take up the thread exactly there, neither earlier nor later, or else say plainly that it cannot."
)
THINK = "<think>\nSeventeen times six is 102 🧮, less one makes 101.\n</think>\n\nIt is one hundred and one."
CALL = '<tool_call>\n{"name": "look_up", "arguments": {"word": "crossfade, also called dissolve"}}\n</tool_call>'
CALLS = "Both, then.\n" + CALL.replace("crossfade", "linear") + "\n" + CALL.replace("dissolve", "curved")

RECITED = {"<|say|>": SAY, "<|at_length|>": AT_LENGTH, "<|think|>": THINK, "<|call|>": CALL, "<|calls|>": CALLS}
END, START, STOP = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
CONTROL = [END, START, STOP, *RECITED]

TEMPLATE = """\
{%- if tools -%}<|im_start|>system
Tools: {{ tools | tojson }} Call one so:
<tool_call>
{"name": ..., "arguments": ...}
</tool_call><|im_end|>
{% endif -%}
{%- for m in messages -%}
<|im_start|>{{ m['role'] }}
{% if m['role'] == 'assistant' and m['reasoning_content'] %}<think>
{{ m['reasoning_content'] }}
</think>

{% endif %}{{ m['content'] or '' }}
{%- for t in m['tool_calls'] or [] %}<tool_call>
{"name": "{{ t['function']['name'] }}", "arguments": {{ t['function']['arguments'] | tojson }}}
</tool_call>{% endfor %}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}
<|im_start|>assistant
{% set asked = messages[-1]['content'] | string -%}
{%- if tools and 'both' in asked -%}<|calls|>
{%- elif tools and 'Look' in asked -%}<|call|>
{%- elif 'Think' in asked -%}<|think|>
{%- elif 'at length' in asked -%}<|at_length|>
{%- else -%}<|say|>
{%- endif -%}
{%- endif -%}"""

WIDTH, LAYERS, HEADS, FEED = 256, 1, 4, 32
CONTEXT = 512


def byte_tokens():
    """The names that byte-level vocabularies have for the 256 bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in plain]
    names = {byte: chr(byte) for byte in plain} | {byte: chr(256 + at) for at, byte in enumerate(rest)}
    return [names[byte] for byte in range(256)]


def pieces(text, taken):
    """A text in pieces of a word or a tag; none is ever the same as another, for a piece tells what follows it."""
    words, found = re.split("(?!^)(?=[ <])|(?<=>)(?!$)", text), []
    while words:
        piece = words.pop(0)
        while piece in taken and words:
            piece += words.pop(0)
        while piece in taken:
            piece = found.pop() + piece
        found.append(piece)
        taken.add(piece)
    return found


def vocabulary():
    """All tokens, and of each token the one before it, by number."""
    tokens, before = CONTROL + byte_tokens(), {}
    taken = {*tokens, *map(chr, range(128))}
    for number, text in enumerate(RECITED.values(), CONTROL.index(STOP) + 1):
        for piece in pieces(text, taken):
            before[len(tokens)] = [number]
            number = len(tokens)
            tokens.append(piece)
        before.setdefault(CONTROL.index(STOP), []).append(number)
    return tokens, before


def tensors(count, before):
    """Names, dimensions (the length of a row first) and numbers."""
    random.seed(0)
    signs = [[random.choice((-1.0, 1.0)) for _ in range(WIDTH)] for _ in range(count)]
    nought = [0.0] * WIDTH
    rows = [[sum(column) / 4 for column in zip(nought, *(signs[at] for at in before.get(token, [])))] for token in range(count)]
    flat = lambda rows: array("f", [number for row in rows for number in row])
    ones, zeros = array("f", [1.0] * WIDTH), lambda size: array("f", bytes(4 * size))
    yield "token_embd.weight", (WIDTH, count), flat(signs)
    yield "output_norm.weight", (WIDTH,), ones
    yield "output.weight", (WIDTH, count), flat(rows)
    for layer in range(LAYERS):
        for part in ("attn_norm", "ffn_norm"):
            yield f"blk.{layer}.{part}.weight", (WIDTH,), ones
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield f"blk.{layer}.{part}.weight", (WIDTH, WIDTH), zeros(WIDTH * WIDTH)
        for part, shape in (("ffn_gate", (WIDTH, FEED)), ("ffn_up", (WIDTH, FEED)), ("ffn_down", (FEED, WIDTH))):
            yield f"blk.{layer}.{part}.weight", shape, zeros(WIDTH * FEED)


def string(text):
    data = text.encode()
    return pack("<Q", len(data)) + data


def value(of):
    """A value of GGUF's metadata behind the number of its type."""
    match of:
        case bool():
            return pack("<I?", 7, of)
        case int():
            return pack("<II", 4, of)
        case float():
            return pack("<If", 6, of)
        case str():
            return pack("<I", 8) + string(of)
        case [str(), *_]:
            return pack("<IIQ", 9, 8, len(of)) + b"".join(map(string, of))
        case [*numbers]:
            return pack(f"<IIQ{len(numbers)}i", 9, 5, len(numbers), *numbers)


def gguf(out):
    """Writes the file: version 3, numbers of 32 bits, aligned to 32 bytes."""
    tokens, before = vocabulary()
    # 1: normal, 3: control, 4: always found whole in a prompt.
    kinds = [3] * len(CONTROL) + [1] * 256 + [4] * (len(tokens) - len(CONTROL) - 256)
    metadata = {
        "general.architecture": "llama",
        "general.name": "recites",
        "llama.block_count": LAYERS,
        "llama.context_length": CONTEXT,
        "llama.embedding_length": WIDTH,
        "llama.feed_forward_length": FEED,
        "llama.attention.head_count": HEADS,
        "llama.attention.head_count_kv": HEADS,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.dimension_count": WIDTH // HEADS,
        "llama.vocab_size": len(tokens),
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": kinds,
        # One is asked for: of two bytes that no prompt has.
        "tokenizer.ggml.merges": [" ".join(byte_tokens()[:2])],
        "tokenizer.ggml.bos_token_id": CONTROL.index(END),
        "tokenizer.ggml.eos_token_id": CONTROL.index(STOP),
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": TEMPLATE,
    }
    named = list(tensors(len(tokens), before))
    head = pack("<4sIQQ", b"GGUF", 3, len(named), len(metadata))
    head += b"".join(string(key) + value(of) for key, of in metadata.items())
    body = b""
    for name, shape, numbers in named:
        head += string(name) + pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, len(body))
        body += numbers.tobytes() + b"\0" * (-len(numbers.tobytes()) % 32)
    with open(out, "wb") as file:
        file.write(head + b"\0" * (-len(head) % 32) + body)


if __name__ == "__main__":
    gguf(sys.argv[1])
