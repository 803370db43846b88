// Files are made of others: of a part of one, of several, or of what a stream
// was at a time.  Frames are copied; how far that is the API tells.

import { html, useState } from "./html.js";
import { call } from "./api.js";
import { ANY, fileHref, href } from "./router.js";
import { duration, exact, number, plural, span, visible } from "./format.js";
import { Empty, Failure, Loading, Name, State, Table, Time, useAsked }
  from "./parts.js";
import { Act, ReadsOnly, useMay } from "./hands.js";
import { MOST, addPart, changePart, dropPart, dropParts, lengthOf, movePart,
         useParts } from "./splice.js";
import * as time from "./time.js";

const EVERY_MS = 2000;
const TOLD = 50;              // tasks, the newest ones

const BAD_TIME = "The end is not after the begin.";

// what EditMedia takes of the form below
const output = ({ type, name }) => ({ OutputConfig: {
  Type: type, ...(name && { MediaName: name }) } });

async function order(params) {
  const { TaskId: id } = await call("EditMedia", params);
  return id;
}

const info = (part) => ({ FileId: part.FileId,
  ...(part.from && { StartTimeOffset: part.from }),
  ...(part.to !== null && { EndTimeOffset: part.to }) });

export const canEdit = (file) => file.State === "finished" && file.Local;

// MP4 or HLS, and a name
const Output = () => html`<label>As <select name="type">
    <option value="mp4">MP4</option><option value="hls">HLS</option></select>
  </label><label>Name <input name="name" maxlength="64" autocomplete="off"
    placeholder="edit- and a time" /></label>`;

// a form that orders a task: ask(fields) gives its id
function Order({ label, kind, children, ask, done }) {
  const [failed, fail] = useState(null);

  async function submit(event) {
    event.preventDefault();
    fail(null);

    try {
      done(await ask(Object.fromEntries(new FormData(event.target))));
    } catch (error) {
      fail(error);
    }
  }

  return html`<form class=${`ask-form ${kind || ""}`} onSubmit=${submit}>${
      children}
      <${Output} /><button class="small">${label}</button>
    </form><${Failure} error=${failed} />`;
}

// --- a task

const STATUS = { WAITING: "waits", PROCESSING: "is being made",
                 FINISH: "is done" };

function Made({ task }) {
  const { Status: status, EditMediaTask: edit } = task;

  if (status !== "FINISH") {
    return html`<progress max="100" value=${edit.Progress}
      aria-label="How far it is">${edit.Progress} %</progress>`;
  }

  return edit.ErrCode
    ? html`<span class="bad">${visible(edit.Message)}</span>`
    : html`<a href=${href(["file", ANY, edit.Output.FileId])}>Open the file</a>${
      edit.Message && html`<span class="under">${visible(edit.Message)}</span>`}`;
}

// as it goes on
export function Task({ id }) {
  const [over, end] = useState(false);
  const { data, error } = useAsked(async (signal) => {
    const task = await call("DescribeTaskDetail", { TaskId: id }, signal);
    end(task.Status === "FINISH");
    return task;
  }, over ? 0 : EVERY_MS / 2, [id]);

  return html`<p class="task" role="status">Task <code>${id}</code>${" "}
    ${data && html`${data.EditMediaTask.ErrCode ? "has failed:"
      : STATUS[data.Status]} <${Made} task=${data} />`}</p>
    <${Failure} error=${error} />`;
}

// --- while a file plays: its begin and its end

