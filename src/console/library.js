// What was recorded: a search, and of one stream a day as a timeline.

import { html, useCallback, useEffect, useMemo, useRef, useState }
  from "./html.js";
import { call, pages, serverNow } from "./api.js";
import { fileHref, go, href } from "./router.js";
import { bytes, duration, made, number, plural, span, visible }
  from "./format.js";
import { Empty, Failure, Loading, Name, Time, useAsked } from "./parts.js";
import { Rows } from "./rows.js";
import { Timeline } from "./timeline.js";
import { Chosen, canEdit } from "./edit.js";
import { MOST, addPart, dropFile, useParts } from "./splice.js";
import { useMay } from "./hands.js";
import * as time from "./time.js";

const FORMATS = ["mp4", "flv", "hls", "aac"];
const PAGE = 100;
const DAY_PAGES = 20;         // of 100 files
const COUNTED = 5000;         // more the API does not count
const DAY_EVERY_MS = 10000;

// of what SearchMedia tells, the names of the stream beside all else
function flat(media) {
  const live = media.BasicInfo.SourceInfo.LiveRecordInfo;

  return { ...media.RecordInfo, StreamName: live.StreamId, AppName: live.Path };
}

const iso = (at) => time.iso(at);

// the range of a query: [from, to], each may be null
function range(query) {
  const whole = time.day(query.day || "");
  if (whole) return [whole[0], whole[1] - 1];

  const from = query.from ? new Date(query.from).getTime() : null;
  const to = query.to ? new Date(query.to).getTime() : null;

  return [Number.isNaN(from) ? null : from, Number.isNaN(to) ? null : to];
}

function filter(query) {
  const [from, to] = range(query);

  return {
    Limit: PAGE,
    ...(query.stream && { StreamIds: [query.stream] }),
    ...(query.app && { StreamPaths: [query.app] }),
    ...(query.format && { Formats: [query.format] }),
    ...((from !== null || to !== null) && { RecordTime: {
      ...(from !== null && { After: iso(from) }),
      ...(to !== null && { Before: iso(to) }) } }),
  };
}

// files that are finished, page after page as they are wanted
function useFiles(query) {
  const key = JSON.stringify(filter(query));
  const [state, set] = useState({ files: [] });
  const run = useRef(null);

  const ask = useCallback(async () => {
    const now = run.current;
    if (!now || now.busy || now.end) return;

    now.busy = true;

    try {
      let page;

      // a page may end early, even empty: it took too long
      do {
        page = await call("SearchMedia", { ...JSON.parse(key),
          ...(now.token && { ScrollToken: now.token }) }, now.stop.signal);
        now.token = page.ScrollToken;
        now.total ??= page.TotalCount;
        now.files = now.files.concat(page.MediaInfoSet.map(flat));
        now.end = !now.token;
      } while (!page.MediaInfoSet.length && !now.end);

      set({ files: now.files, total: now.total, end: now.end, error: null });
    } catch (error) {
      if (!now.stop.signal.aborted) {
        set({ files: now.files, total: now.total, end: false, error });
      }
    } finally {
      now.busy = false;
    }
  }, [key]);

  const begin = useCallback(() => {
    run.current?.stop.abort();
    run.current = { files: [], token: "", stop: new AbortController() };
    set({ files: [] });
    ask();
  }, [ask]);

  useEffect(() => {
    begin();
    return () => run.current.stop.abort();
  }, [begin]);

  return { ...state, more: state.error ? null : ask,
           again: state.files.length ? ask : begin };
}

