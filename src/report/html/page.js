"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const main = document.getElementById("main");
const search = document.getElementById("search");
const only = document.getElementById("only");
const WORDS = { p: "pass", f: "fail", k: "known", w: "warn", i: "inconclusive", s: "skip", n: "not-exercised", ".": "none" };
const MEANINGS = {
  fail: "a requirement is not met", inconclusive: "unsure: it could not be told", warn: "a recommendation is not met",
  known: "fails, and the baseline says why", pass: "met", skip: "not asked of this proxy",
  "not-exercised": "nothing happened that it is about",
};
/** Worst first: what a cell of many verdicts says. */
const WORST = "fiwkpsn.";
const FINDINGS = "fiw";

/** An element with attributes and children; text is always text. */
function h(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) if (value != null) element.setAttribute(key, value);
  element.append(...children.flat(Infinity).filter((child) => child != null));
  return element;
}
const SVG = "http://www.w3.org/2000/svg";
function s(name, attributes, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes || {})) if (value != null) element.setAttribute(key, value);
  element.append(...children);
  return element;
}
/** Running text: what stands between backticks is code. */
const prose = (text) => text.split("`").map((part, at) => (at % 2 ? h("code", {}, part) : part));
const word = (name, text) => h("span", { class: `word ${name === "FAIL" ? "fail" : name}` }, text || name);
const link = (parts) => "#" + parts.map(encodeURIComponent).join("/");
const worst = (letters) => [...WORST].find((letter) => letters.includes(letter)) || ".";
const checkAt = (id) => data.checks.findIndex((check) => check.id === id);
const found = (run, id) => run.cases.find((each) => each.id === id);

/** Cases that the search and the toggle leave. */
function wanted(run) {
  const text = search.value.trim().toLowerCase();
  return run.cases.filter((each) =>
    (!text || each.id.toLowerCase().includes(text) || [...Object.keys(each.why)].some((check) => check.includes(text))) &&
    (!only.checked || [...FINDINGS].some((letter) => each.letters.includes(letter))));
}

/** Where the page is: `#`, `#run/N`, `#check/N/id`, `#cell/N/scenario/check`, `#case/N/id`. */
function place() {
  const [view, run, ...rest] = location.hash.slice(1).split("/").map(decodeURIComponent);
  const number = Math.min(Math.max(Number.parseInt(run, 10) || 0, 0), data.runs.length - 1);
  return { view: view || (data.runs.length > 1 ? "proxies" : "run"), number, run: data.runs[number], rest };
}

function show() {
  const at = place();
  document.getElementById("runs").replaceChildren(
    ...(data.runs.length > 1 ? [tab("proxies", "#", at.view === "proxies")] : []),
    ...data.runs.map((run, n) => tab(run.label, link(["run", n]), at.view !== "proxies" && n === at.number)));
  const views = { proxies, run: matrix, check: ofCheck, cell: ofCell, case: ofCase };
  main.replaceChildren(...(views[at.view] || matrix)(at));
  window.scrollTo(0, 0);
}
const tab = (text, href, current) => h("a", { href, "aria-current": current ? "page" : null }, text);

function head(run) {
  const { summary, proxy } = run;
  const cases = Object.entries(summary.cases).map(([name, count]) => h("li", {}, word(name, `${count} ${name}`)));
  const notes = [
    ...(summary.proxy_down ? [`The proxy could not be used: ${summary.proxy_down}`] : []),
    ...(summary.interrupted ? ["The run was interrupted."] : []),
    ...(summary.flaky || []).map((id) => `Flaky, different verdicts on the same case: ${id}`),
    ...summary.stale.map((entry) => `The baseline lists what fails no more: ${entry}`),
  ];
  const facts = [proxy.how, proxy.commit && `commit ${proxy.commit}${proxy.dirty ? " with changes" : ""}`, `Crossfade ${run.crossfade}`, `seed ${summary.seed}`,
    `${(summary.took_ms / 1000).toFixed(1)} s`, `exit ${summary.exit}`].filter(Boolean).join(" · ");
  return [h("h1", {}, run.label), h("div", { class: "soft" }, facts), h("ul", { class: "counts" }, cases),
    ...notes.map((note) => h("p", {}, word("fail", "!"), " ", note))];
}

const legend = () => h("div", { class: "legend" },
  Object.entries(MEANINGS).map(([name, meaning]) => h("span", {}, word(name), " ", meaning)));

