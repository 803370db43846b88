// How the store is: its room, what went wrong, what waits, and what nobody
// took.

import { html, useState } from "./html.js";
import { call, pages, serverNow } from "./api.js";
import { href } from "./router.js";
import { bytes, number, plural, span, state, visible } from "./format.js";
import { Deliveries } from "./file.js";
import { Empty, Failure, Loading, Name, State, Table, useAsked }
  from "./parts.js";
import { ReadsOnly } from "./hands.js";
import * as time from "./time.js";

const EVERY_MS = 5000;
const DAY_MS = 86400000;
const RATE_PAGES = 20;        // of 100 files
const RATE_EVERY_MS = 300000;

const asked = (signal) => call("DescribeStore", {}, signal);

// bytes a day, by what was finished in the last 24 hours: { rate, ms }, where ms
// is what these files are of, if there are too many to look at all
async function today(signal) {
  const from = serverNow() - DAY_MS;
  const { set, more } = await pages("SearchMedia",
    { CreateTime: { After: time.iso(from) }, Limit: 100, Filters: ["metaData"] },
    "MediaInfoSet", RATE_PAGES, signal);
  const size = set.reduce((n, one) => n + one.RecordInfo.Size, 0);
  const last = more ? time.parse(set[set.length - 1].RecordInfo.FinishTime)
                    : from;
  const ms = Math.max(1000, serverNow() - last);

  return { rate: size * DAY_MS / ms, ms };
}

// how long the room lasts, in words
function lasts(store, rate) {
  if (store.Full) {
    return ["bad", "Full: less than reserve= is left, nothing is recorded. "
            + "Make room, or lower reserve=."];
  }

  const free = store.Free === null ? Infinity
                                   : Math.max(0, store.Free - store.Reserve);
  const under = store.Max ? store.Max - store.Bytes : Infinity;
  const days = rate ? Math.min(free, Math.max(0, under)) / rate : Infinity;
  const long = days === Infinity ? null : span(days * 86400);

  if (store.Max && under <= free) {
    return ["", under <= 0
      ? "max= is reached: the oldest files are evicted for newer ones."
      : `max= is reached${long ? ` in ${long} at today's rate` : " when "
        + `${bytes(under)} more are recorded`}; then the oldest files are evicted.`];
  }

  if (free === Infinity) return ["", "How much is free is not known."];

  return [days < 2 ? "bad" : "", long
    ? `Room for ${long} at today's rate; then nothing is recorded.`
    : "Nothing was finished in the last 24 hours, so there is no rate."];
}

function Meter({ store }) {
  const { Bytes: used, Free: free, Reserve: reserve, Max: max } = store;
  const all = max || (free === null ? used : used + Math.max(0, free - reserve));
  const percent = all ? Math.min(100, 100 * used / all) : 0;

  return html`<div class="meter" role="meter" aria-label="Room used by recordings"
      aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(percent)}
      aria-valuetext=${`${bytes(used)} of ${bytes(all)}`}>
    <span style=${{ width: `${percent}%` }}></span></div>`;
}

function Room({ store, rate, files }) {
  const [kind, words] = lasts(store, rate ? rate.rate : 0);
  const evicted = files.filter((one) => one.State === "evicted");
  const count = evicted.reduce((n, one) => n + one.Count, 0);
  const figures = [
    [bytes(store.Bytes), "recordings"],
    [bytes(store.Free), "free on the disk"],
    [bytes(store.Reserve), "of that reserve="],
    [store.Max ? bytes(store.Max) : "none", "max="],
    [rate ? `${bytes(rate.rate)}/day` : "…", "today's rate"],
    [number(count), "files evicted"],
  ];

  return html`<section><h2>Room</h2>
    <p class=${kind} role="status"><strong>${rate || store.Full ? words
      : "Looking at what was recorded in the last day."}</strong>
      ${rate && rate.ms < DAY_MS - 60000 && html` <span class="quiet">The rate is
        that of the last ${span(rate.ms / 1000)}.</span>`}</p>
    <${Meter} store=${store} />
    <dl class="figures">${figures.map(([value, name]) => html`<div>
      <dd>${value}</dd><dt>${name}</dt></div>`)}</dl>
    <p class="quiet"><code>${visible(store.Path)}</code>${store.Max ? ""
      : " – nothing is evicted, as record_store has no max="}</p></section>`;
}