// marks: [from, to], seconds or null; both are where the picture is when the
// buttons are pressed
export function Trim({ file, marks, mark, unmark }) {
  const [task, ordered] = useState("");
  const [said, say] = useState("");
  const [from, to] = marks;
  const some = from !== null || to !== null;
  const length = lengthOf({ ...file, from, to });

  return html`<section class="trim" aria-label="Make a file of a part">
    <div class="hands">
      <button class="small secondary" aria-keyshortcuts="i" title="i"
        onClick=${() => mark(0)}>Begin here</button>
      <span class="mark-at">${from === null ? "its begin" : exact(from)}</span>
      <button class="small secondary" aria-keyshortcuts="o" title="o"
        onClick=${() => mark(1)}>End here</button>
      <span class="mark-at">${to === null ? "its end" : exact(to)}</span>
      <span class="quiet" role="status">${some ? `${span(length)} of it`
        : "all of it"}</span>
      ${some && html`<button class="small secondary" onClick=${unmark}>All of it
        </button>`}
      <button class="small secondary" onClick=${() => say(addPart(file, from, to)
        ? "It is a part now." : `There are ${MOST}, the most that a task takes.`)}>Add to the parts</button>
      <span class="said" role="status">${said}</span>
    </div>
    ${some && html`<${Order} label="Trim" done=${ordered} ask=${(given) => order({
      InputType: "File", FileInfos: [info({ ...file, from, to })],
      ...output(given) })} />`}
    ${task && html`<${Task} key=${task} id=${task} />`}</section>`;
}

// --- what is chosen

export function Chosen() {
  const parts = useParts();
  if (!parts.length) return null;

  return html`<p class="chosen" role="status"><strong>${
      plural(parts.length, "part")}</strong> chosen, ${
      span(parts.reduce((sum, part) => sum + lengthOf(part), 0))}
    ${" "}<a role="button" class="small" href=${href(["edit"])}>Splice…</a>
    ${" "}<button class="small secondary" onClick=${dropParts}>None</button></p>`;
}

function Part({ part, n, last }) {
  const name = `part ${n + 1}`;

  const at = (field, value, label) => html`<input type="number" class="offset"
    min="0" max=${part.Duration} step="0.001" value=${value}
    placeholder=${field === "from" ? "0" : String(part.Duration)}
    aria-label=${`${label} of ${name}, seconds`} onChange=${(event) => changePart(
      part.id, { [field]: event.target.value === "" ? null
                                                    : +event.target.value })} />`;

  const hand = (label, sign, off, act) => html`<button class="small secondary"
    aria-label=${`${label} ${name}`} title=${label} disabled=${off}
    onClick=${act}>${sign}</button>`;

  return { key: part.id, cells: [n + 1,
    html`<a data-row href=${fileHref(part)}><${Name} text=${part.StreamName} />
      </a> <span class="under">${part.Format} of <${Time}
        at=${time.ms(part.StartTimeUs)} /></span>`,
    at("from", part.from, "Begin"), at("to", part.to, "End"),
    duration(lengthOf(part)),
    html`<span class="hands">${hand("Move up", "↑", n === 0,
        () => movePart(part.id, -1))}${hand("Move down", "↓", n === last,
        () => movePart(part.id, 1))}${hand("Leave out", "×", false,
        () => dropPart(part.id))}</span>`] };
}

function Splice({ parts, done }) {
  const head = [{ label: "No.", number: true }, { label: "File" },
                { label: "Begin, s" }, { label: "End, s" },
                { label: "Length", number: true }, { label: "Order" }];

  if (!parts.length) {
    return html`<${Empty}><p><strong>No part is chosen.</strong></p>
      <p>Press + beside a file in the <a href=${href(["library"])}>Library</a>, or
        “Add to the parts” where it plays.</p><//>`;
  }

  return html`<${Table} label="Parts" head=${head} rows=${
      parts.map((part, n) => Part({ part, n, last: parts.length - 1 }))} />
    <p class="sums">${plural(parts.length, "part")}, ${duration(parts.reduce(
      (sum, part) => sum + lengthOf(part), 0))} <button class="small secondary"
      onClick=${dropParts}>None</button></p>
    <${Order} label="Make one file" done=${done} ask=${(given) => {
      if (parts.some((part) => lengthOf(part) === 0)) throw new Error(BAD_TIME);
      return order({ InputType: "File", FileInfos: parts.map(info),
                     ...output(given) });
    }} />`;
}

