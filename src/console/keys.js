// Keys that do the same in all views, and what is chosen in a list: `/` goes to
// the search, Esc back, j and k (or the arrows, in a list) to the next and the
// one before, l or Enter opens it, x chooses it.  A view with a player takes j, k
// and l for itself, see player.js.

import { go } from "./router.js";

const typing = (element) =>
  /^(INPUT|SELECT|TEXTAREA)$/.test(element.tagName)
  && !/^(button|checkbox|radio|submit)$/.test(element.type);

function step(by) {
  const all = [...document.querySelectorAll("[data-row]")];
  if (!all.length) return false;

  const now = all.findIndex((row) => row.contains(document.activeElement));
  const next = all[now < 0 ? 0 : now + by];

  if (!next) return now >= 0;
  next.focus();
  next.scrollIntoView({ block: "nearest" });
  return true;
}

function search() {
  const field = document.querySelector("[data-search]");

  if (field) {
    field.focus();
    field.select();
  } else {
    go(["library"], { focus: "1" });
  }
}

function choose(row) {
  const button = row.parentElement.querySelector("[data-choose]");
  button?.click();
  return Boolean(button);
}

function escape(target) {
  if (typing(target)) target.blur();
  else document.querySelector("[data-back]")?.click();
}

export function onKey(event) {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) {
    return;
  }

  if (key === "Escape") {
    escape(target);
    return;
  }

  if (typing(target)) return;

  const row = target.closest("[data-row]");
  const done = key === "/" ? (search(), true)
    : key === "j" ? step(1)
    : key === "k" ? step(-1)
    : key === "ArrowDown" && row ? step(1)
    : key === "ArrowUp" && row ? step(-1)
    : key === "l" && row ? (row.click(), true)
    : key === "x" && row ? choose(row)
    : false;

  if (done) event.preventDefault();
}
