// Makes the pages live, and gives them a keyboard. Every page works without it.
"use strict";

const $ = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// Times are sent in UTC, and shown in the zone of whoever looks.
function localise(within) {
  for (const time of all("time[datetime]", within)) {
    const date = new Date(time.dateTime);
    if (time.dataset.local || isNaN(date)) continue;
    const digits = (number, length) => String(number).padStart(length, "0");
    const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => digits(part, 2)).join(":");
    time.textContent = `${clock}.${digits(date.getMilliseconds(), 3)}`;
    time.title = date.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
    time.dataset.local = "yes";
  }
}

async function load(address) {
  const answer = await fetch(address, { headers: { accept: "text/html" } });
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// Live: what may have changed is fetched again and put in place of what is there.

let paused = false;
let busy = false;
let again = false;

// What is open, and where the keyboard is, stays so.
function keep(before, after) {
  for (const open of all("details[open]", before)) {
    const item = open.closest("[id]");
    const same = item && item !== before && after.querySelector(`#${CSS.escape(item.id)} details`);
    if (same) same.open = true;
  }
  const row = document.activeElement?.closest?.("[data-row]");
  if (!row || !before.contains(row)) return () => {};
  const id = row.closest("[id]")?.id;
  const find = () => (row.href ? all("a[data-row]").find((other) => other.href === row.href) : null)
    || (id && $(`#${CSS.escape(id)} [data-row]`));
  return () => find()?.focus({ preventScroll: true });
}

async function refresh() {
  if (paused || document.hidden) { again = true; return; }
  if (busy) { again = true; return; }
  busy = true;
  again = false;
  try {
    const fresh = await load(location.href);
    for (const part of all("[data-live][id]")) {
      const other = fresh.getElementById(part.id);
      // A list that was made longer by hand stays as it is.
      if (part.dataset.longer || !other) continue;
      localise(other);
      if (part.innerHTML === other.innerHTML) continue;
      const refocus = keep(part, other);
      const selected = $("[aria-current=true][data-panel]", part)?.href;
      part.replaceWith(other);
      for (const row of all("a[data-panel]", other)) if (row.href === selected) row.setAttribute("aria-current", "true");
      refocus();
    }
    for (const gone of all("[data-live]")) if (gone.id === "nothing" && !fresh.getElementById("nothing")) gone.remove();
    document.dispatchEvent(new Event("refreshed"));
  } catch {
    // The program has stopped: the line at the top says so.
  }
  busy = false;
  if (again) refresh();
}

function listen() {
  const lamp = $("#live");
  const show = (state, text) => { lamp.hidden = false; lamp.dataset.state = state; lamp.textContent = text; };
  const source = new EventSource("/events");
  let newest = null;
  source.addEventListener("open", () => show(paused ? "paused" : "on", paused ? "paused" : "live"));
  source.addEventListener("error", () => show("off", "not connected"));
  source.addEventListener("change", (event) => {
    if (newest !== null && newest !== event.data) refresh();
    newest = event.data;
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && again) refresh(); });
  return () => {
    paused = !paused;
    show(paused ? "paused" : "on", paused ? "paused" : "live");
    if (!paused && again) refresh();
  };
}

// Selecting a span shows it beside the waterfall.

async function select(row) {
  const panel = $("#panel");
  const detail = (await load(row.href)).getElementById("detail");
  if (!detail) return;
  for (const other of all("a[data-panel][aria-current]")) other.removeAttribute("aria-current");
  row.setAttribute("aria-current", "true");
  panel.replaceChildren(detail);
  localise(panel);
  panel.classList.add("open");
}

async function lengthen(link) {
  const part = link.closest("[data-live]");
  const paragraph = link.closest("p");
  const rest = (await load(link.href)).getElementById(part.id);
  const list = $("ol, ul, tbody", part);
  const more = rest && $("ol, ul, tbody", rest);
  if (!list || !more) { location.href = link.href; return; }
  part.dataset.longer = "yes";
  localise(rest);
  list.append(...more.children);
  const next = $("a[data-more]", rest)?.closest("p");
  if (next) paragraph.replaceWith(next); else paragraph.remove();
}

document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  const link = event.target.closest("a");
  if (!link) return;
  if (link.matches("[data-panel]") && $("#panel")) { event.preventDefault(); select(link); }
  if (link.matches("[data-more]")) { event.preventDefault(); lengthen(link); }
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});
// Empty fields make no parameters.
document.addEventListener("submit", (event) => {
  for (const field of all("input, select", event.target)) if (!field.value) field.disabled = true;
  setTimeout(() => { for (const field of all("input, select", event.target)) field.disabled = false; });
});

// The keyboard.

function move(step) {
  const rows = all("[data-row]").filter((row) => row.checkVisibility());
  const at = rows.indexOf(document.activeElement);
  const row = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + step, 0), rows.length - 1)];
  row?.focus();
  row?.scrollIntoView({ block: "nearest" });
}

const places = { s: "/", r: "/requests", l: "/logs", e: "/errors", m: "/metrics", d: "/dropped" };

function keyboard(pause) {
  const help = $("#help");
  let going = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const field = event.target.matches?.("input, select, textarea");
    if (event.key === "Escape") {
      if (field) event.target.blur();
      else $("#panel")?.classList.remove("open");
      return;
    }
    if (field || help.open) return;
    if (Date.now() - going < 1500 && places[event.key]) { location.href = places[event.key]; return; }
    going = event.key === "g" ? Date.now() : 0;
    const action = {
      j: () => move(1), k: () => move(-1), p: pause, "?": () => help.showModal(),
      "/": () => $("#search")?.focus(),
    }[event.key];
    if (action) { event.preventDefault(); action(); }
  });
  const button = $("#help-open");
  button.hidden = false;
  button.addEventListener("click", () => help.showModal());
}

localise(document);
keyboard(listen());
