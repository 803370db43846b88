// Each view with real recordings: one that grows, one with a gap, one file of
// each format; the keyboard.

const { ok, is, like, until, open, run } = require("./page.js");

async function api(base, action, params = {}) {
  const answer = await fetch(`${base}/api/`, { method: "POST",
    headers: { "Content-Type": "application/json", "X-TC-Action": action },
    body: JSON.stringify(params) });
  return (await answer.json()).Response;
}

const at = (page) => page.evaluate(
  () => document.querySelector("video, audio")?.currentTime ?? 0);

async function plays(page, what) {
  await until(`${what} is there`, () => page.evaluate(
    () => document.querySelector("video, audio")?.readyState >= 1));
  await page.evaluate(() => {
    const media = document.querySelector("video, audio");
    media.muted = true;
    return media.play().catch(() => {});
  });
  const first = await at(page);
  await until(`${what} moves forward`, async () => await at(page) > first + 0.5);
}

async function live(b) {
  const { page } = b;
  await b.visit("");
  const row = page.getByRole("row", { name: /^show/ });
  const cell = (label) => row.locator(`[data-label="${label}"]`).innerText();

  await row.waitFor();
  like(await cell("State"), /recording/, "live: its state in words");
  like(await cell("Files"), /mp4[\s\S]*hls/, "live: its formats");
  is(await cell("Frames lost"), "none", "live: no frame is lost");

  const size = await cell("Size");
  const duration = await cell("Duration");
  await until("live: its size moves", async () => await cell("Size") !== size);
  await until("live: its duration moves",
              async () => await cell("Duration") !== duration);
  await until("live: it has a bit rate",
              async () => /[1-9]\S* [kM]b\/s/.test(await cell("Bit rate")));
  like(await cell("Last frame"), /now|ago/, "live: its last frame");
  like(await row.locator("time").first().getAttribute("title"), / UTC$/,
       "live: UTC on hover");

  await row.getByRole("link", { name: /hls/ }).click();
  await page.locator("video").waitFor();
  await until("growing HLS is there", () => page.evaluate(
    () => document.querySelector("video").readyState >= 2));
  ok(await at(page) < 1, "growing HLS begins at its start", await at(page));
  await plays(page, "growing HLS");
}

// a file that was resumed, and grows
async function resumed(b) {
  const { page } = b;
  await b.visit("");
  await page.getByRole("link", { name: "show", exact: true }).click();
  const lane = page.locator(".lane", { hasText: "show hls" });
  await lane.locator(".bar-growing").waitFor();
  is(await lane.locator(".bar-gap").count(), 1,
     "a file that was resumed and grows has its gap");
  await page.getByRole("button", { name: "Fit to files" }).click();
  const bar = await lane.locator(".bar-growing").boundingBox();
  const gap = await lane.locator(".bar-gap").boundingBox();
  ok(gap.x + gap.width < bar.x + bar.width - 20, "and goes on behind it");
}

async function library(b, files) {
  const { page } = b;
  await b.visit("#/library");
  await page.locator("[data-row]").first().waitFor();

  await page.keyboard.press("/");
  await page.keyboard.type("news");
  await page.keyboard.press("Enter");
  await page.waitForURL(/stream=news/);
  await until("library: only its files", async () => {
    const names = await page.locator(".file-name").allInnerTexts();
    return names.length === files.news.length
      && names.every((name) => /^news/.test(name));
  });
  like(await b.text(".sums"), /^\d files?, [\d.]+ s, [\d.]+ [kM]B$/,
       "library: hours and bytes");

  // keys; Esc leaves the search, which keeps what it has
  await page.keyboard.press("/");
  await page.keyboard.press("Escape");
  like(page.url(), /stream=news/, "library: Esc leaves the search");
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  const second = page.locator("[data-row]").nth(1);
  ok(await second.evaluate((row) => row === document.activeElement),
     "library: j goes to the next row");
  await page.keyboard.press("k");
  ok(await page.locator("[data-row]").first().evaluate(
    (row) => row === document.activeElement), "library: k goes back");
  await page.keyboard.press("ArrowDown");
  ok(await second.evaluate((row) => row === document.activeElement),
     "library: an arrow does the same");

  await page.getByRole("link", { name: /as a timeline/ }).click();
  await page.locator(".bar").first().waitFor();
  is(await page.locator(".lane .bar").count(), files.news.length,
     "a day: a bar for each file");
  const gaps = files.news.reduce((n, file) => n + file.Gaps.length, 0);
  ok(gaps > 0, "there is a gap");
  is(await page.locator(".lane .bar .bar-gap").count(), gaps,
     "a day: each gap is on its bar");
  like(await b.text(".timeline-head p"), new RegExp(`${gaps} gaps? inside`),
       "a day: gaps are counted in words");
  await page.getByRole("button", { name: "Fit to files" }).click();
  const box = await page.locator(".lane .bar .bar-gap").first().boundingBox();
  ok(box.width > 40, "a day: a gap is wide when it fits", box.width);

  await page.getByRole("button", { name: "The day before" }).click();
  await page.getByText(/was recorded on this day/).waitFor();
  ok(true, "the day before is empty, and says so");
}

