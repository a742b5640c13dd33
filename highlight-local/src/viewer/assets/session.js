// The replay and the requests of a session on one time line.
"use strict";

const replay = document.querySelector("#replay");

function mark(track, section) {
  const first = Number(section.dataset.first);
  const length = Math.max(Number(section.dataset.last) - first, 1);
  track.replaceChildren();
  for (const item of document.querySelectorAll("#rows [data-at]")) {
    const place = (Number(item.dataset.at) - first) / length;
    if (place < 0 || place > 1) continue;
    const kind = item.matches(".error") ? "error" : item.matches(".log") ? "log" : "request";
    const dot = document.createElement("button");
    dot.type = "button";
    dot.className = kind;
    dot.style.left = `${place * 100}%`;
    const name = item.querySelector(".what, .message")?.textContent.trim() ?? kind;
    dot.title = `${kind}: ${name}`;
    dot.setAttribute("aria-label", dot.title);
    dot.addEventListener("click", () => seek(item));
    track.append(dot);
  }
}

function seek(item) {
  replay.contentWindow.postMessage({ at: Number(item.dataset.at) }, location.origin);
}

// What was the last to happen at the moment that is played.
function follow(at) {
  let last = null;
  for (const item of document.querySelectorAll(".timeline > [data-at]")) {
    item.classList.remove("now");
    if (Number(item.dataset.at) <= at) last = item;
  }
  last?.classList.add("now");
}

if (replay) {
  const section = replay.closest("section");
  const track = document.createElement("div");
  track.className = "track";
  track.setAttribute("role", "group");
  track.setAttribute("aria-label", "Requests, logs and errors on the recording's time line");
  section.append(track);
  mark(track, section);
  document.addEventListener("refreshed", () => mark(track, section));
  document.addEventListener("click", (event) => {
    const item = event.target.closest("summary, a[data-row]")?.closest("[data-at]");
    if (item) seek(item);
  });
  window.addEventListener("message", (event) => {
    if (event.source === replay.contentWindow && Number.isFinite(event.data?.playing)) follow(event.data.playing);
  });
}
