// Where the reader is: #platform/person/chat. A reload, a bookmark and a second tab all come from it.

export function read(hash = location.hash) {
  const [platform, person, chat] = hash.replace(/^#/, "").split("/").map(decodeURIComponent);
  return { platform: platform || "", person: person || "", chat: chat || "" };
}

export function href({ platform, person, chat }) {
  const parts = [platform, person, chat].filter(Boolean);
  return `#${parts.map(encodeURIComponent).join("/")}`;
}

export function go(place) {
  if (location.hash === href(place)) dispatchEvent(new HashChangeEvent("hashchange"));
  else location.hash = href(place);
}
