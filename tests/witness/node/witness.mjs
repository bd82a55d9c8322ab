// DingTalk's Node SDK, pointed at the simulated DingTalk. Says on stdout, one JSON object a line,
// what it heard; answers every text by webhook, the text "card" with a card, a click with new data.
import axios from "axios";
import { DWClient, TOPIC_CARD, TOPIC_ROBOT } from "dingtalk-stream";

const [base, clientId, clientSecret] = process.argv.slice(2);
console.info = () => {}; // stdout is for what was heard
const tell = (heard) => process.stdout.write(`${JSON.stringify(heard)}\n`);

axios.interceptors.request.use((config) => {
  config.url = config.url.replace(/^https:\/\/(api|oapi)\.dingtalk\.com/, base);
  return config;
});

const client = new DWClient({ clientId, clientSecret, keepAlive: true, ua: "witness" });

async function deliverCard(person) {
  const token = await client.getAccessToken();
  const card = {
    cardTemplateId: "qidesk-desk.schema",
    outTrackId: "node-card",
    callbackType: "STREAM",
    cardData: {
      cardParamMap: { title: "节点", rev: "1", buttons: '[{"key":"ok","text":"好"}]' },
    },
    imRobotOpenSpaceModel: { supportForward: false },
    openSpaceId: `dtv1.card//IM_ROBOT.${person}`,
    imRobotOpenDeliverModel: { spaceType: "IM_ROBOT" },
  };
  const headers = { "x-acs-dingtalk-access-token": token };
  await axios.post("https://api.dingtalk.com/v1.0/card/instances/createAndDeliver", card, { headers });
}

client.registerCallbackListener(TOPIC_ROBOT, async (frame) => {
  const message = JSON.parse(frame.data);
  const text = message.text.content.trim();
  if (text === "card") await deliverCard(message.senderStaffId);
  else await axios.post(message.sessionWebhook, { msgtype: "text", text: { content: `收到 ${text}` } });
  client.socketCallBackResponse(frame.headers.messageId, {});
  tell({ text, from: message.senderStaffId });
});

client.registerCallbackListener(TOPIC_CARD, (frame) => {
  const click = JSON.parse(frame.data);
  const { actionIds } = JSON.parse(click.content).cardPrivateData;
  client.socketCallBackResponse(frame.headers.messageId, {
    cardData: { cardParamMap: { status: "已点", rev: "2" } },
    cardUpdateOptions: { updateCardDataByKey: true },
  });
  tell({ clicked: click.outTrackId, action: actionIds[0], by: click.userId });
});

client.registerAllEventListener((event) => {
  tell({ event: event.headers.eventType });
  return { status: "SUCCESS" };
});

await client.connect();
