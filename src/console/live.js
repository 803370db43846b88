// What is recorded now: a row a recording, each second anew.

import { html, useEffect, useState } from "./html.js";
import { call, pages, playUrl, serverNow } from "./api.js";
import { href, fileHref } from "./router.js";
import { bytes, duration, plural, rate, span, visible } from "./format.js";
import { Empty, Failure, Loading, Lost, Name, State, Table, Time, useAsked }
  from "./parts.js";
import { Act, ReadsOnly, useMay } from "./hands.js";
import * as time from "./time.js";

const EVERY_MS = 1000;
const MOST_PAGES = 10;
const SILENT_S = 5;
const WINDOW_MS = 5000;       // of which a bit rate is

const GROWS = { recording: 1, paused: 1 };

// How fast files grow: bytes that came in the last seconds, by recording and
// format, as a file that has just begun has no rate of its own yet.
const sizes = new Map();

function measured(set) {
  const now = performance.now();
  const grown = new Map();
  const seen = new Set();

  for (const file of set.flatMap((one) => one.FileSet)) {
    if (!file.Live) continue;

    const young = serverNow() - time.ms(file.StartTimeUs) < WINDOW_MS;
    const known = sizes.get(file.FileId)
      || [{ at: now - (young ? EVERY_MS : 0), size: young ? 0 : file.Size }];
    known.push({ at: now, size: file.Size });
    while (known.length > 2 && now - known[1].at >= WINDOW_MS) known.shift();
    sizes.set(file.FileId, known);
    seen.add(file.FileId);

    const key = `${file.RecordingId} ${file.Format}`;
    const sum = grown.get(key) || { bytes: 0, ms: 0 };
    sum.bytes += file.Size - known[0].size;
    sum.ms = Math.max(sum.ms, now - known[0].at);
    grown.set(key, sum);
  }

  for (const id of sizes.keys()) if (!seen.has(id)) sizes.delete(id);

  const bits = new Map();
  for (const [key, { bytes: n, ms }] of grown) {
    bits.set(key, ms ? 8000 * n / ms : 0);
  }
  return bits;
}

async function asked(signal) {
  const all = await pages("DescribeRecordings", { State: "open", Limit: 100 },
                          "RecordingSet", MOST_PAGES, signal);
  return { ...all, bits: measured(all.set) };
}

const sum = (files, member) => files.reduce((n, file) => n + file[member], 0);
const most = (files, member) =>
  files.reduce((n, file) => Math.max(n, file[member] || 0), 0);

// drops of all files, by reason
function dropped(files) {
  const by = {};

  for (const file of files) {
    for (const [why, n] of Object.entries(file.Drops)) {
      by[why] = (by[why] || 0) + n;
    }
  }

  return by;
}

// what a recording does, or waits for: [kind, words]
function state(recording, files, last) {
  if (recording.State === "paused") {
    const until = Math.max(...files.map((f) => time.parse(f.ResumeTime) || 0));
    const left = (until - serverNow()) / 1000;

    return ["paused", until && left > 0
      ? `waits for its stream, ${span(left)} left` : "waits for its stream"];
  }

  const waits = files.map((file) => file.WaitsFor).find((what) => what);

  if (waits === "disk") return ["bad", "waits for the disk"];
  if (waits) return ["bad", `waits for a ${waits}`];

  const silent = last ? (serverNow() - last) / 1000 : 0;
  return silent > SILENT_S ? ["paused", `no frame for ${span(silent)}`]
                           : ["recording", "recording"];
}

// a format, and the way to its file; HLS can be watched as it grows
function Format({ file }) {
  const where = file.Format === "hls" && playUrl(file);

  return html`<a class="format" href=${fileHref(file)}
    title=${where ? "Watch from its start, while it grows"
      : "It can be played when it ends"}>${file.Format}${where
      && html`<span aria-hidden="true"> ▶</span>
        <span class="unseen">: watch from its start</span>`}</a> `;
}

// new files now, and the end: of a task, if one has ordered it, else until its
// stream is published again
function Hands({ recording }) {
  const { RecordingId: id, TaskId: task } = recording;
  const stream = visible(recording.StreamName);
  const stop = () => (task ? call("StopRecordTask", { TaskId: task })
                           : call("StopRecording", { RecordingId: id }));

  return html`<div class="hands">${recording.State !== "paused" && html`
    <${Act} label="Cut" name=${`Cut ${stream}: new files now`}
      act=${async () => {
        await call("CutRecording", { RecordingId: id });
        return "New files begin with the next key frame.";
      }} />`}
    <${Act} label="Stop" name=${`Stop recording ${stream}`}
      question=${task ? "Stop this task? It does not begin again."
        : "Stop? It is recorded again when it is published again."}
      yes="Stop it" act=${async () => {
        await stop();
        return "It ends within a second.";
      }} />
    </div>`;
}

