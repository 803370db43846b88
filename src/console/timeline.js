// One stream's files of a day as bars, a lane for each template and format.
// What is between the bars was not recorded; inside them gaps, where a file was
// gone on with, are hatched, and files with drops have another colour.

import { html, useMemo, useState } from "./html.js";
import { fileHref } from "./router.js";
import { bytes, drops, duration, made, plural, span, state } from "./format.js";
import { Name } from "./parts.js";
import * as time from "./time.js";

const NEAR_MS = 2000;         // a file that begins so soon was rotated

export const begin = (file) => time.ms(file.StartTimeUs);

// one that grows after it was resumed has the end that it had at its pause
export function end(file, now) {
  const grows = file.State === "recording";
  const at = grows ? time.ms(file.LastFrameTimeUs || null)
                   : time.ms(file.EndTimeUs);
  return at === null ? Math.max(now, begin(file)) : at;
}

// a file's gaps by the wall clock: [{ from, to }]
export function gaps(file) {
  let passed = 0;

  const all = (file.Gaps || []).filter((gap) => gap.at_ms !== undefined)
    .map((gap) => {
      const from = begin(file) + gap.at_ms + passed;
      passed += gap.gap_ms;
      return { from, to: from + gap.gap_ms };
    });

  // its row has the newest gap of one that grows only when it ends: it is what
  // has passed since its pause, and does not play
  const paused = time.ms(file.EndTimeUs);

  if (file.State === "recording" && file.Live && paused !== null) {
    const gap = end(file, 0) - begin(file) - passed - file.Duration * 1000;
    const known = all.some(({ to }) => to > paused);
    if (gap > NEAR_MS / 2 && !known) all.push({ from: paused, to: paused + gap });
  }

  return all;
}

function lanes(files) {
  const found = new Map();

  for (const file of files) {
    const name = `${file.TemplateName}\n${file.Format}\n${made(file)}`;
    if (!found.has(name)) found.set(name, []);
    found.get(name).push(file);
  }

  return [...found.values()].map((lane) =>
    lane.sort((a, b) => a.StartTimeUs - b.StartTimeUs));
}

// what there is between files of a lane, and inside them
export function facts(files, now) {
  let holes = 0;
  let rotations = 0;
  let resumed = 0;
  let lossy = 0;

  for (const lane of lanes(files.filter((file) => !made(file)))) {
    lane.forEach((file, n) => {
      const before = lane[n - 1];

      if (before) {
        if (begin(file) - end(before, now) <= NEAR_MS) rotations++;
        else holes++;
      }

      resumed += gaps(file).length;
      lossy += file.FramesDropped > 0;
    });
  }

  return { holes, rotations, resumed, lossy };
}

function title(file, now) {
  const inside = gaps(file);
  const from = begin(file);
  const to = end(file, now);

  return [
    `${file.Format}, ${state(file.State)}`,
    `${time.clock(from)} – ${file.EndTimeUs === null ? "now" : time.clock(to)}`,
    `${time.utc(from)}`,
    `${duration(file.Duration)}, ${bytes(file.Size)}`,
    ...inside.map((gap) => `gap of ${span((gap.to - gap.from) / 1000)} at ${
      time.clock(gap.from)}, resumed`),
    ...(file.FramesDropped ? [`frames lost: ${drops(file.Drops)}`] : []),
    ...(file.Recovered ? ["recovered, its end may be missing"] : []),
  ].join("\n");
}

function Bar({ file, place, now }) {
  const kind = file.FramesDropped ? "lossy"
    : /evicted|expired|deleted|lost/.test(file.State) ? "gone"
    : /recording|paused|finishing/.test(file.State) ? "growing" : "whole";
  const from = begin(file);
  const to = end(file, now);
  const length = Math.max(1, to - from);

  return html`<a class=${`bar bar-${kind}`} href=${fileHref(file)}
      style=${place(from, to)} title=${title(file, now)}
      aria-label=${title(file, now).replace(/\n/g, ", ")}>
    ${gaps(file).map((gap) => html`<span class="bar-gap" style=${{
      left: `${100 * (gap.from - from) / length}%`,
      width: `${100 * (gap.to - gap.from) / length}%` }}></span>`)}
  </a>`;
}

export function Timeline({ files, from, to, now }) {
  const [fit, setFit] = useState(false);
  const all = useMemo(() => lanes(files), [files]);

  let [left, right] = [from, to];

  if (fit && files.length) {
    left = Math.max(from, Math.min(...files.map(begin)));
    right = Math.min(to, Math.max(...files.map((file) => end(file, now))));
    const margin = Math.max(500, (right - left) / 50);
    [left, right] = [left - margin, right + margin];
  }

  const percent = (at) => 100 * (at - left) / (right - left);

  function place(a, b) {
    const x = Math.max(0, Math.min(100, percent(a)));
    return { left: `${x}%`, width: `${Math.max(0, Math.min(100, percent(b))
      - x)}%` };
  }

  const { at, seconds } = time.ticks(left, right, 12);
  const told = facts(files, now);

  return html`<section class="timeline" aria-label="The day as a timeline">
    <div class="timeline-head">
      <p>${[plural(told.holes, "hole") + " between files",
            plural(told.rotations, "rotation"),
            plural(told.resumed, "gap") + " inside files, resumed",
            plural(told.lossy, "file") + " with lost frames"].join(" · ")}</p>
      <button class="small secondary" aria-pressed=${fit ? "true" : "false"}
        onClick=${() => setFit(!fit)}>${fit ? "Whole day" : "Fit to files"}
      </button></div>
    <div class="timeline-box">
      ${all.map((lane) => html`<div class="lane">
        <span class="lane-name"><${Name} text=${lane[0].TemplateName} />
          ${" "}${lane[0].Format}${made(lane[0]) && ", made"}</span>
        <div class="lane-bars">${lane.map((file) => html`
          <${Bar} key=${file.FileId} file=${file} place=${place} now=${now}
          />`)}</div></div>`)}
      <div class="lane lane-ticks" aria-hidden="true"><span class="lane-name">
        </span><div class="lane-bars">${at.map((tick, n) => html`
          <span class=${`tick${n % 3 ? " tick-minor" : ""}`}
            style=${{ left: `${percent(tick)}%` }}>${
            time.clock(tick, seconds)}</span>`)}</div></div>
    </div>
    <p class="legend" aria-hidden="true">
      <span><i class="bar-whole"></i> whole</span>
      <span><i class="bar-growing"></i> growing</span>
      <span><i class="bar-lossy"></i> frames lost</span>
      <span><i class="bar-gap"></i> gap, resumed</span>
      <span><i class="bar-gone"></i> gone or lost</span></p>
  </section>`;
}
