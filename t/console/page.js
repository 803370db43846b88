// A page of the console in Chromium, and what a test says of it: lines of JSON
// for Recording::Console.  Any error that the page logs, and any request that
// leaves its origin, is a failure.

const { chromium } = require("playwright-core");

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const ok = (good, what, more = "") =>
  say({ ok: Boolean(good), what, more: String(more) });
const is = (got, want, what) =>
  ok(got === want, what, `got ${JSON.stringify(got)}, not ${
    JSON.stringify(want)}`);
const like = (got, pattern, what) => ok(pattern.test(got), what, `got ${got}`);

// waits for a condition, generously, and says whether it came
async function until(what, condition, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  let last;

  do {
    try {
      last = await condition();
      if (last) break;
    } catch (error) {
      last = undefined;
      if (Date.now() >= end) ok(false, what, error.message);
    }
    await new Promise((done) => setTimeout(done, 100));
  } while (Date.now() < end);

  ok(last, what);
  return last;
}

// one for all pages of a test, each of which has a context of its own
let browser;

// opens(base, options of a context): { page, visit, text, close }
async function open(base, options = {}) {
  browser = browser || await chromium.launch({
    timeout: 90000, executablePath: process.env.TEST_CHROMIUM,
    args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required",
           "--disable-dev-shm-usage", "--disable-gpu"] });
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 }, timezoneId: "Asia/Shanghai",
    ...options });
  const page = await context.newPage();
  const errors = [];
  const away = [];

  page.setDefaultTimeout(60000);
  page.on("console", (m) => m.type() === "error" && errors.push(m.text()));
  page.on("pageerror", (error) => errors.push(error.stack || error.message));
  page.on("dialog", (dialog) => {
    errors.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (!/^(blob|data):$/.test(protocol) && origin !== new URL(base).origin) {
      away.push(request.url());
    }
  });

  return {
    page, errors, context,
    visit: (hash) => page.goto(`${base}/console/${hash}`),
    text: (selector) => page.locator(selector).first().innerText(),
    shot: (path) => page.screenshot({ path }),
    async close(allowed = /^$/) {
      is(errors.filter((error) => !allowed.test(error)).join("\n"), "",
         "the page logs no error");
      is(away.join(" "), "", "no request leaves the origin");
      is((await context.cookies()).length, 0, "there is no cookie");
      await context.close();
    },
  };
}

// runs a test's steps, whatever they throw
function run(steps) {
  steps(JSON.parse(process.argv[2])).catch((error) => {
    ok(false, "it came to its end", error.stack);
    process.exitCode = 1;
  }).finally(async () => {
    if (browser) await browser.close();
    say({ end: true });
    process.exit();
  });
}

module.exports = { ok, is, like, until, open, run, say };
