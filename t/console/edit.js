// What is made of files: a part, several, a stream at a time; and where nothing
// may be.

const { ok, is, like, until, open, run } = require("./page.js");

const button = (page, name) => page.getByRole("button", { name, exact: true });
const hash = (file) => `#/file/${file.RecordingId}/${file.FileId}`;
const media = (page) => page.locator("video, audio");

async function reads(base, file) {
  const b = await open(base);
  const { page } = b;

  await b.visit("#/edit");
  await page.getByText("This page only reads: to make files of others").waitFor();
  is(await button(page, "Make one file").count(), 0, "reads only: no parts");
  await b.visit("#/library");
  await page.locator("[data-row]").first().waitFor();
  is(await page.locator("[data-choose]").count(), 0, "reads only: no choice");
  await b.visit(hash(file));
  await page.getByLabel("Time of day to jump to").waitFor();
  is(await button(page, "Begin here").count(), 0, "reads only: no marks");
  await b.close();
}

async function seek(page, s) {
  await media(page).evaluate((e, at) => { e.currentTime = at; }, s);
  await until(`the picture at ${s} s`, () => media(page).evaluate((e, at) =>
    !e.seeking && Math.abs(e.currentTime - at) < 0.01, s));
}

async function trims(b, file) {
  const { page } = b;

  await b.visit(hash(file));
  await until("it can be played", () => media(page).evaluate((e) =>
    e.readyState > 1));
  await button(page, "Begin here").waitFor();
  is(await button(page, "Trim").count(), 0, "trim: not all of it");
  await seek(page, 0.5);
  await page.keyboard.press("i");
  await seek(page, 1.5);
  await page.keyboard.press("o");
  await page.getByText("1.0 s of it").waitFor();
  is((await page.locator(".mark-at").allInnerTexts()).join(" "),
     "0:00.500 0:01.500", "trim: the marks");
  is(await page.locator(".seek-out").count(), 2, "trim: they are on the bar");
  await page.keyboard.press(".");
  await until("a picture further", () => media(page).evaluate((e) =>
    Math.abs(e.currentTime - 1.54) < 0.01));
  await seek(page, 0.3);
  await button(page, "End here").click();
  is((await page.locator(".mark-at").allInnerTexts()).join(" "),
     "its begin 0:00.300", "trim: an end before the begin takes its place");
  await button(page, "All of it").click();
  is(await page.locator(".seek-out").count(), 0, "trim: all of it again");

  await seek(page, 0.5);
  await button(page, "Begin here").click();
  await seek(page, 1.5);
  await button(page, "End here").click();
  await page.getByLabel("Name").fill("trimmed");
  await button(page, "Trim").click();
  const link = page.getByRole("link", { name: "Open the file" });
  await link.waitFor();
  like(await b.text(".task"), /^Task edit-\d+ is done/, "trim: done, it says");
  await link.click();
  await page.getByText(/^of other files, by task edit-\d+$/).waitFor();
  ok(/\/any\//.test(page.url()), "trim: it leads to the file");
  await until("what was made can be played", () => media(page).evaluate((e) =>
    e.readyState > 1 && Math.abs(e.duration - 1) < 0.2));
}

async function splices(b, files) {
  const { page } = b;

  await b.visit("#/edit");
  await page.getByText("No part is chosen.").waitFor();
  await b.visit("#/library?stream=show&app=live");
  const rows = page.locator("[data-row]");
  await until("all files", async () => await rows.count() === 5);

  // of the newest first: by hand, then by key
  const line = (file) => page.locator(".file-line",
    { has: page.locator(`[href$="${file.FileId}"]`) });
  await line(files[0]).locator("[data-choose]").click();
  await line(files[1]).locator("[data-row]").focus();
  await page.keyboard.press("x");
  await line(files[2]).locator("[data-row]").focus();
  await page.keyboard.press("x");
  await page.getByText("3 parts chosen").waitFor();
  await page.keyboard.press("x");
  await page.getByText("2 parts chosen").waitFor();
  is(await page.locator("[data-choose][aria-pressed=true]").count(), 2,
     "splice: what is chosen is marked");

  await page.reload();
  await page.getByText("2 parts chosen").waitFor();
  await page.getByRole("button", { name: "Splice…" }).click();
  await button(page, "Move down part 1").click();
  await until("the order is another one", async () =>
    (await page.locator("[data-row]").first().getAttribute("href"))
      .endsWith(files[1].FileId));
  ok(await button(page, "Move up part 1").isDisabled(), "the first is the first");
  await page.locator("form").first().getByLabel("Name").fill("turned");
  await button(page, "Make one file").click();
  await page.getByText(/^Task edit-\d+ is ordered\.$/).waitFor();
  const row = page.getByRole("row", { name: /2 parts/ });
  await row.getByRole("link", { name: "Open the file" }).waitFor();
  ok(true, "splice: it is done, and the list of tasks has it");
}

async function fails(b, other) {
  const { page } = b;

  await page.getByLabel("End of part 2, seconds").fill("0");
  await page.keyboard.press("Tab");
  await button(page, "Make one file").click();
  await page.getByText("The end is not after the begin.").waitFor();
  await page.getByLabel("End of part 2, seconds").fill("");
  await page.keyboard.press("Tab");

  // one of another size
  await b.visit(hash(other));
  await button(page, "Add to the parts").click();
  await page.getByText("It is a part now.").waitFor();
  await b.visit("#/edit");
  await button(page, "Make one file").click();
  const row = page.getByRole("row", { name: /3 parts.*failed/ });
  await row.waitFor();
  like(await row.innerText(), new RegExp(`${other.FileId}.*hls`, "s"),
       "fail: which file, and what to do");
  await button(page, "None").click();
  await page.getByText("No part is chosen.").waitFor();
}

// where everything is offered
async function narrow(base, file) {
  const width = 390;
  const b = await open(base, { viewport: { width, height: 800 } });

  for (const at of ["#/library", hash(file), "#/edit"]) {
    await b.visit(at);
    await b.page.locator(".choose, .trim, .of-time").first().waitFor();
    is(await b.page.evaluate(() => document.documentElement.scrollWidth), width,
       `phone: ${at} is no wider than it`);
  }

  await b.close();
}

async function times(b, files) {
  const { page } = b;
  // as the field has it: a full minute without its seconds
  const at = (us) => new Date(us / 1000 + 8 * 3600000).toISOString()
    .slice(0, 19).replace(/:00$/, "");

  await b.visit("#/library?stream=show&app=live");
  await page.getByRole("link", { name: "The newest day as a timeline" }).click();
  await page.getByText("show mp4, made").waitFor();
  like(await b.text(".timeline-head"), /^0 holes.* · 3 rotations/,
       "what was made is a lane of its own");
  await page.getByRole("link", { name: "A file of a time" }).click();
  const form = page.locator("form").last();
  is(await form.getByLabel("Stream").inputValue(), "show", "of its stream");
  await form.getByLabel("From").fill(at(files[0].StartTimeUs - 1e6));
  await form.getByLabel("To").fill(at(files[3].StartTimeUs + 10e6));
  await form.getByLabel("Name").fill("stream");
  await form.getByRole("button", { name: "Make a file" }).click();
  await page.getByRole("row", { name: /show.*is done/ }).waitFor();
  ok(true, "a stream at a time is done");
}

run(async (given) => {
  await reads(given.base, given.files[0]);

  const b = await open(given.changes);
  await trims(b, given.files[0]);
  await splices(b, given.files);
  await fails(b, given.other);
  await times(b, given.files);
  await b.close();
  await narrow(given.changes, given.files[0]);
});
