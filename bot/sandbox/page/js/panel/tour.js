// Leads through one of the three jobs: a tap becomes the person of the step and says his line.

import * as api from "../api.js";
import { avatar } from "../avatar.js";
import { el, icon } from "../dom.js";
import * as stories from "../stories.js";
import { complain } from "../toast.js";

/** `visit(place, act)` goes to a chat and then calls `act(desk)`; `nameOf(person)` is his name. */
export function tourTool({ platform, nameOf, visit }) {
  const root = el(".stack");
  const draw = async () => {
    const story = stories.chosen();
    if (!story) return root.replaceChildren(...choice(pick));
    const about = story.id === "opening" ? await stories.applicant().catch(complain) : null;
    if (story.id === "opening" && !about) return root.replaceChildren(...choice(pick));
    root.replaceChildren(...open(story, about));
  };
  const pick = (id) => {
    stories.choose(id);
    draw();
  };

  const open = (story, about) => [
    el(".story-head", {},
      el("h3", {}, story.name),
      el("button.button.plain", { type: "button", data: { testid: "stories" }, onclick: () => pick("") }, "换一件")),
    el("p.lead", {}, stories.nextStep() < 0 ? "走完了。换一件试试，或者自己接着聊。" : `${story.does}。点一步，就换成那个人去做。`),
    el("ol.steps", {}, story.steps.map((step, index) => line(step, index, about))),
  ];

  const line = (step, index, about) =>
    el("li", {}, el("button.step", {
      type: "button",
      data: { testid: `step-${index + 1}`, state: stateOf(index) },
      onclick: () => take(step, index, about),
    },
    avatar(step.person, nameOf(step.person)),
    el("span.step-words", {},
      el("span", {}, el("strong", {}, nameOf(step.person)), words(step, about)),
      el("small", {}, step.why)),
    stories.isDone(index) ? icon("done") : null));

  const stateOf = (index) => {
    if (stories.isDone(index)) return "done";
    return index === stories.nextStep() ? "next" : "later";
  };

  const take = (step, index, about) => {
    if (!stories.isDone(index)) stories.finish(index);
    const chat = step.chat?.[platform] ?? "private";
    visit({ platform, person: step.person, chat }, (desk) => act(step, about, desk));
    draw();
  };

  return { root, shown: (visible) => visible && draw() };
}

const words = (step, about) =>
  el("span.step-line", {}, step.line?.(about) ?? step.say ?? `点「${step.press}」`);

async function act(step, about, desk) {
  if (step.line) await desk.say(step.line(about));
  if (step.scene) await api.scene(step.scene).catch(complain);
  if (!step.files) return;
  for (const file of stories.photographs(about)) await desk.upload(file);
}

const choice = (pick) => [
  el("p.lead", {}, "三件事，各走一遍。每一步都是真的：换成那个人，说那句话，点那张卡。"),
  el(".stories", {}, stories.STORIES.map((story) => storyCard(story, () => pick(story.id)))),
];

export const storyCard = ({ id, name, does }, onclick) =>
  el("button.story", { type: "button", data: { testid: `story-${id}` }, onclick },
    el("strong", {}, name), el("small", {}, does));
