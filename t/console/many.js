// 10,000 files in a list: it scrolls to its end, with few rows in the page.

const { ok, is, like, until, open, run } = require("./page.js");

run(async ({ base, files }) => {
  const b = await open(base);
  const { page } = b;
  const rows = page.locator(".rows-one");

  await b.visit("#/library");
  await rows.first().waitFor();
  like(await b.text(".sums"), /first \d+ of (more than )?[\d,]+/,
       "sums say what they are of");

  // how long a frame takes while the list is scrolled, page after page
  await page.evaluate(() => {
    let last = performance.now();
    window.frames0 = [];
    const frame = (now) => {
      window.frames0.push(now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });

  let most = 0;
  await until("it scrolls to the last file", async () => {
    await page.evaluate(async () => {
      const box = document.querySelector(".rows");
      for (let n = 0; n < 20; n++) {
        box.scrollTop = box.scrollHeight;
        await new Promise((done) => setTimeout(done, 30));
      }
    });
    most = Math.max(most, await rows.count());
    return await rows.first().getAttribute("aria-setsize") === String(files);
  }, 90);
  ok(most < 60, "few rows are in the page at a time", most);

  await page.evaluate(() => {
    const box = document.querySelector(".rows");
    window.frames0 = [];
    box.scrollTop = box.scrollHeight;
  });
  await until("the last row is there", async () =>
    await rows.last().getAttribute("aria-posinset") === String(files));
  like(await b.text(".sums"), /^10,000 files, 69 days, 10\.0 MB$/,
       "all are summed");

  // back to the begin, a screen at a time
  await page.evaluate(async () => {
    const box = document.querySelector(".rows");
    window.frames0 = [];
    for (let n = 0; n < 120; n++) {
      box.scrollTop = Math.max(0, box.scrollTop - 3500);
      await new Promise((done) => requestAnimationFrame(done));
    }
    box.scrollTop = 0;
  });
  const frames = (await page.evaluate(() => window.frames0))
    .sort((a, c) => a - c);
  const median = frames[Math.floor(frames.length / 2)];
  ok(median < 100, "half of all frames are drawn within 100 ms", median);
  await until("the first row is there again", async () =>
    await rows.first().getAttribute("aria-posinset") === "1");

  // a key goes on from there
  await page.keyboard.press("j");
  for (let n = 0; n < 30; n++) await page.keyboard.press("j");
  const at = await page.evaluate(() => document.activeElement
    .closest("[aria-posinset]")?.getAttribute("aria-posinset"));
  is(at, "31", "keys go on beyond what was in sight");
  await b.close();
});
