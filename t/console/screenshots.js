// The picture of the documentation.

const { open, until, run } = require("./page.js");

run(async ({ base, day, path }) => {
  const b = await open(base, { timezoneId: "UTC",
                               viewport: { width: 1120, height: 700 } });

  await b.visit(`#/library?stream=evening&app=live&day=${day}`);
  await b.page.locator(".bar").first().waitFor();
  await b.page.getByRole("button", { name: "Fit to files" }).click();
  await until("all bars", async () => await b.page.locator(".bar").count() > 3);
  await b.page.screenshot({ path });
  await b.close();
});