function row(recording, bits, may) {
  const files = recording.FileSet.filter((file) => GROWS[file.State]);
  const told = files.filter((file) => file.Live);
  const last = most(told, "LastFrameTimeUs") / 1000;
  const [kind, words] = state(recording, files, last);
  const waiting = most(told, "BytesWaiting");
  const known = told.length || recording.State === "paused";
  const silent = last ? Math.max(0, serverNow() - last) / 1000 : null;
  const unknown = html`<span class="quiet" title="The zone of record_store is
full, or off: it is known when the file ends">not known yet</span>`;

  return {
    key: recording.RecordingId,
    cells: [
      html`<a data-row href=${href(["library"], { stream: recording.StreamName,
        app: recording.AppName,
        day: time.date(time.ms(recording.StartTimeUs)) })}>
        <${Name} text=${recording.StreamName} /></a>
        <span class="under"><${Name} text=${recording.AppName} /> ·${" "}
        <${Name} text=${recording.TemplateName} /> · <a href=${href(["orders"],
          { stream: recording.StreamName, app: recording.AppName,
            domain: recording.DomainName })}>why?</a></span>`,
      html`<${State} name=${kind}>${words}<//>`,
      files.map((file) => html`<${Format} key=${file.FileId} file=${file} />`),
      html`<${Time} at=${time.ms(recording.StartTimeUs)}
        day=${time.date(time.ms(recording.StartTimeUs))
              !== time.date(serverNow())} />`,
      known ? duration(most(files, "Duration")) : unknown,
      known ? bytes(sum(files, "Size")) : unknown,
      recording.State === "paused" || !told.length ? "–"
        : rate(Math.max(...told.map((file) =>
          bits.get(`${file.RecordingId} ${file.Format}`)))),
      silent === null ? "–" : html`<span title=${time.utc(last)}>${
        silent < 2 ? "now" : `${span(silent)} ago`}</span>${waiting > 1e6
        && html` <span class="under">${bytes(waiting)} wait for the disk</span>`}`,
      html`<${Lost} dropped=${sum(files, "FramesDropped")}
        by=${dropped(files)} />`,
      ...(may ? [html`<${Hands} recording=${recording} />`] : []),
    ],
  };
}

const HEAD = [
  { label: "Stream" }, { label: "State" }, { label: "Files" },
  { label: "Since" }, { label: "Duration", number: true },
  { label: "Size", number: true }, { label: "Bit rate", number: true },
  { label: "Last frame" }, { label: "Frames lost" },
];

export function Live() {
  const { data, error, again } = useAsked(asked, EVERY_MS, []);
  const may = useMay();
  const [, tick] = useState(0);

  // what is left of a time moves, also if an answer is late
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), EVERY_MS);
    return () => clearInterval(timer);
  }, []);

  const set = data ? data.set : [];
  const growing = set.flatMap((one) => one.FileSet)
    .filter((file) => file.State === "recording" && file.Live);

  return html`
    <div class="head"><h1>Live</h1>
      ${data && html`<p role="status">${plural(set.length, "recording")}${
        growing.length ? `, ${plural(growing.length, "file")} growing by ${
          rate([...data.bits.values()].reduce((a, b) => a + b, 0))}` : ""}${
        data.more
        ? "; there are more, which are not shown" : ""}</p>`}</div>
    <${Failure} error=${error} again=${again} />
    ${!data && !error && html`<${Loading} what="what is being recorded" />`}
    ${data && !set.length && html`<${Empty}>
      <p><strong>Nothing is being recorded.</strong></p>
      <p>A stream is recorded while it is published to an application that has
        a record_rule. If one is, and is not here, the error log says why.</p>
      <p><a href=${href(["library"])}>What was recorded</a> is in the library.</p>
    <//>`}
    ${set.length > 0 && html`<div class=${error ? "stale" : ""}>
      <${Table} label="Recordings" 
        head=${may ? [...HEAD, { label: "Do" }] : HEAD} rows=${
        set.map((one) => row(one, data.bits, may))} /></div>
      <${ReadsOnly} may=${may} what="stop and cut" />`}`;
}