/** Columns: the checks that were judged at all, family by family. */
function columns(cases) {
  const judged = data.checks.map((check, at) => ({ ...check, at, letters: cases.map((each) => each.letters[at]).join("") }));
  return judged.filter((check) => /[pfkwi]/.test(check.letters));
}
function heads(checks, number) {
  let family = "";
  return checks.map((check) => {
    const own = check.id.split(".")[0];
    const first = own !== family;
    family = own;
    return h("th", { class: first ? "check family" : "check", scope: "col" },
      h("a", { href: link(["check", number, check.id]), title: check.requirement }, check.id));
  });
}
function cell(letters, href, title) {
  const letter = worst(letters);
  if (letter === "." || letter === "n") return h("td", {}, h("span", { class: "soft" }, letter === "n" ? "–" : ""));
  const name = WORDS[letter];
  const count = [...letters].filter((each) => each === letter).length;
  const text = FINDINGS.includes(letter) || letter === "k" ? `${name === "inconclusive" ? "unsure" : name} ${count}` : name;
  return h("td", {}, h("a", { href, class: name, title: `${title}: ${count} x ${name}` }, text));
}

/** Scenarios x checks. */
function matrix({ run, number }) {
  const cases = wanted(run);
  const checks = columns(cases);
  const rows = new Map();
  for (const each of cases) {
    if (!rows.has(each.scenario)) rows.set(each.scenario, []);
    rows.get(each.scenario).push(each);
  }
  const row = ([scenario, own]) => h("tr", {},
    h("th", { scope: "row" }, own.length === 1
      ? h("a", { href: link(["case", number, own[0].id]) }, scenario)
      : h("a", { href: link(["cell", number, scenario, ""]) }, `${scenario} `, h("span", { class: "soft" }, `${own.length}`))),
    checks.map((check) => cell(own.map((each) => each.letters[check.at]).join(""),
      own.length === 1 ? link(["case", number, own[0].id]) : link(["cell", number, scenario, check.id]),
      `${scenario} ${check.id}`)));
  const table = h("table", { class: "matrix" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, `${rows.size} scenarios, ${cases.length} cases`), heads(checks, number))),
    h("tbody", {}, [...rows].map(row)));
  return [...head(run), legend(), rows.size ? h("div", { class: "scroll", tabindex: "0" }, table) : h("p", {}, "No case is like that.")];
}

/** Proxies x checks. */
function proxies() {
  const all = data.runs.flatMap(wanted);
  const checks = columns(all);
  const row = (run, number) => h("tr", {},
    h("th", { scope: "row" }, h("a", { href: link(["run", number]) }, run.label)),
    checks.map((check) => cell(wanted(run).map((each) => each.letters[check.at]).join(""),
      link(["check", number, check.id]), `${run.label} ${check.id}`)));
  return [h("h1", {}, "Proxies and checks"), legend(), h("div", { class: "scroll", tabindex: "0" },
    h("table", { class: "matrix" }, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, `${data.runs.length} proxies`), heads(checks, 0))),
      h("tbody", {}, data.runs.map(row))))];
}

function requirement(check) {
  return [h("p", {}, h("strong", {}, check.requirement), " ", h("span", { class: "soft" }, check.level.toUpperCase())),
    h("details", {}, h("summary", {}, "Why, what passes, what fails"), h("dl", {},
      h("dt", {}, "why"), h("dd", {}, check.rationale), h("dt", {}, "passes"), h("dd", {}, check.passes),
      h("dt", {}, "fails"), h("dd", {}, check.fails)))];
}
function listed(cases, number, at) {
  const line = (each) => h("li", {},
    at < 0 ? word(each.word) : word(WORDS[each.letters[at]]), " ",
    h("a", { href: link(["case", number, each.id]) }, each.id), " ",
    Object.keys(each.differing).length ? [word("warn", "flaky"), " "] : null,
    h("span", { class: "soft" }, at < 0 ? each.skipped || each.outcome || "" : (each.why[data.checks[at].id] || {}).reason || ""));
  return h("ul", { class: "cases" }, cases.map(line));
}
const byWorst = (at) => (a, b) => WORST.indexOf(a.letters[at]) - WORST.indexOf(b.letters[at]);

