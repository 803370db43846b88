// Names that would be more than text, an API that answers with errors, a phone,
// a day on which the clock changes, and dark colours.

const { ok, is, like, until, open, run } = require("./page.js");

const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true,
                hasTouch: true };

// each name is text, whole, and nothing else
async function names(b, { names: all, file }) {
  const { page } = b;

  for (const hash of ["", "#/library"]) {
    await b.visit(hash);
    const list = page.locator(hash ? ".file-name bdi" : "td:first-child a bdi");
    await list.first().waitFor();
    const shown = (await list.allTextContents()).join("\n");

    for (const name of all) {
      ok(shown.includes(name), `${hash || "live"}: ${JSON.stringify(name)}`,
         shown);
    }
    is(await page.locator("main img, main script, main svg, main iframe")
      .count(), 0, "and no name is an element");
  }

  is(await page.evaluate(() => window.pwned), undefined, "nor a script");

  // a file, a day, and whatever a link may have
  const { RecordingId: recording, FileId: id } = file;
  await b.visit(`#/file/${recording}/${id}`);
  await page.locator("video").waitFor();
  await until("a file whose name is odd plays", () => page.evaluate(
    () => document.querySelector("video").readyState >= 1));
  await page.getByRole("link", { name: "Its day" }).click();
  await page.locator(".bar").first().waitFor();
  ok(true, "its day is there");

  for (const bad of ["#/library?stream=%E0%A4%A&day=2026-13-99", "#/%zz",
                     "#/file/1/2", "#/file/<b>/'", "#/constructor"]) {
    await b.visit(bad);
    await page.locator("main [role=alert], main .state, .sums").first()
      .waitFor();
    ok(true, `${bad}: a sentence`);
  }
}

async function errors(given) {
  const cases = [
    [given.closed, /machine|sign/, /password/, "an API that is closed"],
    [given.broken, /503/, /record_api/, "no API at all"],
    [given.silent, /does not answer/, /nginx running/, "no answer"],
  ];

  for (const [base, message, advice, what] of cases) {
    const b = await open(base);

    for (const hash of ["", "#/library", "#/store",
                        "#/orders?stream=show&app=live&domain=a.test",
                        "#/library?stream=a&day=2026-01-02", "#/file/1/2"]) {
      await b.visit(hash);
      await b.page.locator("[role=alert]").waitFor();
      const text = await b.text("[role=alert]");
      like(text, message, `${what}: ${hash || "live"} says so`);
      like(text, advice, "and what to do");
    }

    await b.close(/status of 503|ERR_EMPTY_RESPONSE/);
  }
}

async function phone(base, file) {
  for (const scheme of ["light", "dark"]) {
    const b = await open(base, { ...PHONE, colorScheme: scheme });

    for (const hash of ["", "#/library", "#/store", "#/orders?stream=a&app=live",
                        "#/edit",
                        `#/file/${file.RecordingId}/${file.FileId}`]) {
      await b.visit(hash);
      await b.page.locator("tbody tr, [data-row], .facts, section .quiet").first()
        .waitFor();

      // of a phone the page's own width is that of what is too wide
      const over = await b.page.evaluate(() =>
        document.documentElement.scrollWidth) - PHONE.viewport.width;
      ok(over <= 0, `${scheme} phone: ${hash || "live"} is no wider than it`,
         over);
    }

    if (scheme === "light") {
      await b.page.getByRole("link", { name: "Live", exact: true }).tap();
      await b.page.locator("tbody tr").first().waitFor();
      ok(true, "phone: a tap goes to another view");
    }

    await contrast(b, scheme);
    await b.close();
  }
}

// AA: 4.5 to 1, of all texts that are shown
async function contrast(b, scheme) {
  for (const hash of ["#/store", "#/library", "#/edit",
                      "#/orders?stream=show&app=live&domain=a.test"]) {
    await b.visit(hash);
    await b.page.locator("tbody tr, [data-row], section .quiet").first().waitFor();
    const bad = await b.page.evaluate(() => {
      const parsed = (text) => text.match(/[\d.]+/g).map(Number);
      const light = ([r, g, blue]) => [r, g, blue].map((n) => n / 255)
        .map((n) => (n <= 0.03928 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4))
        .reduce((sum, n, i) => sum + n * [0.2126, 0.7152, 0.0722][i], 0);
      const behind = (element) => {
        for (let e = element; e; e = e.parentElement) {
          const colour = parsed(getComputedStyle(e).backgroundColor);
          if (colour.length === 3 || colour[3] === 1) return colour;
        }
        return [255, 255, 255];
      };

      return [...document.querySelectorAll("body *")].filter((e) =>
        [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())
        && e.getClientRects().length).map((e) => {
        const [a, c] = [light(parsed(getComputedStyle(e).color)),
                        light(behind(e))].sort((x, y) => y - x);
        return [(a + 0.05) / (c + 0.05), e.textContent.trim().slice(0, 30)];
      }).filter(([ratio]) => ratio < 4.5).map((one) => one.join(" "));
    });
    is(bad.join("\n"), "", `${scheme}: contrast of ${hash}`);
  }
}

