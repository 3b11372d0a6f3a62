// A small LLM proxy that never falls back. Node's standard library alone.
//
//     node stubborn.mjs PORT PRIMARY_URL
//
// It pipes the primary's answer as it comes. Where the primary's stream breaks, the client's breaks too; where it ends
// cleanly, so does the client's, finished or not.
import http from "node:http";

const [port, primary] = [Number(process.argv[2]), new URL(process.argv[3])];

http
  .createServer((request, response) => {
    if (request.method === "GET") return response.end("ok");
    const upstream = http.request(
      {
        host: primary.hostname,
        port: primary.port,
        path: primary.pathname + request.url,
        method: "POST",
        headers: { "content-type": "application/json", authorization: "Bearer sk-stubborn" },
      },
      (answer) => {
        response.writeHead(answer.statusCode, { "content-type": answer.headers["content-type"] });
        response.flushHeaders();
        answer.on("data", (chunk) => response.write(chunk));
        answer.on("end", () => (answer.complete ? response.end() : response.destroy()));
        answer.on("error", () => response.destroy());
      },
    );
    upstream.on("error", () => response.destroy());
    response.on("close", () => upstream.destroy());
    request.pipe(upstream);
  })
  .listen(port, "127.0.0.1");
