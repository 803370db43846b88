// Small parts that views share.

import { html, useEffect, useState, useRef } from "./html.js";
import { visible, drops, number } from "./format.js";
import * as time from "./time.js";

export const Name = ({ text }) => html`<bdi>${visible(text)}</bdi>`;

// a moment in the viewer's zone, with UTC on hover
export function Time({ at, day = true, seconds = true }) {
  if (at === null || at === undefined) return "–";

  return html`<time datetime=${time.iso(at)} title=${time.utc(at)}>${
    day ? `${time.date(at)} ` : ""}${time.clock(at, seconds)}</time>`;
}

export const State = ({ name, children }) =>
  html`<span class=${`tag tag-${name}`}>${children}</span>`;

export const Empty = ({ children }) =>
  html`<div class="state" role="status">${children}</div>`;

export const Loading = ({ what }) =>
  html`<div class="state" role="status" aria-busy="true">Loading ${what}</div>`;

export function Failure({ error, again }) {
  if (!error) return null;

  return html`<div class="failure" role="alert">
    <p><strong>${error.message}</strong> ${error.advice || ""}
      ${error.code && html` <code>${error.code}</code>`}</p>
    ${again && html`<button class="small" onClick=${again}>Ask again</button>`}
  </div>`;
}

// frames that are missing, with reasons
export function Lost({ dropped, by }) {
  if (!dropped) return html`<span class="quiet">none</span>`;

  return html`<span class="bad">${number(dropped)}</span>
    <span class="why">${drops(by)}</span>`;
}

// Asks again and again, `every` milliseconds after each answer, or once if that
// is 0; stops while the page is hidden.  { data, error, again }; data stays
// when a later call fails.
export function useAsked(ask, every, inputs) {
  const [state, set] = useState({ data: null, error: null });
  const [turn, next] = useState(0);
  const key = JSON.stringify(inputs);
  const last = useRef(key);

  useEffect(() => {
    const stop = new AbortController();
    let timer = 0;

    if (last.current !== key) {
      last.current = key;
      set({ data: null, error: null });
    }

    async function run() {
      let delay = every;

      if (!every || !document.hidden) {
        try {
          const data = await ask(stop.signal);
          if (!stop.signal.aborted) set({ data, error: null });
        } catch (error) {
          if (stop.signal.aborted) return;
          set((before) => ({ data: before.data, error }));
          delay = Math.max(every, 3000);
        }
      }

      if (every && !stop.signal.aborted) timer = setTimeout(run, delay);
    }

    run();

    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [key, turn]);

  return { ...state, again: () => next((n) => n + 1) };
}

// a table that a phone shows as cards; head: [{ label, number }], and each row
// { key, href, cells }
export function Table({ label, head, rows }) {
  return html`<table class="data" role="table" aria-label=${label}>
    <thead role="rowgroup"><tr role="row">${head.map((column) => html`
      <th role="columnheader" scope="col" class=${column.number && "number"}>${
        column.label}</th>`)}</tr></thead>
    <tbody role="rowgroup">${rows.map((row) => html`
      <tr role="row" key=${row.key} class=${row.class}>
        ${row.cells.map((cell, n) => html`
          <td role="cell" data-label=${head[n].label}
              class=${head[n].number && "number"}><span>${cell}</span></td>`)}
      </tr>`)}</tbody>
  </table>`;
}