// sound that begins after the picture: of FLV what is before both cannot be
// shown, nor be waited for; HLS is played over the place, and sought on both
// sides of it
async function late(b, { flv, hls }) {
  const { page } = b;
  const seek = async (format, s) => {
    await page.evaluate((n) => {
      document.querySelector("video").currentTime = n;
    }, s);
    await until(`late sound, ${format}: sought, to ${s} s`, () =>
      page.evaluate(([n, exact]) => {
        const media = document.querySelector("video");
        return !media.seeking && media.readyState >= 2
          && (!exact || Math.abs(media.currentTime - n) < 0.5);
      }, [s, format === "hls"]));
  };

  for (const [format, file] of [["flv", flv], ["hls", hls]]) {
    await b.visit(`#/file/${file.RecordingId}/${file.FileId}`);
    await page.locator("video").waitFor();
    await until(`late sound, ${format}: it can be played`, () => page.evaluate(
      () => document.querySelector("video").readyState >= 2));

    if (format === "flv") {
      for (const s of [2, 0]) await seek(format, s);
      continue;
    }

    await page.evaluate(() => {
      const media = document.querySelector("video");
      Object.assign(media, { muted: true, playbackRate: 3 });
      return media.play();
    });
    await until("late sound, hls: it is played, and heard", () =>
      page.evaluate(() => {
        const media = document.querySelector("video");
        return media.currentTime > 9 && media.webkitAudioDecodedByteCount > 0;
      }), 90);
    await page.evaluate(() => document.querySelector("video").pause());
    for (const s of [2, 12, 5, 7]) await seek(format, s);
    is(await page.locator(".failure").count(), 0, "and nothing is amiss");
  }
}

// the day on which Berlin's clock goes back has 25 hours
async function change(base) {
  const b = await open(base, { timezoneId: "Europe/Berlin" });
  await b.visit("#/library?stream=turn&day=2026-10-25");
  await b.page.locator(".bar").first().waitFor();
  like(await b.text(".day"), /25 hours/, "the clock changes: that is said");

  // from 00:30 to 01:30 UTC it is half past two, twice
  const [bar, lane] = await Promise.all([
    b.page.locator(".bar").first().boundingBox(),
    b.page.locator(".lane-bars").first().boundingBox()]);
  const hours = (x) => (x - lane.x) / lane.width * 25;
  ok(Math.abs(hours(bar.x) - 2.5) < 0.1, "a bar has its place", hours(bar.x));
  ok(Math.abs(hours(bar.x + bar.width) - 3.5) < 0.1, "and its length",
     hours(bar.x + bar.width));
  is(await b.page.locator(".lane .bar-lossy").count(), 1, "a file with lost frames");
  like(await b.page.locator(".bar").first().getAttribute("title"),
       /02:30:00 – 02:30:00/, "half past two, twice");
  await b.close();

  // and Lord Howe's by half an hour: each minute is found again
  const c = await open(base, { timezoneId: "Australia/Lord_Howe" });
  await c.visit("#/library");
  is(await c.page.evaluate(async () => {
    const time = await import("/console/time.js");
    const [from, to] = time.day("2026-04-05");
    let lost = 0;
    for (let at = from; at < to; at += 60000) {
      if (time.moment(time.clock(at), at, at + 30000) !== at) lost++;
    }
    return `${(to - from) / 3600000} ${lost}`;
  }), "24.5 0", "a clock that changes by half an hour: each minute is found");
  await c.close();
}

run(async (given) => {
  const b = await open(given.base);

  await names(b, given);
  await late(b, given.late);
  await b.close();
  await phone(given.base, given.file);
  await change(given.base);
  await errors(given);
});
