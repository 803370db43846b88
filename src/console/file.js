// One file: it plays, and all that the catalogue knows of it.

import { html, useEffect, useRef, useState } from "./html.js";
import { ApiError, call, playUrl } from "./api.js";
import { ANY, fileHref, href } from "./router.js";
import { bytes, duration, made, number, plural, rate, span, state, visible }
  from "./format.js";
import { Failure, Loading, Lost, Name, State, Table, Time, useAsked }
  from "./parts.js";
import { Player } from "./player.js";
import { Act, ReadsOnly, useMay } from "./hands.js";
import { Chosen } from "./edit.js";
import * as time from "./time.js";

const EVERY_MS = 3000;        // while it grows
const NEAR = 20;              // files among which the nearest one is looked for

const is = (file, other) => file.Format === other.Format
  && file.TemplateName === other.TemplateName && made(file) === made(other)
  && file.FileId !== other.FileId;

// of the stream's files the one before, or after
async function next(file, recording, after, signal) {
  const near = await call("SearchMedia", {
    StreamIds: [recording.StreamName], StreamPaths: [recording.AppName],
    Formats: [file.Format], Limit: NEAR,
    RecordTime: after ? { After: file.EndTime || file.StartTime }
                      : { Before: file.StartTime },
    Sort: { Field: "CreateTime", Order: after ? "Asc" : "Desc" },
  }, signal);
  const side = after ? 1 : -1;

  return near.MediaInfoSet.map((media) => media.RecordInfo)
    .concat(recording.FileSet)
    .filter((one) => is(one, file)
            && side * (one.StartTimeUs - file.StartTimeUs) > 0)
    .sort((a, b) => side * (a.StartTimeUs - b.StartTimeUs))[0] || null;
}

async function asked(recordingId, fileId, signal) {
  const media = call("DescribeMediaInfos", { FileIds: [fileId] }, signal)
    .then((infos) => infos.MediaInfoSet[0]?.RecordInfo);
  const id = recordingId === ANY ? (await media)?.RecordingId : recordingId;
  const [recordings, finished] = await Promise.all([
    id ? call("DescribeRecordings", { RecordingIds: [id] }, signal)
       : { RecordingSet: [] }, media]);
  const recording = recordings.RecordingSet[0];
  const file = finished
    || recording?.FileSet.find((one) => one.FileId === fileId);

  if (!recording || !file) {
    throw new ApiError("", "There is no such file. Its row may have been "
                       + "removed, as rows= of record_store says.");
  }

  const [before, after] = await Promise.all([
    next(file, recording, false, signal), next(file, recording, true, signal)]);

  return { recording, file, before, after,
           deliveries: finished?.Deliveries || [] };
}

function Copy({ url }) {
  const field = useRef(null);
  const [said, say] = useState("");

  async function copy() {
    field.current.select();

    try {
      // without TLS only this machine's own pages have a clipboard
      if (navigator.clipboard) await navigator.clipboard.writeText(url);
      else if (!document.execCommand("copy")) throw new Error("refused");
      say("Copied.");
    } catch {
      say("Press Ctrl+C: the browser does not let the page copy it.");
    }
  }

  return html`<div class="copy"><input readonly ref=${field} value=${url}
      aria-label="Where it plays" onFocus=${(event) => event.target.select()} />
    <button class="small secondary" onClick=${copy}>Copy URL</button>
    <span role="status">${said}</span></div>`;
}

function Actions({ file, where }) {
  const name = file.Name.split("/").pop();

  return html`<div class="actions"><${Copy} url=${where.url} />
    ${file.Format !== "hls" && html`<a role="button" class="small secondary"
      href=${where.url} download=${where.here ? name : null}
      target=${where.here ? null : "_blank"}
      rel="noopener noreferrer">Download, ${bytes(file.Size)}</a>`}
  </div>`;
}

const NEVER = "9999-12-31T23:59:59Z";
const GOES = { recording: 1, paused: 1, finishing: 1, finished: 1 };

// how long it is kept, and its end
function Keep({ file, may, again, gone }) {
  const [day, set] = useState("");

  if (may === false && GOES[file.State]) {
    return html`<${ReadsOnly} may=${may} what="keep or delete a file" />`;
  }

  if (!may || file.State !== "finished") return null;

  const keep = async (until) => {
    await call("ModifyMediaInfo", { FileId: file.FileId, ExpireTime: until });
    again();
    return until === NEVER ? "It is kept for good."
                           : "It is removed then, also from buckets.";
  };

  return html`<div class="keep" role="group" aria-label="Keep or delete">
    <label>Keep until the end of <input type="date" value=${day}
      min=${time.date(Date.now())}
      onInput=${(event) => set(event.target.value)} /></label>
    ${time.day(day) && html`<${Act} label="Keep until then" act=${() =>
      keep(time.iso(time.day(day)[1] - 1000))} />`}
    ${file.ExpireTime && html`<${Act} label="Keep for good"
      act=${() => keep(NEVER)} />`}
    <${Act} label="Delete" name="Delete this file" yes="Delete it"
      question="Delete this file for good, also from buckets?"
      act=${async () => {
        await call("DeleteMedia", { FileId: file.FileId });
        gone();
      }} /></div>`;
}

