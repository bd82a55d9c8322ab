// Everybody one can be, as cards by job: the first screen and the switcher show the same.

import { avatar } from "./avatar.js";
import { el } from "./dom.js";
import { deskOf, groupedByJob } from "./jobs.js";
import { href } from "./place.js";

/** `unread` maps a person's id to a count, where it is known. */
export function peopleByJob(people, platform, { here = "", chat = "", unread = new Map() } = {}) {
  return el(".jobs", {},
    groupedByJob(people).map((job) =>
      el("section.job", {},
        el("h3", {}, job.name, el("span", {}, job.does)),
        el(".people", {}, job.people.map((person) =>
          personCard(person, { platform, person: person.id, chat }, here, unread.get(person.id)))))));
}

/** A link, so that a second tab can be a second person. */
function personCard(person, place, here, unread) {
  return el("a.person", {
    href: href(place),
    "aria-current": person.id === here ? "true" : null,
    data: { testid: `person-${person.id}` },
  },
  avatar(person.id, person.name),
  el("span.person-words", {}, el("strong", {}, person.name), el("small", {}, deskOf(person))),
  unread ? el("span.badge", { "aria-label": `${unread} 条未读` }, String(unread)) : null);
}
