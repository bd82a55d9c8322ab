// The sandbox's HTTP, one function per call of the page.

const ROOT = new URL("../../", import.meta.url); // …/sandbox/

/** The sandbox said no; the message is its sentence. */
export class Refused extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

const WORDS = {
  0: "连不上沙箱，请确认它还在运行",
  413: "文件太大了",
  501: "这个沙箱没有接上行情",
  503: "期台没有连上平台，没有送到",
};

export const people = () => call("people");
export const platforms = () => call("platforms");
export const state = () => call("state");
export const chats = (who) => call("chats", { query: who });
export const seen = (where) => call("seen", { query: where });
/** What came, changed or was taken back (`recalled`) at the moment `since` or later. */
export const changed = (where, since) => call("seen", { query: { ...where, since } });
export const read = (where) => call("read", { body: where });
export const say = (message) => call("say", { body: message });
export const click = (press) => call("click", { body: press });
export const quotes = () => call("market");
export const market = (change) => call("market", { body: change });
export const scene = (name) => call("scene", { body: { name } });
export const advance = (span) => call("clock", { body: { advance: span }, seconds: 120 });
export const breakIt = (fault) => call("faults", { body: fault });
export const repair = (platform) => call("faults", { query: { platform }, method: "DELETE" });
export const wire = (after) => call("wire", { query: { after } });

export function upload(where, file) {
  const form = new FormData();
  for (const [name, value] of Object.entries(where)) form.append(name, value);
  form.append("file", file, file.name || "图片.png");
  return call("upload", { form, seconds: 60 });
}

export const eventsUrl = (who) => address("events", who);

/** Where a picture or file lies, or "" when that is not on this host. */
export function mediaUrl(url) {
  if (!url) return "";
  const found = URL.parse ? URL.parse(url, ROOT) : new URL(url, ROOT);
  const mine = found && /^https?:$/.test(found.protocol) && found.pathname.startsWith(ROOT.pathname);
  return mine ? found.pathname + found.search : "";
}

/** The address of a platform's media id, as used in Markdown. */
export const mediaById = (id) => new URL(`media/${encodeURIComponent(id)}`, ROOT).pathname;

function address(path, query = {}) {
  const url = new URL(path, ROOT);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url;
}

async function call(path, { query, body, form, method, seconds = 15 } = {}) {
  const options = { method: method ?? (body || form ? "POST" : "GET"), signal: AbortSignal.timeout(seconds * 1000) };
  if (body) Object.assign(options, { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (form) options.body = form;
  let response;
  try {
    response = await fetch(address(path, query), options);
  } catch (problem) {
    throw new Refused(problem.name === "TimeoutError" ? "沙箱没有及时回答" : WORDS[0]);
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw new Refused(answer.error ?? WORDS[response.status] ?? `沙箱回答 ${response.status}`, response.status);
  }
  return answer;
}