function Screen({ file, where, may }) {
  if (!where) {
    const why = { recording: "It grows, and can be played when it ends.",
      paused: "It waits for its stream, and can be played when it ends.",
      finishing: "It is being finished, and can be played in a moment.",
      evicted: "It was evicted for newer files (max= of record_store).",
      expired: "It has expired (expire of its template, or a call).",
      deleted: "It was deleted by a call.",
      lost: "Nothing of it could be written." }[file.State]
      || "It is neither in the store nor in a bucket that has a url=.";

    return html`<div class="state" role="status"><p>${why}</p></div>`;
  }

  if (!where.here) {
    return html`<div class="state"><p>It lies in a bucket, on another host.</p>
      <p><a role="button" href=${where.url} target="_blank"
        rel="noopener noreferrer">Play it in a new tab</a></p></div>`;
  }

  return html`<${Player} key=${file.FileId} file=${file} url=${where.url}
    may=${may} />`;
}

function Near({ recording, file, before, after }) {
  const link = (one, words, back) => (one
    ? html`<a role="button" class="small secondary" href=${fileHref(one)}>${
      back && "← "}${words} <${Time} at=${time.ms(one.StartTimeUs)}
      day=${time.date(time.ms(one.StartTimeUs))
            !== time.date(time.ms(file.StartTimeUs))} />${!back && " →"}</a>`
    : html`<span class="quiet">no file ${words}</span>`);

  return html`<nav class="near" aria-label="Files before and after">
    ${link(before, "before", true)}
    <a href=${href(["library"], { stream: recording.StreamName,
      app: recording.AppName, day: time.date(time.ms(file.StartTimeUs)) })}
      data-back>Its day</a>
    ${link(after, "after", false)}</nav>`;
}

function facts(file, recording) {
  const at = (text) => (text ? html`<${Time} at=${time.parse(text)} />` : null);
  const gap = (file.Gaps || []).filter((one) => one.at_ms !== undefined);

  return [
    ["Application", html`<${Name} text=${recording.AppName} />`],
    ["Stream", html`<${Name} text=${recording.StreamName} />`],
    ["Template", html`<${Name} text=${file.TemplateName} />`],
    ["Began", html`<${Time} at=${time.ms(file.StartTimeUs)} />`],
    ["Ended", file.EndTimeUs === null ? "it grows"
      : html`<${Time} at=${time.ms(file.EndTimeUs)} />`],
    ["Duration", `${duration(file.Duration)} (${file.Duration} s)`],
    ["Size", `${bytes(file.Size)} (${number(file.Size)} bytes)`],
    ["Made", made(file) ? html`of other files, by task <code>${file.TaskId}</code>`
      : null],
    ["Bit rate", file.Bitrate ? rate(file.Bitrate) : null],
    ["Video", file.VideoCodec && `${file.VideoCodec} ${file.Resolution}`],
    ["Audio", file.AudioCodec],
    ["Frames", `${number(file.FramesWritten)} written of ${
      number(file.FramesIn)}`],
    ["Frames lost", html`<${Lost} dropped=${file.FramesDropped}
      by=${file.Drops} />`],
    ["Gaps", gap.length ? html`<ul>${gap.map((one) => html`<li>${
      span(one.gap_ms / 1000)} at ${duration(one.at_ms / 1000)}</li>`)}</ul>`
      : "none"],
    ["Recovered", file.Recovered
      ? "yes: its worker had died, and its end may be missing" : null],
    ["In the store", file.Local ? "yes" : "no"],
    ["Path", file.Name && html`<code>${visible(file.Name)}</code>`],
    ["Finished", at(file.FinishTime)],
    ["Waits for its stream until", at(file.ResumeTime)],
    ["Removed", at(file.GoneTime)],
    ["Expires", at(file.ExpireTime)],
    ["Worker", file.Worker],
    ["File", html`<code>${file.FileId}</code>`],
  ].filter(([, value]) => value);
}

