// What the console changes, and asks before it does; and where it may not.

const { ok, is, like, until, open, run } = require("./page.js");

const ASKED = "#/orders?stream=show&app=live&domain=127.0.0.1";

async function api(base, action, params = {}) {
  const answer = await fetch(`${base}/api/`, { method: "POST",
    headers: { "Content-Type": "application/json", "X-TC-Action": action,
               "X-TC-Version": "2018-07-17" },
    body: JSON.stringify(params) });
  return (await answer.json()).Response;
}

async function open_(base) {
  const { RecordingSet: set } = await api(base, "DescribeRecordings",
                                          { State: "open" });
  return set.filter((one) => one.StreamName === "show");
}

const button = (page, name) => page.getByRole("button", { name });

async function reads(base, file) {
  const b = await open(base);
  const { page } = b;

  for (const [hash, what] of [["", "stop and cut"],
    ["#/orders", "start and stop tasks"],
    [`#/file/${file.RecordingId}/${file.FileId}`, "keep or delete a file"]]) {
    await b.visit(hash);
    await page.getByText(`This page only reads: to ${what}`).waitFor();
    is(await button(page, /^(Cut|Stop|Delete|Keep|Start)/).count(), 0,
       `reads only: ${hash || "live"} offers nothing, and says so`);
  }

  await b.visit("#/orders");
  await page.getByLabel("Stream").fill("show");
  await page.getByLabel("Application").fill("live");
  await page.getByLabel("Domain").fill("127.0.0.1");
  await page.keyboard.press("Enter");
  await page.getByText("It is recorded once.").waitFor();
  like(await b.text(".why-box"), /rule of configuration for application live/,
       "why: by which rule");
  like(await b.text(".why-box"), /template back-end is told/,
       "why: who is told");
  await b.visit("#/orders?stream=no&app=live&domain=127.0.0.1");
  await page.getByText("It is not recorded.").waitFor();
  like(await b.text(".why-box"), /stream no.*off/s, "why: it is left out");
  await b.visit("#/orders?stream=x&app=air&domain=127.0.0.1");
  await page.getByText("It is recorded once.").waitFor();
  like(await b.text(".why-box"), /radio: aac.*inherited/s,
       "why: by an inherited rule");
  await b.close();
}

async function cuts(b, base) {
  const { page } = b;
  await b.visit("");
  const row = page.getByRole("row", { name: /^show/ });
  await button(row, /^Cut show/).click();
  await page.getByText("New files begin with the next key frame.").waitFor();
  await until("cut: there is another file", async () =>
    (await open_(base))[0].FileCount === 2);
}

async function tasks(b, base) {
  const { page } = b;
  await b.visit("");
  await page.getByRole("row", { name: /^show/ })
    .getByRole("link", { name: "why?" }).click();
  await page.getByText("It is recorded once.").waitFor();
  await button(page, "Start").click();
  await page.getByText(/^Task \d+ is ordered\.$/).waitFor();
  await page.getByText("It is recorded 2 times.").waitFor();
  like(await b.text(".why-box"), /By task \d+/, "why: by a task, too");
  await until("a task records", async () => (await open_(base)).length === 2);

  const stop = button(page, "Stop the task of show");
  const asks = (what) => until(what, () => button(page, "Stop it").evaluate(
    (e) => e === document.activeElement));
  await stop.click();
  await asks("it asks, and what it does has focus");
  await page.keyboard.press("Escape");
  await until("Esc leaves it, and gives the focus back", () => stop.evaluate(
    (e) => e === document.activeElement));
  is((await open_(base)).length, 2, "nothing is stopped by that");
  await stop.click();
  await asks("it asks again");
  await page.keyboard.press("Enter");
  await page.getByText("It is recorded once.").waitFor();
  await until("the task is stopped", async () =>
    (await open_(base)).length === 1);

  await page.locator("form").nth(1).getByLabel("End").fill("2020-01-01T00:00");
  await button(page, "Start").click();
  await page.getByText(/EndTime is not after StartTime/).waitFor();
  ok(true, "what is refused says why");
}

async function file(b, { RecordingId, FileId }, base) {
  const { page } = b;
  const told = async () => (await api(base, "DescribeMediaInfos",
    { FileIds: [FileId] })).MediaInfoSet[0]?.RecordInfo;

  await b.visit(`#/file/${RecordingId}/${FileId}`);
  await page.getByLabel("Keep until the end of").fill("2099-05-06");
  await button(page, "Keep until then").click();
  await page.getByText("It is removed then, also from buckets.").waitFor();
  is((await told()).ExpireTime, "2099-05-06T15:59:59Z",
     "keep: the end of the viewer's day");
  await button(page, "Keep for good").click();
  await until("keep: for good", async () => !/2099/.test(
    (await told()).ExpireTime));

  await button(page, "Delete this file").click();
  await button(page, "Cancel").click();
  ok(await told(), "delete: not when it is cancelled");
  await button(page, "Delete this file").click();
  await button(page, "Delete it").click();
  await page.getByText("It was deleted by a call.").waitFor();
  ok(!await told(), "delete: it is deleted");
  is(await button(page, /^(Delete|Keep)/).count(), 0,
     "delete: and cannot be, once more");
}

async function stops(b, base) {
  const { page } = b;
  await b.visit("");
  const row = page.getByRole("row", { name: /^show/ });
  await button(row, "Stop recording show").click();
  await button(row, "Stop it").click();
  await page.getByText("Nothing is being recorded.").waitFor();
  is((await open_(base)).length, 0, "stop: it is over");
}

run(async (given) => {
  await reads(given.base, given.file);

  const b = await open(given.changes);
  await cuts(b, given.changes);
  await tasks(b, given.changes);
  await file(b, given.file, given.changes);
  await stops(b, given.changes);
  await b.close();
});
