// The first of all modules: without npm, or if a file is missing, the page
// says so in place of staying empty.

import("./main.js").catch((error) => {
  const p = document.querySelector("#console p");

  p.setAttribute("role", "alert");
  p.textContent = "The console cannot start: a part of it is missing. "
    + "Its libraries come from npm: run \"make console\" where npm is "
    + `installed, then "make install". (${error.message})`;
});
