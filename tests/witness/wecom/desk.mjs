// A callback server on WeCom's own @wecom/crypto. Says on stdout its address, then what it heard;
// answers a text in words and a click by greying the buttons, both sealed with the same package.
import { createServer } from "node:http";
import { decrypt, encrypt, getSignature } from "@wecom/crypto";

const [token, aesKey, corpId] = process.argv.slice(2);
const tell = (heard) => process.stdout.write(`${JSON.stringify(heard)}\n`);
const field = (xml, name) =>
  new RegExp(`<${name}>(?:<!\\[CDATA\\[(.*?)\\]\\]>|(.*?))</${name}>`, "s").exec(xml)?.slice(1).find(Boolean);

function open(query, sealed) {
  const [timestamp, nonce] = [query.get("timestamp"), query.get("nonce")];
  const signed = getSignature(token, timestamp, nonce, sealed) === query.get("msg_signature");
  const { message, id } = decrypt(aesKey, sealed);
  if (!signed || id !== corpId) throw new Error("not ours");
  return message;
}

function seal(plain) {
  const [timestamp, nonce] = ["1767225600", "n0nce42"];
  const sealed = encrypt(aesKey, plain, corpId);
  const signature = getSignature(token, timestamp, nonce, sealed);
  return `<xml><Encrypt><![CDATA[${sealed}]]></Encrypt><MsgSignature>${signature}</MsgSignature>`
    + `<TimeStamp>${timestamp}</TimeStamp><Nonce>${nonce}</Nonce></xml>`;
}

const reply = (xml, kind, inner) =>
  seal(`<xml><ToUserName>${field(xml, "FromUserName")}</ToUserName><FromUserName>${corpId}</FromUserName>`
    + `<CreateTime>1</CreateTime><MsgType>${kind}</MsgType>${inner}</xml>`);

function answer(xml) {
  if (field(xml, "MsgType") === "text") {
    const content = `收到 ${field(xml, "Content")}`;
    tell({ text: field(xml, "Content"), from: field(xml, "FromUserName") });
    return reply(xml, "text", `<Content><![CDATA[${content}]]></Content>`);
  }
  tell({ event: field(xml, "Event"), key: field(xml, "EventKey"), task: field(xml, "TaskId") });
  return reply(xml, "update_button", "<Button><ReplaceName>已受理</ReplaceName></Button>");
}

const server = createServer((request, response) => {
  const { searchParams } = new URL(request.url, "http://desk");
  let body = "";
  request.on("data", (chunk) => { body += chunk; });
  request.on("end", () => {
    const sealed = request.method === "GET" ? searchParams.get("echostr") : field(body, "Encrypt");
    const plain = open(searchParams, sealed);
    response.end(request.method === "GET" ? plain : answer(plain));
  });
});
server.listen(0, "127.0.0.1", () => tell({ url: `http://127.0.0.1:${server.address().port}/` }));
