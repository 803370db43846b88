// Plays one file, with a bar that is the wall clock: what is missing has its
// place on it, and cannot be sought to.

import { html, useEffect, useRef, useState } from "./html.js";
import { gaps, begin, end } from "./timeline.js";
import { duration, span } from "./format.js";
import { Trim, canEdit } from "./edit.js";
import * as time from "./time.js";

const STEP_S = 5;
const LEAP_S = 10;
const JOIN_S = 0.3;
const FINE_S = 0.04;          // a picture, if there are 25 a second

// --- wall clock and media: gaps are in the one, not in the other

// the second of the file that is shown at a moment, and the gap that it falls
// into, if it does: then it is what comes after it
export function mediaAt(file, at) {
  let passed = 0;

  for (const gap of gaps(file)) {
    if (at < gap.from) break;
    if (at < gap.to) {
      return { s: (gap.from - begin(file) - passed) / 1000, gap };
    }
    passed += gap.to - gap.from;
  }

  return { s: Math.max(0, (at - begin(file) - passed) / 1000), gap: null };
}

export function wallAt(file, s) {
  let at = begin(file) + s * 1000;

  for (const gap of gaps(file)) {
    if (at >= gap.from) at += gap.to - gap.from;
  }

  return at;
}

// --- players; each gives a function that ends it, and calls failed(why)

function script(path) {
  return new Promise((done, failed) => {
    const element = document.createElement("script");
    element.src = new URL(path, import.meta.url).href;
    element.onload = done;
    element.onerror = () => failed(new Error("missing"));
    document.head.append(element);
  });
}

// Where a track begins or ends hls.js cannot append what follows to what it has:
// another one plays it, from there, when that is reached.  What the first segment
// of one has is what has no decoder.
function playParts(Hls, media, url, failed) {
  const joins = [0];
  let hls = null;
  let begun = 0;
  let there = false;

  const part = (at) => Math.max(...joins.filter((s) => s <= at + JOIN_S));

  function begin(at) {
    const { paused } = media;

    if (hls) hls.destroy();
    [begun, there] = [at, false];
    const player = new Hls({
      startPosition: at, enableWorker: true,
      workerPath: new URL("vendor/hls.worker.js", import.meta.url).href });

    // it is not done with its segment when it tells of an error: to be ended in
    // between breaks it
    player.on(Hls.Events.ERROR, (_, error) => {
      queueMicrotask(() => player === hls && error.fatal && broke(at, error));
    });
    player.loadSource(url);
    player.attachMedia(media);
    hls = player;
    if (!paused) media.play().catch(() => {});
  }

  function broke(at, { type, frag }) {
    if (type === Hls.ErrorTypes.NETWORK_ERROR) failed("network");
    else if (!frag || (frag.start <= at + JOIN_S && frag.end > at)) {
      failed("decoder");
    } else {
      joins.push(frag.start);
      moved();
    }
  }

  function moved() {
    const at = media.currentTime;

    // it begins at 0, and goes to its place then
    there = there || (media.readyState > 1 && at > begun - JOIN_S);
    if (there && part(at) !== part(begun)) begin(Math.max(at, part(at)));
  }

  media.addEventListener("timeupdate", moved);
  media.addEventListener("seeking", moved);
  media.addEventListener("waiting", moved);
  begin(0);
  return () => {
    media.removeEventListener("timeupdate", moved);
    media.removeEventListener("seeking", moved);
    media.removeEventListener("waiting", moved);
    hls.destroy();
    hls = null;
  };
}

async function playHls(media, url, failed) {
  const Hls = await import("./vendor/hls.js").then((all) => all.default,
                                                   () => null);

  if (Hls && Hls.isSupported()) return playParts(Hls, media, url, failed);

  if (media.canPlayType("application/vnd.apple.mpegurl")) {
    media.src = url;
    return () => {};
  }

  failed(Hls ? "decoder" : "library");
  return () => {};
}