function Exceptions({ exceptions }) {
  const by = new Map();

  for (const one of exceptions) {
    const key = one.Hour;
    by.set(key, (by.get(key) || 0) + one.Number);
  }

  // hours, not days: each of the last 48 has a bar
  const now = Math.floor(serverNow() / 3600000) * 3600000;
  const hours = Array.from({ length: 48 }, (_, n) => now - (47 - n) * 3600000);
  const count = new Map([...by].map(([at, n]) => [time.parse(at), n]));
  const high = Math.max(1, ...hours.map((at) => count.get(at) || 0));

  return html`<section><h2>Exceptions</h2>${!exceptions.length
    ? html`<p class="good">None in the last 8 days.</p>` : html`
    <div class="hours" role="img" aria-label=${`Exceptions in each of the last 48
hours, at most ${high}`}>${hours.map((at) => html`<span
        title=${`${time.date(at)} ${time.clock(at, false)}: ${
          count.get(at) || 0}`}><i style=${{
          height: `${100 * (count.get(at) || 0) / high}%` }}></i></span>`)}</div>
    <p class="quiet">The last 48 hours; below all of the last 8 days${
      exceptions.length >= 1000 ? ", the newest 1,000" : ""}. What they mean
      is in the documentation, under Messages.</p>
    <div class="scroll"><${Table} label="Exceptions by hour" head=${[
      { label: "Hour" }, { label: "Stream" }, { label: "Exception" },
      { label: "Times", number: true }]} rows=${exceptions.map((one) => ({
        key: JSON.stringify(one), cells: [
          html`<time title=${time.utc(time.parse(one.Hour))}>${
            time.date(time.parse(one.Hour))} ${
            time.clock(time.parse(one.Hour), false)}</time>`,
          html`<a data-row href=${href(["library"], { stream: one.StreamName,
            app: one.AppName, day: time.date(time.parse(one.Hour)) })}>
            <${Name} text=${one.StreamName} /></a> <span class="quiet">
            <${Name} text=${one.AppName} /></span>`,
          visible(one.Exception), number(one.Number)] }))} /></div>`}</section>`;
}

function Queues({ deliveries }) {
  const few = (n) => (n >= 5000 ? "5,000 or more" : number(n));

  return html`<section><h2>Queues</h2>${!deliveries.length
    ? html`<p class="quiet">No template has a notify or an upload.</p>`
    : html`<${Table} label="Queues" head=${[{ label: "To" }, { label: "Template" },
      { label: "Kind" }, { label: "Waiting", number: true },
      { label: "Failed for good", number: true }]} rows=${
      deliveries.map((one) => ({ key: `${one.TemplateName} ${one.Target}`, cells: [
        html`<${Name} text=${one.Target} />`,
        html`<${Name} text=${one.TemplateName} />`, one.Kind, few(one.Waiting),
        html`<span class=${one.Dead ? "bad" : ""}>${few(one.Dead)}</span>`,
      ] }))} />`}</section>`;
}

