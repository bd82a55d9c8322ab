// WeCom's own aibot SDK, pointed at the simulated WeCom. Says on stdout, one JSON object a line,
// what it heard; streams an answer to every text, sends a card to "card", its upload to "upload".
import { randomUUID } from "node:crypto";
import AiBot from "@wecom/aibot-node-sdk";

const [wsUrl, botId, secret] = process.argv.slice(2);
const tell = (heard) => process.stdout.write(`${JSON.stringify(heard)}\n`);
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const client = new AiBot.WSClient({
  botId,
  secret,
  wsUrl,
  heartbeatInterval: 300,
  reconnectInterval: 50,
  logger: quiet,
});

const card = (status) => ({
  card_type: "button_interaction",
  source: { desc: status },
  main_title: { title: "节点" },
  task_id: "sdk-card",
  button_list: [{ text: "好", style: 1, key: "ok" }],
});

client.on("authenticated", () => tell({ authenticated: true }));

client.on("message.text", async (frame) => {
  const { text, from } = frame.body;
  const words = text.content.trim();
  if (words === "card") {
    await client.replyTemplateCard(frame, card("待办"));
  } else if (words === "upload") {
    const options = { type: "file", filename: "日报.csv" };
    const { media_id } = await client.uploadMedia(Buffer.alloc(600_000, "x"), options);
    await client.replyMedia(frame, "file", media_id);
  } else if (words === "push") {
    await client.sendMessage(from.userid, { msgtype: "markdown", markdown: { content: "**推送**" } });
  } else {
    const stream = randomUUID();
    await client.replyStream(frame, stream, "想一想", false);
    await client.replyStream(frame, stream, `收到 ${words}`, true);
  }
  tell({ text: words, from: from.userid });
});

client.on("message.image", async (frame) => {
  const { url, aeskey } = frame.body.image;
  const { buffer, filename } = await client.downloadFile(url, aeskey);
  tell({ bytes: buffer.toString("base64"), name: filename });
});

client.on("event.template_card_event", async (frame) => {
  const { template_card_event: pressed } = frame.body.event;
  await client.updateTemplateCard(frame, card("已点"));
  tell({ clicked: pressed.task_id, action: pressed.event_key, by: frame.body.from.userid });
});

client.on("event.enter_chat", async (frame) => {
  await client.replyWelcome(frame, { msgtype: "text", text: { content: "欢迎" } });
  tell({ entered: frame.body.from.userid });
});

client.on("event.disconnected_event", () => tell({ kicked: true }));
client.on("error", () => {});
client.connect();