function ofCheck({ run, number, rest: [id] }) {
  const at = checkAt(id);
  if (at < 0) return matrix({ run, number });
  const cases = wanted(run).filter((each) => !"n.s".includes(each.letters[at])).sort(byWorst(at));
  return [h("h1", {}, id), ...requirement(data.checks[at]), h("h2", {}, `${cases.length} cases on ${run.label}`), listed(cases, number, at)];
}
function ofCell({ run, number, rest: [scenario, id] }) {
  const at = checkAt(id);
  const cases = wanted(run).filter((each) => each.scenario === scenario);
  if (at >= 0) cases.sort(byWorst(at));
  return [h("h1", {}, at < 0 ? scenario : `${scenario} / ${id}`), ...(at < 0 ? [] : requirement(data.checks[at])), listed(cases, number, at)];
}

/** One case: verdicts, timeline, answer, requests, wire. */
function ofCase({ run, number, rest }) {
  const each = found(run, rest.join("/"));
  if (!each) return [h("p", {}, "There is no such case in this report.")];
  const facts = [["scenario", `${each.file}:${each.line}`], ["outcome", each.outcome || "-"], ["repeat", h("code", {}, each.repeat)],
    ...(each.kept ? [["kept", h("code", {}, each.kept)]] : []), ...(each.skipped ? [["not run", each.skipped]] : []), ["took", `${each.took} ms`],
    ...(each.plays > 1 ? [["plays", `${each.plays}`]] : [])];
  const detail = each.detail;
  return [
    h("h1", {}, word(each.word), " ", each.id),
    detail && detail.summary ? h("p", {}, detail.summary) : null,
    h("dl", {}, facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    h("h2", {}, "Verdicts"), ...verdicts(each),
    ...(detail ? detail.steps.flatMap((step, n) => ofStep(step, detail.steps.length > 1 ? `Step ${n + 1}: ` : "")) : [
      each.skipped ? null : h("p", { class: "soft" }, "Nothing more was kept of this case; run with --keep for all of them.")]),
    detail ? h("h2", {}, "What the legs got, against their controls") : null,
    detail ? h("pre", {}, detail.compared) : null,
  ].filter(Boolean);
}

function verdicts(each) {
  const of = (letters) => data.checks.filter((_, at) => letters.includes(each.letters[at]));
  const telling = of("fiwk").map((check) => {
    const verdict = each.why[check.id] || {};
    const evidence = (verdict.evidence || []).map((part) => h("p", { class: "mono" }, [part.exchange, part.path].filter(Boolean).join(" "),
      part.expected != null ? [h("br"), h("span", { class: "soft" }, "expected "), part.expected] : null,
      part.got != null ? [h("br"), h("span", { class: "soft" }, "got "), part.got] : null));
    return h("section", { class: "verdict" },
      h("p", {}, word(WORDS[each.letters[checkAt(check.id)]]), " ", h("strong", {}, check.id),
        each.flaky.includes(check.id) ? " (flaky: it was another when tried under load)" : ""),
      ...requirement(check), h("p", {}, prose(verdict.reason || "")),
      verdict.known ? h("p", { class: "soft" }, `in the baseline: ${verdict.known}`) : null, ...evidence);
  });
  const names = (letters) => of(letters).map((check) => check.id).join(", ");
  const rest = [["pass", names("p")], ["skip", each.skipped ? "" : names("s")], ["not-exercised", names("n")]].filter(([, list]) => list);
  const flaky = Object.entries(each.differing).map(([check, counts]) =>
    h("p", {}, word("warn", "flaky"), " ", h("strong", {}, check), ` ${counts} of ${each.plays} plays`));
  return [...flaky, ...telling, ...rest.map(([name, list]) => h("p", {}, word(name), " ", h("span", { class: "soft" }, list)))];
}

function ofStep(step, prefix) {
  const legs = [...new Set(step.lanes.slice(1).map((lane) => lane.who))];
  const voice = (who) => (who ? `voice${legs.indexOf(who) % 4}` : "voice-none");
  const said = step.said.length
    ? [h("p", { class: "said" }, step.said.map(([who, text]) => h("span", { class: voice(who), title: who || "no leg of this case" }, text))),
      h("p", { class: "soft" }, "Spoken by: ", [...new Set(step.said.map(([who]) => who))].map((who) =>
        [h("span", { class: voice(who) }, who || "no leg of this case"), " "]))]
    : [h("p", { class: "soft" }, "The client got no text.")];
  return [
    h("h2", {}, `${prefix}Timeline`), h("div", { class: "scroll" }, timeline(step.lanes, voice)),
    h("h2", {}, `${prefix}What the client got`), ...said, step.error ? h("p", {}, word("fail", "error"), " ", step.error) : null,
    h("h2", {}, `${prefix}Requests`), h("div", { class: "sides" }, step.lanes.map(requests)),
    h("h2", {}, `${prefix}On the wire`), ...step.lanes.map((lane) => h("details", {},
      h("summary", {}, `${lane.who}: ${lane.status || "no status"}, ${lane.end}`), h("pre", {}, lane.response || "(nothing)"))),
  ].filter(Boolean);
}
function requests(lane) {
  const title = lane.who === "client" ? "the client asked" : `${lane.who} was asked`;
  const control = lane.control == null ? null
    : h("details", {}, h("summary", {}, "its control: what it is asked where nothing is broken"), h("pre", {}, ...marked(lane.control, lane.request)));
  return h("figure", {}, h("figcaption", {}, title, lane.refused ? [" ", word("fail", "refused"), ` ${lane.refused}`] : ""),
    h("pre", {}, ...(lane.control == null ? [lane.request] : marked(lane.request, lane.control))), control);
}
/** The text, its lines that the other text lacks marked. */
function marked(text, other) {
  const lines = new Set(other.split("\n").map((line) => line.trim()));
  return text.split("\n").flatMap((line) => [lines.has(line.trim()) ? line : h("mark", {}, line), "\n"]);
}

/** Lanes, with a tick for each chunk; what happened is written beside it. */
function timeline(lanes, voice) {
  const [left, width, tall] = [190, 900, 46];
  const first = Math.min(...lanes.map((lane) => lane.at));
  const last = Math.max(...lanes.map((lane) => lane.ended), first + 1);
  const x = (time) => left + ((time - first) / (last - first)) * (width - left - 30);
  const ms = (time) => `${((time - first) / 1000).toFixed(1)} ms`;
  const lane = (each, n) => {
    const y = 26 + n * tall;
    const parts = [
      s("text", { x: 4, y: y - 2 }, each.who), s("text", { x: 4, y: y + 13, class: "soft" }, each.asked.slice(0, 30)),
      s("line", { x1: left, x2: width - 30, y1: y, y2: y, class: "lane" }), s("line", { x1: x(each.at), x2: x(each.ended), y1: y, y2: y, class: "live" }),
      s("circle", { cx: x(each.at), cy: y, r: 4, class: "dot" }, s("title", {}, `asked at ${ms(each.at)}`)),
      ...each.ticks.map((time) => s("line", { x1: x(time), x2: x(time), y1: y - 7, y2: y + 7, class: "tick" }, s("title", {}, `chunk at ${ms(time)}`))),
      each.whole ? s("circle", { cx: x(each.ended), cy: y, r: 3, class: "dot" }, s("title", {}, `ended at ${ms(each.ended)}`))
        : s("path", { d: `M${x(each.ended) - 6} ${y - 6}l12 12m0 -12l-12 12`, class: "broken", fill: "none" }, s("title", {}, `ended at ${ms(each.ended)}`)),
      s("text", { x: Math.min(x(each.at) + 6, width - 330), y: y + 21, class: "soft" }, `${each.status || "no status"}, ${each.ticks.length} chunks, ${each.end} (${ms(each.ended)})`),
    ];
    return s("g", { class: n ? voice(each.who) : "" }, ...parts);
  };
  const words = lanes.map((each) => `${each.who} from ${ms(each.at)} to ${ms(each.ended)}: ${each.end}`).join("; ");
  const height = 26 + lanes.length * tall;
  return s("svg", { class: "timeline", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": words }, ...lanes.map(lane));
}

function step(by) {
  const { view, run, number, rest } = place();
  const cases = wanted(run);
  if (!cases.length) return;
  const at = view === "case" ? cases.findIndex((each) => each.id === rest.join("/")) + by : 0;
  location.hash = link(["case", number, cases[Math.min(Math.max(at, 0), cases.length - 1)].id]).slice(1);
}
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target === search) {
    if (event.key === "Escape" || event.key === "Enter") main.focus();
    return;
  }
  const keys = {
    "/": () => search.focus(), j: () => step(1), k: () => step(-1),
    f: () => { only.checked = !only.checked; show(); },
    Escape: () => { if (place().view !== "run") history.length > 1 ? history.back() : (location.hash = ""); },
  };
  if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
});
search.addEventListener("input", show);
only.addEventListener("change", show);
window.addEventListener("hashchange", show);
show();
