// Starts the page and follows the address.

import * as api from "./api.js";
import { Desk } from "./desk.js";
import { el } from "./dom.js";
import { go, read } from "./place.js";
import { FIRST } from "./platforms.js";
import { welcome } from "./welcome.js";

const app = document.getElementById("app");
const RETRY = 2_000;

let desk = null;
let next = null; // what a chip or a step of the tour does once the chat is open

async function start() {
  const world = await firstLook();
  const route = () => show(world);
  addEventListener("hashchange", route);
  await route();
}

/** What all screens know. Asks until the sandbox answers. */
async function firstLook() {
  for (;;) {
    try {
      const [people, platforms, state] = await Promise.all([api.people(), api.platforms(), api.state()]);
      return worldOf(people, platforms, state);
    } catch (problem) {
      app.replaceChildren(el("p.nothing", {}, `${problem.message}。正在重试…`));
      await new Promise((done) => setTimeout(done, RETRY));
    }
  }
}

function worldOf(people, platforms, state) {
  const known = new Map(people.map((person) => [person.id, person]));
  let ahead = state.clock_offset_seconds * 1000;
  return {
    people,
    ready: Object.keys(platforms),
    person: (id) => known.get(id),
    nameOf: (id) => known.get(id)?.name ?? id,
    now: () => Date.now() + ahead,
    visit(place, act) {
      next = act;
      go(place);
    },
    async learn() {
      const fresh = await api.state();
      ahead = fresh.clock_offset_seconds * 1000;
      return fresh;
    },
  };
}

async function show(world) {
  const place = read();
  const platform = world.ready.includes(place.platform) ? place.platform : (world.ready[0] ?? FIRST);
  const known = world.person(place.person);
  const same = desk && known && desk.who.person === place.person && desk.who.platform === platform;
  if (!same) {
    desk?.close();
    desk = known ? new Desk(world, { ...place, platform }) : null;
    app.replaceChildren(desk ? desk.root : firstScreen(world, platform));
    scrollTo(0, 0);
  }
  if (!desk) {
    document.title = "期台";
    return;
  }
  await desk.open(place.chat);
  const act = next;
  next = null;
  act?.(desk);
}

const firstScreen = (world, platform) =>
  welcome({
    people: world.people,
    ready: world.ready,
    platform,
    choose: (id) => go({ platform: id }),
    tryLine: (person, words) => world.visit({ platform, person, chat: "private" }, (open) => open.say(words)),
    begin: (story) => world.visit({ platform, person: story.steps[0].person, chat: "private" }, (open) => open.tell(story.id)),
  });

await start();
