// The console: the frame around the views, and which of them is shown.

import { html, render, useEffect, useState } from "./html.js";
import { route, href } from "./router.js";
import { onKey } from "./keys.js";
import * as time from "./time.js";
import { Live } from "./live.js";
import { Library } from "./library.js";
import { File } from "./file.js";
import { Edit } from "./edit.js";
import { Orders } from "./orders.js";
import { Store } from "./store.js";

const VIEWS = { live: Live, library: Library, file: File, edit: Edit,
                orders: Orders, store: Store };
const LINKS = [["live", "Live"], ["library", "Library"], ["edit", "Edit"],
               ["orders", "Orders"], ["store", "Store"]];

function Console() {
  const [at, set] = useState(route());

  useEffect(() => {
    const changed = () => set(route());

    addEventListener("hashchange", changed);
    document.addEventListener("keydown", onKey);
    return () => {
      removeEventListener("hashchange", changed);
      document.removeEventListener("keydown", onKey);
    };
  }, []);

  const name = Object.hasOwn(VIEWS, at.path[0]) ? at.path[0] : "";
  const View = VIEWS[name];
  const shown = name === "file" ? "library" : name;

  useEffect(() => {
    const link = LINKS.find(([path]) => path === shown);
    document.title = link ? `${link[1]} – Recordings` : "Recordings";
  }, [shown]);

  return html`
    <a class="skip" href="#main" onClick=${(event) => {
      event.preventDefault();
      document.querySelector("main").focus();
    }}>Skip to content</a>
    <header class="top">
      <span class="brand"><span class="dot" aria-hidden="true"></span>${" "}
        Recordings</span>
      <nav aria-label="Views">${LINKS.map(([path, label]) => html`
        <a href=${href([path])}
           aria-current=${shown === path ? "page" : null}>${label}</a>`)}
      </nav>
      <span class="zone" title="All times are of this zone; hover one for UTC">
        ${time.zone()}</span>
    </header>
    <main id="main" tabindex="-1" key=${name}>${View
      ? html`<${View} path=${at.path} query=${at.query} />`
      : html`<p class="state">There is no such view.
          <a href=${href(["live"])}>See what is live</a>.</p>`}</main>
    <footer class="keys"><kbd>/</kbd> search <kbd>j</kbd> <kbd>k</kbd> next,
      previous <kbd>l</kbd> open <kbd>x</kbd> choose <kbd>Esc</kbd> back</footer>`;
}

const root = document.getElementById("console");
root.textContent = "";
render(html`<${Console} />`, root);