// all files of a stream that have something of a day: those that are finished,
// and those that grow, are evicted or lost, which only recordings tell of
async function ofDay(query, signal) {
  const [from, to] = range(query);
  const when = { RecordTime: { After: iso(from), Before: iso(to) } };
  const [recordings, media] = await Promise.all([
    pages("DescribeRecordings", { StreamName: query.stream, Limit: 20, ...when,
      ...(query.app && { AppName: query.app }) }, "RecordingSet", DAY_PAGES,
          signal),
    pages("SearchMedia", filter({ ...query, format: "" }), "MediaInfoSet",
          DAY_PAGES, signal),
  ]);
  const files = new Map();

  for (const file of media.set.map(flat)) files.set(file.FileId, file);

  for (const recording of recordings.set) {
    for (const file of recording.FileSet) {
      files.set(file.FileId, { ...file, StreamName: recording.StreamName,
                               AppName: recording.AppName });
    }
  }

  return { files: [...files.values()].filter((file) => !query.format
                                             || file.Format === query.format),
           more: recordings.more || media.more };
}

function Search({ query }) {
  const form = useRef(null);

  useEffect(() => {
    if (query.focus) form.current.querySelector("[data-search]").focus();
  }, [query.focus]);

  function submit(event) {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(form.current));
    go(["library"], given);
  }

  const field = (name, label, more) => html`<label>${label}
    <input name=${name} defaultValue=${query[name] || ""} autocomplete="off"
      spellcheck="false" ...${more} /></label>`;

  return html`<form class="search" role="search" ref=${form} onSubmit=${submit}
      key=${JSON.stringify(query)}>
    ${field("stream", "Stream", { type: "search", placeholder: "its whole name",
                                  "data-search": true })}
    ${field("app", "Application", { placeholder: "any" })}
    ${query.day ? field("day", "Day", { type: "date" }) : html`
      ${field("from", "From", { type: "datetime-local" })}
      ${field("to", "To", { type: "datetime-local" })}`}
    <label>Format <select name="format">
      <option value="">any</option>
      ${FORMATS.map((name) => html`<option value=${name}
        selected=${query.format === name}>${name}</option>`)}</select></label>
    <div class="search-do"><button type="submit">Search</button>
      <a role="button" class="secondary" data-back href=${href(["library"])}>
        Clear</a></div>
  </form>`;
}

function Choose({ file }) {
  const parts = useParts();
  const chosen = parts.some((part) => part.FileId === file.FileId);

  return html`<button class="small secondary choose" data-choose
    aria-pressed=${chosen ? "true" : "false"}
    disabled=${!chosen && parts.length >= MOST}
    aria-label=${`Choose ${visible(file.StreamName)} from ${
      time.clock(time.ms(file.StartTimeUs))}`}
    onClick=${() => (chosen ? dropFile(file.FileId) : addPart(file))}>${
    chosen ? "✓" : "+"}</button>`;
}

function Row({ file, stream, may }) {
  const lost = file.FramesDropped > 0;
  const gap = (file.Gaps || []).length;

  return html`<div class="file-line"><a class="file-row" data-row
      href=${fileHref(file)}>
    <span class="file-name"><${Name} text=${file.StreamName} />
      ${!stream && html`<span class="quiet"> <${Name} text=${file.AppName} />
      </span>`}</span>
    <span class="file-format">${file.Format}</span>
    <span class="file-time"><${Time} at=${time.ms(file.StartTimeUs)} /></span>
    <span class="file-length">${duration(file.Duration)}</span>
    <span class="file-size">${bytes(file.Size)}</span>
    <span class="file-marks">${gap > 0 && html`<span class="mark">${
      plural(gap, "gap")}</span>`}${lost && html`<span class="mark mark-bad">${
      number(file.FramesDropped)} lost</span>`}${file.Recovered && html`
      <span class="mark">recovered</span>`}${!file.Local && html`
      <span class="mark">in a bucket</span>`}${made(file) && html`
      <span class="mark">made</span>`}</span></a>${may && canEdit(file)
      && html`<${Choose} file=${file} />`}</div>`;
}

// hours and bytes; of what is not all here, that is said
function Sums({ files, total, end, counted }) {
  const seconds = files.reduce((n, file) => n + file.Duration, 0);
  const size = files.reduce((n, file) => n + file.Size, 0);
  const of = end || counted ? ""
    : ` – summed over the first ${number(files.length)} of ${
      total >= COUNTED ? "more than " : ""}${number(total || 0)}; scroll for more`;

  return html`<p class="sums" role="status">
    <strong>${plural(files.length, "file")}</strong>, ${span(seconds)},
    ${" "}${bytes(size)}${of}</p>`;
}

