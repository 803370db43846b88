// What changes something: whether this page may, buttons that ask before they do
// it, and what became of it.

import { html, useEffect, useRef, useState } from "./html.js";
import { call } from "./api.js";
import { Failure } from "./parts.js";

let known = null;             // a promise: whether the API takes changes

// true, false, or null as long as it is not known; the API tells, as it is the
// one that refuses
export function useMay() {
  const [may, set] = useState(null);

  useEffect(() => {
    let gone = false;

    known ??= call("DescribeStore").then((store) => store.Changes);
    known.then((value) => gone || set(value), () => { known = null; });
    return () => { gone = true; };
  }, []);

  return may;
}

export const ReadsOnly = ({ may, what }) => may === false && html`
  <p class="quiet reads" role="note">This page only reads: to ${what}, put a
    password before all of the console, with <code>record_api_key off</code>
    ${" "}beside record_api.</p>`;

// a button that asks first, if there is a question; act() does it, and says
// what became of it
export function Act({ label, name, question, yes, act, kind = "secondary" }) {
  const [asks, ask] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failed, fail] = useState(null);
  const [said, say] = useState("");
  const first = useRef(null);
  const button = useRef(null);

  useEffect(() => { if (asks) first.current?.focus(); }, [asks]);

  async function run() {
    ask(false);
    setBusy(true);
    fail(null);

    try {
      say(await act() || "Done.");
    } catch (error) {
      say("");
      fail(error);
    }

    setBusy(false);
  }

  function leave() {
    ask(false);
    setTimeout(() => button.current?.focus());
  }

  return html`<span class="act">${asks
    ? html`<span class="ask" role="group" aria-label=${question}
        onKeyDown=${(event) => {
          if (event.key !== "Escape") return;
          event.preventDefault();
          leave();
        }}><strong>${question}</strong>
        <button class="small" ref=${first} onClick=${run}>${yes}</button>
        <button class="small secondary" onClick=${leave}>Cancel</button></span>`
    : html`<button class=${`small ${kind}`} ref=${button} disabled=${busy}
        aria-label=${name} onClick=${question ? () => ask(true) : run}>${
        label}</button>`}
    <span role="status" class="said">${said}</span>
    <${Failure} error=${failed} /></span>`;
}