async function playFlv(media, url, file, failed) {
  if (!window.mpegts) await script("vendor/mpegts.js").catch(() => {});

  const { mpegts } = window;

  if (!mpegts || !mpegts.isSupported()) {
    failed(mpegts ? "decoder" : "library");
    return () => {};
  }

  mpegts.LoggingControl.enableAll = false;
  const player = mpegts.createPlayer(
    { type: "flv", url, isLive: false, duration: file.Duration * 1000,
      hasVideo: file.VideoCodec !== "", hasAudio: file.AudioCodec !== "" },
    { enableWorker: false, lazyLoad: true, accurateSeek: true });

  player.on(mpegts.Events.ERROR, (type) => {
    failed(type === mpegts.ErrorTypes.NETWORK_ERROR ? "network" : "decoder");
  });
  player.attachMediaElement(media);
  player.load();

  // before both tracks have begun there is nothing to wait for
  const first = new Promise((done) => media.addEventListener("loadeddata",
    () => done(media.buffered.length ? media.buffered.start(0) : 0),
    { once: true }));
  const sought = () => first.then((s) => {
    if (media.currentTime < s) media.currentTime = s;
  });

  media.addEventListener("seeking", sought);
  return () => {
    media.removeEventListener("seeking", sought);
    player.destroy();
  };
}

async function play(media, url, file, failed) {
  if (file.Format === "hls") return playHls(media, url, failed);
  if (file.Format === "flv") return playFlv(media, url, file, failed);
  media.src = url;
  return () => {};
}

const WHY = {
  network: "The file cannot be fetched: it is not at its address, or the server "
    + "does not answer.",
  decoder: "This browser has no decoder for what is in this file.",
  library: "The player for this format is not installed: run \"make console\" "
    + "where npm is installed.",
};

// --- the bar