const Facts = ({ title, rows }) => html`<section><h2>${title}</h2>
  <dl class="facts">${rows.map(([name, value]) => html`
    <div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl></section>`;

function Objects({ file }) {
  if (!file.Objects || !file.Objects.length) return null;

  return html`<section><h2>In buckets</h2><ul class="plain">${
    file.Objects.map((one) => html`<li><strong><${Name} text=${one.bucket} />
      </strong> <code>${visible(one.key)}</code>
      ${/^https?:/.test(one.url || "") && html` <a href=${one.url}
        target="_blank" rel="noopener noreferrer">open</a>`}</li>`)}</ul>
  </section>`;
}

export function Deliveries({ deliveries, label, more }) {
  const head = [{ label: "When" }, { label: "What" }, { label: "To" },
                { label: "State" }, { label: "Tried", number: true },
                { label: "Last error" }, ...(more ? [{ label: "" }] : [])];

  return html`<${Table} label=${label} head=${head} rows=${
    deliveries.map((one) => ({ key: one.DeliveryId, cells: [
      html`<${Time} at=${time.parse(one.EventTime)} />`,
      one.Kind === one.Event ? one.Kind : `${one.Kind}: ${visible(one.Event)}`,
      html`<${Name} text=${one.Target} />`,
      html`<${State} name=${one.State === "dead" ? "bad" : one.State}>${
        state(one.State)}<//>${one.State === "waiting" && one.NextTime && html`
        <span class="under">next <${Time} at=${time.parse(one.NextTime)} />
        </span>`}`,
      number(one.Attempts),
      one.Error ? visible(one.Error) : html`<span class="quiet">none</span>`,
      ...(more ? [more(one)] : []) ] }))} />`;
}

function Recording({ recording, file }) {
  const rows = [
    ["State", state(recording.State)],
    ["Since", html`<${Time} at=${time.ms(recording.StartTimeUs)} />`],
    ["Ended", recording.EndTimeUs === null ? "not yet"
      : html`<${Time} at=${time.ms(recording.EndTimeUs)} />`],
    ["Pushed to", html`<${Name} text=${recording.DomainName} />`],
    ["Query", recording.StreamParam && visible(recording.StreamParam)],
    ["Server", recording.Server],
    ["Recording", html`<code>${recording.RecordingId}</code>`],
    ["Files", html`<ul class="files">${recording.FileSet.map((one) => html`<li>
      ${one.FileId === file.FileId ? html`<strong>${one.Format} from
        ${" "}${time.clock(time.ms(one.StartTimeUs))}</strong> (this one)`
        : html`<a href=${fileHref(one)}>${one.Format} from
          ${" "}<${Time} at=${time.ms(one.StartTimeUs)} day=${false} /></a>${" "}
          <span class="quiet">${state(one.State)}</span>`}</li>`)}
      ${recording.FileCount > recording.FileSet.length && html`<li>and
        ${" "}${number(recording.FileCount - recording.FileSet.length)} before
      </li>`}</ul>`],
  ].filter(([, value]) => value);

  return html`<${Facts} title="Its recording" rows=${rows} />`;
}

export function File({ path }) {
  const [, recordingId, fileId] = path;
  const [grows, setGrows] = useState(true);
  const { data, error, again } = useAsked(
    (signal) => asked(recordingId, fileId, signal), grows ? EVERY_MS : 0,
    [recordingId, fileId, grows]);
  const [shown, show] = useState(null);
  const may = useMay();

  useEffect(() => {
    if (!data) return;
    show(data);
    setGrows(/recording|paused|finishing/.test(data.file.State));
  }, [data]);

  const same = shown && shown.file.FileId === fileId ? shown : null;

  if (!same) {
    return html`<${Failure} error=${error} again=${again} />
      ${!error && html`<${Loading} what="the file" />`}
      ${error && html`<p><a href=${href(["library"])} data-back>To the
        library</a></p>`}`;
  }

  const { file, recording, deliveries } = same;
  const where = playUrl(file);

  // no search finds it any more
  const gone = () => show({ ...same, file: { ...file, State: "deleted",
    Local: false, MediaUrl: "", Objects: [] } });

  return html`
    <div class="head"><h1><${Name} text=${recording.StreamName} />${" "}
      <small>${file.Format}</small></h1>
      <p><${State} name=${file.State}>${state(file.State)}<//> ${" "}
        <${Time} at=${time.ms(file.StartTimeUs)} />, ${duration(file.Duration)},
        ${" "}${bytes(file.Size)}${file.Gaps && file.Gaps.length > 0
          && html`, ${plural(file.Gaps.length, "gap")}`}</p></div>
    <${Near} ...${same} />
    <${Failure} error=${error} again=${again} />
    <${Screen} file=${{ ...file, StreamName: recording.StreamName,
                        AppName: recording.AppName }} where=${where} may=${may} />
    <${Chosen} />
    ${where && html`<${Actions} file=${file} where=${where} />`}
    <${Keep} key=${fileId} file=${file} may=${may} again=${again}
      gone=${gone} />
    <div class="columns"><${Facts} title="The file"
        rows=${facts(file, recording)} />
      <${Recording} recording=${recording} file=${file} /></div>
    <${Objects} file=${file} />
    <section><h2>Deliveries and events</h2>${deliveries.length
      ? html`<${Deliveries} deliveries=${deliveries}
          label="Deliveries and events of the file" />`
      : html`<p class="quiet">Nobody is told of this file, and it is delivered
          nowhere; or that was done more than 7 days ago.</p>`}</section>`;
}
