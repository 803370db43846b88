// A list of many rows of one height: only those in sight are in the page.  It
// asks for more as its end comes near.

import { html, useEffect, useRef, useState } from "./html.js";

const BEYOND = 8;             // rows on both sides that are there already

export function Rows({ label, items, row, more, itemKey }) {
  const box = useRef(null);
  const [at, set] = useState({ top: 0, height: 600, each: 40 });

  function measure() {
    const element = box.current;
    if (!element) return;

    const each = parseFloat(getComputedStyle(element)
      .getPropertyValue("--row")) || 40;
    const next = { top: element.scrollTop, height: element.clientHeight, each };

    set((now) => (now.top === next.top && now.height === next.height
                  && now.each === each ? now : next));
  }

  useEffect(() => {
    measure();
    addEventListener("resize", measure);
    return () => removeEventListener("resize", measure);
  }, []);

  const first = Math.max(0, Math.floor(at.top / at.each) - BEYOND);
  const end = Math.min(items.length,
                       Math.ceil((at.top + at.height) / at.each) + BEYOND);

  useEffect(() => {
    if (more && end + BEYOND >= items.length) more();
  }, [end, items.length, more]);

  return html`<div class="rows" role="list" aria-label=${label} ref=${box}
      onScroll=${measure} tabindex="-1">
    <div class="rows-all" style=${{ height: `${items.length * at.each}px` }}>
      ${items.slice(first, end).map((item, n) => html`
        <div role="listitem" class="rows-one" key=${itemKey(item)}
             aria-posinset=${first + n + 1} aria-setsize=${items.length}
             style=${{ transform: `translateY(${(first + n) * at.each}px)` }}>
          ${row(item)}</div>`)}
    </div></div>`;
}