// whatever files hold it
function OfTime({ query, done }) {
  const { data } = useAsked((signal) =>
    call("DescribeLiveRecordTemplates", {}, signal), 0, []);
  const field = (name, label, more) => html`<label>${label} <input name=${name}
    autocomplete="off" defaultValue=${query[name] || ""} ...${more} /></label>`;

  function ask(given) {
    const [start, end] = [Date.parse(given.from), Date.parse(given.to)];
    if (!(end > start)) throw new Error(BAD_TIME);

    return order({ InputType: "Stream", StreamInfos: [{ StreamId: given.stream,
      ...(given.app && { AppName: given.app }),
      ...(given.domain && { DomainName: given.domain }),
      ...(given.template && { TemplateId: +given.template }),
      StartTime: time.iso(start), EndTime: time.iso(end) }], ...output(given) });
  }

  return html`<${Order} label="Make a file" kind="of-time" done=${done}
    ask=${ask}>${field("stream", "Stream", { required: true, "data-search": true })}
    ${field("app", "Application", { placeholder: "any" })}
    ${field("domain", "Domain", { placeholder: "any" })}
    <label>Template <select name="template"><option value="">any</option>${
      data?.Templates.map((one) => html`<option value=${one.TemplateId}>${
        visible(one.TemplateName)}</option>`)}</select></label>
    ${field("from", "From", { required: true, type: "datetime-local", step: 1 })}
    ${field("to", "To", { required: true, type: "datetime-local", step: 1 })}
    <//>`;
}

// --- all tasks

const of = ({ InputType: type, FileInfoSet: files, StreamInfoSet: streams }) =>
  (type === "Stream" ? streams.map((one) => visible(one.StreamId)).join(", ")
                     : plural((files || []).length, "part"));

function Tasks({ tasks, more }) {
  const head = [{ label: "Ordered" }, { label: "Of" }, { label: "State" },
                { label: "Result" }, { label: "Task" }];
  const kind = (task) => (task.Status === "FINISH"
    ? task.EditMediaTask.ErrCode ? "bad" : "done" : "waiting");

  if (!tasks.length) return html`<p class="quiet">None was ordered.</p>`;

  return html`<${Table} label="Tasks" head=${head} rows=${tasks.map((task) => ({
    key: task.TaskId, cells: [
      html`<${Time} at=${time.parse(task.CreateTime)} />`,
      html`${of(task.EditMediaTask.Input)}${" "}${
        (task.EditMediaTask.Input.GapSet || []).length > 0 && html`
        <span class="under">with ${plural(task.EditMediaTask.Input.GapSet.length,
          "gap")} closed</span>`}`,
      html`<${State} name=${kind(task)}>${task.EditMediaTask.ErrCode ? "failed"
        : STATUS[task.Status]}<//>`,
      html`<${Made} task=${task} />`, html`<code>${task.TaskId}</code>`,
    ] }))} />${more && html`<p class="quiet">The newest ${number(tasks.length)}:
      DescribeTasks of the API tells of the others.</p>`}`;
}

export function Edit({ query }) {
  const parts = useParts();
  const may = useMay();
  const [said, say] = useState("");
  const { data, error, again } = useAsked((signal) =>
    call("DescribeTasks", { Limit: TOLD }, signal), EVERY_MS, []);

  const done = (id) => {
    say(`Task ${id} is ordered.`);
    again();
  };

  return html`
    <div class="head"><h1>Edit</h1><p role="status">${said}</p></div>
    <${ReadsOnly} may=${may} what="make files of others" />
    ${may && html`<section><h2>Parts of files, one after the other</h2>
        <${Splice} parts=${parts} done=${done} /></section>
      <section><h2>A stream at a time</h2>
        <${OfTime} query=${query} done=${done} key=${JSON.stringify(query)} />
        <p class="quiet">Whatever files hold it, by when its frames came; what is
          missing is left out, and told.</p></section>`}
    <section><h2>Tasks</h2><${Failure} error=${error} again=${again} />
      ${!data && !error && html`<${Loading} what="tasks" />`}
      ${data && html`<${Tasks} tasks=${data.TaskSet}
        more=${data.ScrollToken !== ""} />`}</section>`;
}