function Dead({ letters, may, again }) {
  const [said, say] = useState({});
  const [failed, fail] = useState(null);

  async function send(ids) {
    fail(null);

    try {
      const { Retried: n } = await call("RetryDelivery", { DeliveryIds: ids });
      say({ words: n ? `${plural(n, "delivery", "deliveries")} will be sent `
                       + "again." : "It was sent again before." });
      again();
    } catch (error) {
      fail(error);
    }
  }

  return html`<section><h2>Failed for good</h2>
    <p role="status">${said.words || ""}</p>
    <${Failure} error=${failed} />
    ${!letters.length ? html`<p class="good">Nothing: all was taken, or is still
      tried.</p>` : html`
    <p>These are not tried any more. Mend the cause, then send them again.${" "}
      ${may && letters.length > 1 && html`<button class="small" onClick=${() =>
        send(letters.map((one) => one.DeliveryId))}>Send all ${
        letters.length} again</button>`}</p>
    <${Deliveries} deliveries=${letters} label="Failed deliveries"
      more=${may && ((one) => html`<button class="small secondary"
        onClick=${() => send([one.DeliveryId])}>Send again</button>`)} />
    <${ReadsOnly} may=${may} what="send them again" />`}</section>`;
}

function Files({ files }) {
  return html`<section><h2>Files</h2>${!files.length
    ? html`<p class="quiet">There are none yet.</p>`
    : html`<${Table} label="Files by state and format" head=${[
      { label: "State" }, { label: "Format" }, { label: "Files", number: true },
      { label: "Size", number: true }]} rows=${files.map((one) => ({
        key: `${one.State} ${one.Format}`, cells: [
          html`<${State} name=${one.State}>${state(one.State)}<//>`,
          one.Format, number(one.Count), one.State === "recording"
            ? html`<span class="quiet" title="Live has it; here it is known when
they end">not known yet</span>` : bytes(one.Bytes)] }))} />`}</section>`;
}

function Health({ data }) {
  const { Workers: workers, Worker: worker, Catalogue: catalogue } = data;
  const { Versions: versions } = data;

  return html`<section><h2>Workers and catalogue</h2>
    ${workers.length > 0 && html`<${Table} label="Workers" head=${[
      { label: "Worker" }, { label: "State" },
      { label: "Recording", number: true }, { label: "Paused", number: true },
      { label: "Finishing", number: true }]} rows=${workers.map((one) => ({
        key: one.Name, cells: [
          html`<code>${visible(one.Name)}</code>`,
          html`<${State} name=${one.Alive ? "finished" : "bad"}>${
            one.Alive ? "alive" : "gone; its files are taken over"}<//>`,
          one.Recording, one.Paused, one.Finishing] }))} />`}
    <dl class="facts">
      <div><dt>The worker that answered</dt><dd><code>${visible(worker.Name)}
        </code>: ${plural(worker.Jobs, "job")}, ${plural(worker.Calls, "call")}
        ${" "}waiting, ${bytes(worker.Buffered)} buffered</dd></div>
      <div><dt>Catalogue</dt><dd class=${catalogue.Late ? "bad" : ""}>${
        catalogue.Late ? "late: another program keeps catalogue.db busy"
          : "answers in time"}; ${bytes(catalogue.Bytes)}, log ${
        bytes(catalogue.LogBytes)}, version ${catalogue.Version}</dd></div>
      <div><dt>Versions</dt><dd>nginx ${versions.Nginx}, SQLite
        ${" "}${versions.SQLite}, Jansson ${versions.Jansson}</dd></div>
    </dl></section>`;
}

export function Store() {
  const { data, error, again } = useAsked(asked, EVERY_MS, []);
  const rate = useAsked(today, RATE_EVERY_MS, ["rate"]);

  return html`
    <div class="head"><h1>Store</h1></div>
    <${Failure} error=${error || rate.error} again=${again} />
    ${!data && !error && html`<${Loading} what="the store" />`}
    ${!data && error && html`<${Empty}><p>What the store has is not known until
      the API answers.</p><//>`}
    ${data && html`<div class=${error ? "stale" : ""}>
      <${Room} store=${data.Store} rate=${rate.data} files=${data.Files} />
      <${Dead} letters=${data.DeadLetters} may=${data.Changes} again=${again} />
      <${Queues} deliveries=${data.Deliveries} />
      <${Exceptions} exceptions=${data.Exceptions} />
      <div class="columns"><${Files} files=${data.Files} />
        <${Health} data=${data} /></div></div>`}`;
}
