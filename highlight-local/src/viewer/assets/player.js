// Plays the recording that the body names, and seeks where the page around it says.
"use strict";

(async () => {
  const target = document.querySelector("#player");
  const say = (text) => { target.replaceChildren(Object.assign(document.createElement("p"), { textContent: text })); };
  try {
    const answer = await fetch(document.body.dataset.events);
    if (!answer.ok) return say("This recording is not stored any more.");
    const chunks = await answer.json();
    const events = chunks.flatMap((chunk) => chunk.events ?? []).filter((event) => Number.isFinite(event?.timestamp));
    events.sort((a, b) => a.timestamp - b.timestamp);
    if (events.length < 2) return say("Too little was recorded to play it.");
    target.replaceChildren();
    const Player = rrwebPlayer.default ?? rrwebPlayer;
    const controls = 80;
    const size = () => ({ width: innerWidth, height: Math.max(innerHeight - controls, 100) });
    const player = new Player({
      target,
      props: { events, ...size(), autoPlay: false, showWarning: false, showDebug: false, UNSAFE_replayCanvas: false },
    });
    const first = events[0].timestamp;
    document.body.dataset.played = events.length;
    player.addEventListener("ui-update-current-time", (event) => {
      parent.postMessage({ playing: first + event.payload }, location.origin);
    });
    addEventListener("message", (event) => {
      const at = event.data?.at;
      if (event.source !== parent || !Number.isFinite(at)) return;
      const offset = Math.min(Math.max(at - first, 0), events.at(-1).timestamp - first);
      player.goto(offset, false);
      document.body.dataset.at = offset;
    });
    addEventListener("resize", () => { player.$set(size()); player.triggerResize(); });
  } catch (error) {
    say(`The recording cannot be played: ${error.message}`);
  }
})();
