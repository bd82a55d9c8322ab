// Three jobs from end to end, step by step: who does it, what he says or presses, and why.

import * as api from "./api.js";

const ALERTS = { dingtalk: "g-risk", wecom: "private" }; // where the risk desk works on an alert

/**
 * A step has one of `line` (said), `files` (sent), `scene` (begun) or `press` (left to the reader).
 * `chat` is where, the private one unless it says so.
 */
export const STORIES = [
  {
    id: "opening", name: "开一个户", does: "经理在聊天里交资料，四个岗位依次点头",
    steps: [
      { person: "wangqiang", line: ({ name }) => `开户 ${name}`, why: "期台列出还缺哪些资料" },
      { person: "wangqiang", line: identity, why: "证件号、有效期、手机号可以一行发完，错一位当场指出" },
      { person: "wangqiang", line: ({ fields }) => fields.bank_card, why: "银行卡号，同样随到随查" },
      { person: "wangqiang", files: true, say: "发三张照片", why: "身份证正反面、银行卡" },
      { person: "wangqiang", press: "提交", why: "清单齐了，点卡片上的「提交」" },
      { person: "sunfang", press: "同意", why: "营业部负责人看摘要和检查，点「同意」" },
      { person: "zhouting", press: "同意", why: "适当性岗" },
      { person: "wuhao", press: "同意", why: "合规岗" },
      { person: "zhengli", press: "同意", why: "开户岗，最后一关" },
      { person: "wangqiang", line: ({ name }) => `进度 ${name}`, why: "谁在几点批的，一张卡看完" },
    ],
  },
  {
    id: "morning", name: "跌停的早晨", does: "黑色系一路跌停，预警来了，风控认领、打电话、静默",
    steps: [
      { person: "chenxi", chat: ALERTS, scene: "limit_down_morning", say: "开始下跌", why: "约四十秒到跌停，五分钟后反弹" },
      { person: "chenxi", chat: ALERTS, press: "认领全部", why: "追保卡片来了就认领，别人的卡上同时写着您" },
      { person: "chenxi", chat: ALERTS, press: "1", why: "点序号打开一户，再点「已电话」，写一句结果" },
      { person: "fengjun", chat: ALERTS, press: "静默30分", why: "另一位看到的是同一张卡；强平和穿仓不能静默" },
      { person: "wangqiang", press: "已电话", why: "客户经理也收到自己客户的卡片和一件待办" },
      { person: "chenxi", line: () => "风险榜", why: "最危险的二十户，带图" },
      { person: "chenxi", chat: ALERTS, scene: "rebound", say: "让价格反弹", why: "回到线下满一分钟，卡片自己变成「已解除」" },
      { person: "chenxi", line: () => "追保", why: "今天的追保和处理情况，发序号看经过" },
    ],
  },
  {
    id: "rule", name: "改一条规则", does: "一个人提，同岗位的另一个人确认，立即生效，一点就能退回",
    steps: [
      { person: "chenxi", line: () => "/规则 追保", why: "追保线现在是多少，改过几次" },
      { person: "chenxi", line: () => "/规则 追保 105%", why: "改之前先看差异，他自己没有确认按钮" },
      { person: "fengjun", press: "确认", why: "第二个人的卡片上有「确认」" },
      { person: "chenxi", line: () => "/规则 追保", why: "版本加一，所有进程立即按新的判断" },
      { person: "chenxi", press: "回退到上一版", why: "在「已生效」的卡片上，一点就退，同样要第二人确认" },
      { person: "fengjun", press: "确认", why: "退回也是四只眼睛" },
      { person: "linlan", line: () => "/审计 陈曦 近7天", why: "审计看得到谁提、谁确认" },
    ],
  },
];

const KEY = "qidesk.story";
const PAPERS = { id_front: "身份证正面.jpg", id_back: "身份证反面.jpg", card_photo: "银行卡照片.jpg" };

/** How far the reader is: {story, done: [number], applicant}. A reload of the tab keeps it. */
let reading = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");

export const chosen = () => STORIES.find(({ id }) => id === reading.story);
export const isDone = (index) => reading.done.includes(index);
export const nextStep = () => chosen().steps.findIndex((_, index) => !isDone(index));

export function choose(id) {
  keep(id ? { story: id, done: [] } : {});
}

/** Whoever wants an account in this reading: invented once, then the same to the end. */
export async function applicant() {
  if (!reading.applicant) keep({ ...reading, applicant: await api.scene("applicant") });
  return reading.applicant;
}

export const photographs = ({ photographs: found }) =>
  Object.entries(PAPERS).map(([paper, name]) => {
    const bytes = Uint8Array.from(atob(found[paper]), (letter) => letter.charCodeAt(0));
    return new File([bytes], name, { type: "image/jpeg" });
  });

export function finish(index) {
  keep({ ...reading, done: [...reading.done, index] });
}

function keep(state) {
  reading = state;
  sessionStorage.setItem(KEY, JSON.stringify(state));
}

function identity({ fields: { id_number: number, id_expires: expires, mobile } }) {
  return `${number} 有效期 ${expires} ${mobile}`;
}