// marks: by the wall clock, what is not chosen is dimmed
function Bar({ file, now, from, to, seek, marks }) {
  const percent = (at) => `${100 * (at - from) / (to - from)}%`;
  const { at: ticks, seconds } = time.ticks(from, to, 6);

  function point(event) {
    const box = event.currentTarget.getBoundingClientRect();
    seek(from + (to - from) * (event.clientX - box.left) / box.width);
  }

  function key(event) {
    const by = { ArrowLeft: -STEP_S, ArrowRight: STEP_S, ArrowDown: -STEP_S,
                 ArrowUp: STEP_S, PageDown: -60, PageUp: 60 }[event.key];

    if (by) seek(now + by * 1000, by);
    else if (event.key === "Home") seek(from);
    else if (event.key === "End") seek(to - 1000);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return html`<div class="seek" role="slider" tabindex="0"
      aria-label="Time of the recording" aria-valuemin="0"
      aria-valuemax=${Math.round((to - from) / 1000)}
      aria-valuenow=${Math.round((now - from) / 1000)}
      aria-valuetext=${time.clock(now)} onPointerDown=${point} onKeyDown=${key}>
    <div class="seek-bar">
      <span class="seek-past" style=${{ width: percent(now) }}></span>
      ${gaps(file).map((gap) => html`<span class="bar-gap" data-gap
        title=${`nothing was recorded for ${span((gap.to - gap.from) / 1000)}`}
        style=${{ left: percent(gap.from),
                  width: `calc(max(3px, ${percent(from + gap.to - gap.from)}))`
        }}></span>`)}
      ${marks && html`<span class="seek-out" style=${{ left: 0,
          width: percent(marks[0]) }}></span>
        <span class="seek-out" style=${{ left: percent(marks[1]),
          right: 0 }}></span>`}
      <span class="seek-now" style=${{ left: percent(now) }}></span>
    </div>
    <div class="seek-ticks" aria-hidden="true">${ticks.map((at) => html`
      <span style=${{ left: percent(at) }}>${time.clock(at, seconds)}</span>`)}
    </div></div>`;
}

function Jump({ from, to, seek }) {
  const [said, say] = useState("");

  function submit(event) {
    event.preventDefault();
    const at = time.moment(new FormData(event.target).get("at"), from, to);

    if (at === null) say("That is no time of day.");
    else if (at < from - 1000 || at > to) {
      say(`This file has ${time.clock(from)} to ${time.clock(to)}.`);
    } else {
      const gap = seek(at);
      say(gap ? `Nothing was recorded at ${time.clock(at)}; it goes on at ${
        time.clock(gap.to)}.` : "");
    }
  }

  return html`<form class="jump" onSubmit=${submit}>
    <label>Jump to <input name="at" type="time" step="1" required
      defaultValue=${time.clock(from)} aria-label="Time of day to jump to" /></label>
    <button class="small secondary">Go</button>
    <span role="status" class="jump-said">${said}</span></form>`;
}

// may: whether a file may be made of a part of it
export function Player({ file, url, may }) {
  const media = useRef(null);
  const [at, setAt] = useState(0);
  const [length, setLength] = useState(0);
  const [why, fail] = useState("");
  const [marks, setMarks] = useState([null, null]);
  const edits = may && canEdit(file);
  const sound = file.Format === "aac" || (!file.VideoCodec && file.AudioCodec);

  useEffect(() => {
    let gone = false;
    let over = () => {};
    const element = media.current;

    fail("");
    play(element, url, file, (what) => gone || fail(what)).then((end0) => {
      if (gone) end0();
      else over = end0;
    });

    return () => {
      gone = true;
      over();
      element.removeAttribute("src");
      element.load();
    };
  }, [url]);

  const from = begin(file);
  const told = end(file, 0);
  const to = Math.max(file.EndTimeUs === null || /recording|paused/
    .test(file.State) ? wallAt(file, Math.max(length, file.Duration)) : told,
                      from + 1000);

  // by: it came from before, and passes gaps to there
  function seek(moment, by = 0) {
    const { s, gap } = mediaAt(file, Math.max(from, Math.min(to, moment)));
    const before = by < 0 && gap ? Math.max(0, s + by) : s;

    media.current.currentTime = before + (gap && by >= 0 ? 0.001 : 0);
    setAt(media.current.currentTime);
    return gap;
  }

  const skip = (s) => {
    media.current.currentTime = Math.max(0, media.current.currentTime + s);
  };

  // the begin (0) or the end (1) is where the picture is; one that is not
  // beyond the other one takes its place
  function mark(side) {
    const s = Math.round(media.current.currentTime * 1000) / 1000;

    setMarks(([a, b]) => (side ? [a !== null && a < s ? a : null, s]
                               : [s, b !== null && b > s ? b : null]));
  }

  useEffect(() => {
    const keys = {
      ...(edits && { i: () => mark(0), o: () => mark(1) }),
      ",": () => skip(-FINE_S), ".": () => skip(FINE_S),
      j: () => skip(-LEAP_S), l: () => skip(LEAP_S),
      ArrowLeft: () => skip(-STEP_S), ArrowRight: () => skip(STEP_S),
      // a pause that comes before it plays ends that, which is no error
      k: () => (media.current.paused ? media.current.play().catch(() => {})
                                     : media.current.pause()),
    };

    function onKey(event) {
      if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]
          || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)
          || event.target === media.current) return;
      keys[event.key]();
      event.preventDefault();
    }

    // before those of all views
    document.addEventListener("keydown", onKey, true);
    return () => document.removeEventListener("keydown", onKey, true);
  }, [edits]);

  // a player's place may be a microsecond before the second that was asked for
  const now = Math.round(Math.min(to, wallAt(file, at)));
  const Tag = sound ? "audio" : "video";

  return html`<section class="player" aria-label="Player">
    <${Tag} ref=${media} controls playsinline preload="metadata"
      class=${why ? "unseen" : ""}
      onTimeUpdate=${(event) => setAt(event.target.currentTime)}
      onSeeked=${(event) => setAt(event.target.currentTime)}
      onDurationChange=${(event) => setLength(
        Number.isFinite(event.target.duration) ? event.target.duration : 0)}
      onError=${(event) => event.target.error && event.target.getAttribute("src")
        && fail(event.target.error.code === 2 ? "network" : "decoder")} />
    ${why && html`<div class="failure" role="alert"><p>${WHY[why]}
      ${file.Format !== "hls" ? html` <a href=${url} download>Download it</a> to
        play it elsewhere.` : html` <a href=${url}>Its playlist</a> plays in
        other programs.`}</p></div>`}
    ${!why && html`
      <p class="now"><time class="now-clock" datetime=${time.iso(now)}
          title=${time.utc(now)}>${time.date(now)} ${time.clock(now)}</time>
        <span class="quiet">${duration(at)} of ${duration(Math.max(length,
          file.Duration))}</span></p>
      <${Bar} file=${file} now=${now} from=${from} to=${to} seek=${seek}
        marks=${marks.some((s) => s !== null) && [wallAt(file, marks[0] ?? 0),
          marks[1] === null ? to : wallAt(file, marks[1])]} />
      <${Jump} from=${from} to=${to} seek=${seek} />
      ${edits && html`<${Trim} file=${file} marks=${marks} mark=${mark}
        unmark=${() => setMarks([null, null])} />`}`}
  </section>`;
}