async function gap(b, files) {
  const { page } = b;
  const file = files.news.find((one) => one.Format === "mp4" && one.Gaps.length);
  const { at_ms: begin, gap_ms: length } = file.Gaps[0];
  const start = file.StartTimeUs / 1000;
  const clock = (ms) => page.evaluate((n) => {
    const d = new Date(n);
    return [d.getHours(), d.getMinutes(), d.getSeconds()]
      .map((part) => String(part).padStart(2, "0")).join(":");
  }, ms);

  await b.visit(`#/file/${file.RecordingId}/${file.FileId}`);
  await page.locator(".seek [data-gap]").waitFor();
  await until("the file is there", () => page.evaluate(
    () => document.querySelector("video").readyState >= 1));
  ok((await page.locator(".seek [data-gap]").boundingBox()).width > 40,
     "a gap is on the bar");

  // what is typed stays while it plays
  const jump = page.getByLabel("Time of day to jump to");
  await jump.fill("03:04:05");
  await plays(page, "mp4 with a gap");
  await page.evaluate(() => document.querySelector("video").pause());
  is(await jump.inputValue(), "03:04:05", "a time that is typed stays");

  // a whole second that lies in the gap
  const inside = Math.ceil((start + begin + 300) / 1000) * 1000;
  ok(inside < start + begin + length, "the gap has a second", length);
  await page.getByLabel("Time of day to jump to").fill(await clock(inside));
  await page.getByRole("button", { name: "Go", exact: true }).click();
  like(await b.text(".jump-said"), /^Nothing was recorded at/,
       "a time in a gap: that is said");
  await until("and it is jumped over",
              async () => Math.abs(await at(page) - begin / 1000) < 0.2);
  await until("the clock is that after the gap", async () =>
    [await clock(start + begin + length), await clock(start + begin + length
                                                      + 200)]
      .some(async (text) => (await b.text(".now-clock")).endsWith(await text)));

  // behind it the place is as much earlier as the gap is long
  const after = Math.ceil((start + begin + length + 500) / 1000) * 1000;
  await page.getByLabel("Time of day to jump to").fill(await clock(after));
  await page.getByRole("button", { name: "Go", exact: true }).click();
  const want = (after - start - length) / 1000;
  await until("a time behind the gap", async () =>
    Math.abs(await at(page) - want) < 0.2);
  is(await b.text(".jump-said"), "", "and nothing is said of gaps");
  await until("the clock has that time", async () =>
    (await b.text(".now-clock")).endsWith(await clock(after)));

  await page.getByLabel("Time of day to jump to").fill("03:00:00");
  await page.getByRole("button", { name: "Go", exact: true }).click();
  like(await b.text(".jump-said"), /^This file has/,
       "a time that it does not have: that is said");

  // keys of a player
  await page.locator("h1").click();
  await page.evaluate(() => { document.querySelector("video").muted = true; });
  await page.keyboard.press("j");
  await until("j goes back", async () => await at(page) < 1);
  await page.keyboard.press("k");
  await until("k plays", () => page.evaluate(
    () => !document.querySelector("video").paused));
  await page.keyboard.press("k");
  await until("k pauses", () => page.evaluate(
    () => document.querySelector("video").paused));
  await page.locator(".seek").focus();
  const before = await at(page);
  await page.keyboard.press("ArrowRight");
  await until("an arrow goes on", async () => await at(page) > before);

  like(await b.text(".facts"), /h264 320x180/, "what the catalogue knows");
  like(await page.locator("main").innerText(), /connect to .* failed/,
       "its events, with the last error");
  const href = await page.getByRole("button", { name: /^Download/ })
    .getAttribute("href");
  is((await fetch(href)).headers.get("content-length"), String(file.Size),
     "its download is the file");
  is(await page.getByLabel("Where it plays").inputValue(), href,
     "its play URL");
  await page.getByRole("button", { name: /^after/ }).click();
  await page.getByRole("button", { name: /before/ }).waitFor();
  ok(!page.url().includes(file.FileId), "the file after it");
  await page.locator("h1").click();
  await page.keyboard.press("Escape");
  await page.waitForURL(/library.*day=/);
  ok(true, "Esc goes to its day");
}

async function formats(b, files) {
  for (const file of [...files.radio, ...files.news.filter(
    (one) => one.Format === "hls")]) {
    await b.visit(`#/file/${file.RecordingId}/${file.FileId}`);
    await plays(b.page, file.Format);
  }
}

async function store(b, changes) {
  const { page } = b;
  await b.visit("#/store");
  await until("store: how long its room lasts",
    async () => /Room for .* at today's rate/.test(await b.text("main")));
  const text = await b.text("main");
  like(text, /files evicted/, "store: eviction");
  like(text, /http:\/\/127\.0\.0\.1:9\/x/, "store: its queues");
  like(text, /worker\.\d+/, "store: its workers");
  like(text, /a reason/, "store: a dead letter, with its error");
  like(text, /disk_full|-104|overload|exception_test/,
       "store: exceptions by hour");

  await page.getByText(/This page only reads: to send them again/).waitFor();
  is(await page.getByRole("button", { name: "Send again" }).count(), 0,
     "store: what is refused is not offered, and it says what to do");

  await page.goto(`${changes}/console/#/store`);
  await page.getByRole("button", { name: "Send again" }).click();
  await page.getByText("1 delivery will be sent again.").waitFor();
  ok(true, "store: it is sent again where that is allowed");
  await page.getByText("Nothing: all was taken").waitFor();
}

run(async ({ base, changes }) => {
  const b = await open(base);
  let set = [];

  await live(b);
  await resumed(b);
  await until("all but one are finished", async () => {
    set = (await api(base, "DescribeRecordings", { Limit: 100 })).RecordingSet;
    return set.flatMap((one) => (one.StreamName === "show" ? [] : one.FileSet))
      .every((file) => file.State === "finished");
  }, 60);

  const of = (name) => set.filter((one) => one.StreamName === name)
    .flatMap((one) => one.FileSet);
  const files = { news: of("news"), radio: of("radio") };

  await library(b, files);
  await gap(b, files);
  await formats(b, files);
  await b.close();

  const c = await open(base);
  await store(c, changes);
  is(c.errors.join("\n"), "", "store: no error is logged");
  await c.context.browser().close();
});