function DayNav({ query, may }) {
  const other = (n) => href(["library"], { ...query, focus: "",
                                           day: time.dayAfter(query.day, n) });
  const [from, to] = time.day(query.day);
  const hours = (to - from) / 3600000;

  return html`<nav class="day" aria-label="Days">
    <a role="button" class="small secondary" href=${other(-1)}
      aria-label="The day before">←</a>
    <strong>${new Date(from).toLocaleDateString("en", { weekday: "short",
      year: "numeric", month: "short", day: "numeric" })}</strong>
    ${hours !== 24 && html`<span class="quiet">${hours} hours: the clock
      changes</span>`}
    <a role="button" class="small secondary" href=${other(1)}
      aria-label="The day after">→</a>
    ${may && html`<a href=${href(["edit"], { stream: query.stream,
      app: query.app, from: `${query.day}T00:00:00`,
      to: `${time.dayAfter(query.day, 1)}T00:00:00` })}>A file of a time</a>`}
  </nav>`;
}

function Day({ query, may }) {
  const { data, error, again } = useAsked((signal) => ofDay(query, signal),
                                          DAY_EVERY_MS, query);
  const [from, to] = time.day(query.day);
  const files = useMemo(() => (data ? [...data.files].sort(
    (a, b) => b.StartTimeUs - a.StartTimeUs) : []), [data]);

  return html`
    <${DayNav} query=${query} may=${may} />
    <${Failure} error=${error} again=${again} />
    ${!data && !error && html`<${Loading} what="the day" />`}
    ${data && !files.length && html`<${Empty}><p><strong>Nothing of
      ${" "}<${Name} text=${query.stream} /> was recorded on this day.</strong></p>
      <p><a href=${href(["library"], { stream: query.stream, app: query.app })}>
        All files of the stream</a></p><//>`}
    ${files.length > 0 && html`
      <${Timeline} files=${files} from=${from} to=${to} now=${serverNow()} />
      <${Sums} files=${files} counted=${!data.more} total=${COUNTED} />
      <${Rows} label="Files of the day" items=${files}
        itemKey=${(file) => file.FileId}
        row=${(file) => html`<${Row} file=${file} stream=${query.app}
          may=${may} />`} />`}`;
}

function Found({ query, may }) {
  const { files, total, end, error, more, again } = useFiles(query);
  const filtered = Object.values(query).some((value) => value);

  return html`
    <${Failure} error=${error} again=${again} />
    ${!files.length && !error && !end && html`<${Loading} what="files" />`}
    ${!files.length && end && html`<${Empty}>${filtered
      ? html`<p><strong>No finished file fits.</strong></p>
        <p>Names have to be whole, with small and capital letters as they
          are. What still grows is under <a href=${href(["live"])}>Live</a>.</p>`
      : html`<p><strong>Nothing is finished yet.</strong></p>
        <p>Files come here when they end: with their stream, or at their
          interval. See what is <a href=${href(["live"])}>live</a>.</p>`}<//>`}
    ${files.length > 0 && html`
      <div class="found"><${Sums} files=${files} total=${total} end=${end} />
      ${query.stream && html`<a href=${href(["library"], { ...query, from: "",
        to: "", focus: "", day: time.date(time.ms(files[0].StartTimeUs)) })}>
        The newest day as a timeline</a>`}</div>
      <${Rows} label="Files" items=${files} more=${end ? null : more}
        itemKey=${(file) => file.FileId}
        row=${(file) => html`<${Row} file=${file} may=${may} />`} />`}`;
}

export function Library({ query }) {
  const whole = query.stream && time.day(query.day || "");
  const may = useMay();

  return html`
    <div class="head"><h1>Library</h1></div>
    <${Search} query=${query} />
    <${Chosen} />
    ${whole ? html`<${Day} query=${query} may=${may}
                key=${JSON.stringify(query)} />`
            : html`<${Found} query=${query} may=${may} />`}`;
}
