// What is ordered: what applies to a stream, tasks, templates and rules, and
// who is told.

import { html, useState } from "./html.js";
import { call, pages, serverNow } from "./api.js";
import { go, href } from "./router.js";
import { plural, span, visible } from "./format.js";
import { Failure, Loading, Name, State, Table, Time, useAsked }
  from "./parts.js";
import { Act, ReadsOnly, useMay } from "./hands.js";
import { applying, called, formats, ordered, rank } from "./policy.js";

const EVERY_MS = 5000;
const DAY_S = 86400;
const TASK_PAGES = 40;        // of 100: there may be 4,000 to come

// tasks last a day at most and end within a week, of which a call takes one
async function tasks(signal) {
  const now = Math.floor(serverNow() / 1000);
  const spans = [[now - DAY_S - 60, now + 5 * DAY_S],
                 [now + 4 * DAY_S, now + 8 * DAY_S]];
  const by = new Map();

  for (const [from, to] of spans) {
    const { set } = await pages("DescribeRecordTask",
      { StartTime: from, EndTime: to }, "TaskList", TASK_PAGES, signal);
    for (const task of set) by.set(task.TaskId, task);
  }

  return [...by.values()].filter((task) => task.EndTime > now)
    .sort((a, b) => a.StartTime - b.StartTime);
}

async function asked(signal) {
  const ask = (action) => call(action, {}, signal);
  const [records, rules, callbacks, callbackRules, list] = await Promise.all([
    ask("DescribeLiveRecordTemplates"), ask("DescribeLiveRecordRules"),
    ask("DescribeLiveCallbackTemplates"), ask("DescribeLiveCallbackRules"),
    tasks(signal)]);

  return { templates: records.Templates, rules: rules.Rules,
           callbacks: callbacks.Templates, callbackRules: callbackRules.Rules,
           tasks: list };
}

const by = (one) => (one.Configured ? "configuration" : "a call");
const any = (text) => (text ? html`<${Name} text=${text} />`
                            : html`<span class="quiet">all</span>`);

function named(templates, id) {
  const template = templates.find((one) => one.TemplateId === id);
  return template ? html`<${Name} text=${template.TemplateName} />`
    : html`<span class="quiet">${id ? `template ${id}, which is gone: HLS`
                                    : "none: HLS"}</span>`;
}

function Formats({ template }) {
  const all = template ? formats(template) : [["hls", 0]];

  return all.length ? all.map(([name, s]) => name
    + (s && name !== "hls" ? ` of ${span(s)}` : "")).join(", ")
    : html`<span class="quiet">nothing</span>`;
}

// a rule in words
const words = (rule) => {
  const names = [["domain", rule.DomainName], ["application", rule.AppName],
                 ["stream", rule.StreamName]].filter(([, name]) => name);

  return names.length ? names.map(([what, name]) => `${what} ${visible(name)}`)
    .join(", ") : "everything";
};

// why a stream is recorded, once or more often
function Why({ data, stream }) {
  const now = serverNow() / 1000;
  const found = applying(data.rules, stream);
  const list = ordered(data.tasks, stream, now);
  const template = (id) =>
    data.templates.find((one) => one.TemplateId === id);
  const records = found.filter((rule) => {
    const one = template(rule.TemplateId);
    return one && formats(one).length;
  });
  const n = records.length + list.length;
  const told = called(data.callbackRules, stream);
  const callback = told
    && data.callbacks.find((one) => one.TemplateId === told.TemplateId);

  return html`<div class="why-box" role="status">
    <p><strong>${n === 0 ? "It is not recorded."
      : n === 1 ? "It is recorded once." : `It is recorded ${n} times.`}</strong>
    </p><ul class="plain">
    ${found.map((rule) => html`<li>By the rule of ${by(rule)} for ${words(rule)},
      ${" "}with ${template(rule.TemplateId)
        ? html`template <${Name}
            text=${template(rule.TemplateId).TemplateName} />: ${" "}
          <${Formats} template=${template(rule.TemplateId)} />`
        : html`<em>off</em>: nothing`}.</li>`)}
    ${!found.length && html`<li>No rule names it.</li>`}
    ${list.map((task) => html`<li>By task <code>${task.TaskId}</code>, until
      ${" "}<${Time} at=${task.EndTime * 1000} />, with ${" "}
      ${named(data.templates, task.TemplateId)}: ${" "}<${Formats}
        template=${template(task.TemplateId)} />.</li>`)}
    <li>${callback ? html`Callback template <${Name}
        text=${callback.TemplateName} /> is told, beside the notify of the
        template.` : "No callback template is told, only the notify of the "
          + "template."}</li></ul>
    ${n > 1 && html`<p class="quiet">A task records beside a rule, and a rule
      with several templates once with each. Stop the task, or leave one
      out.</p>`}
    ${found.length > 0 && html`<p class="quiet">Of all rules that fit, the one
      that names most applies (${found[0].Inherited ? "this one is inherited by "
        + "its application, which it does not name" : `rank ${rank(found[0])} of
      7`}); of two that name as much the configuration's. Changes hold for the
      next publish.</p>`}</div>`;
}

function Ask({ data, query }) {
  const stream = { domain: query.domain || "", app: query.app || "",
                   name: query.stream || "" };
  const fields = [["stream", "Stream"], ["app", "Application"],
                  ["domain", "Domain"]];

  function submit(event) {
    event.preventDefault();
    go(["orders"], Object.fromEntries(new FormData(event.target)));
  }

  return html`<section><h2>What applies to a stream</h2>
    <form class="ask-form" role="search" onSubmit=${submit}
        key=${JSON.stringify(stream)}>
      ${fields.map(([name, label]) => html`<label>${label}
        <input name=${name} value=${query[name] || ""} autocomplete="off"
          data-search=${name === "stream"} /></label>`)}
      <button class="small">Why is it recorded?</button></form>
    ${(stream.name || stream.app) && html`<${Why} data=${data}
      stream=${stream} />`}</section>`;
}

const pad = (n) => String(n).padStart(2, "0");

// for a field of date and time, of the viewer's zone
const local = (ms) => {
  const d = new Date(ms);
  return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())}T${
    pad(d.getHours())}:${pad(d.getMinutes())}`;
};

function Start({ data, query, again }) {
  const [failed, fail] = useState(null);
  const [said, say] = useState("");

  async function submit(event) {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.target));
    const start = given.start ? Math.floor(Date.parse(given.start) / 1000) : 0;

    fail(null);
    say("");

    try {
      const { TaskId: id } = await call("CreateRecordTask", {
        StreamName: given.stream, AppName: given.app, DomainName: given.domain,
        ...(start && { StartTime: start }),
        EndTime: Math.floor(Date.parse(given.end) / 1000),
        ...(given.template && { TemplateId: +given.template }) });
      say(`Task ${id} is ordered.`);
      again();
    } catch (error) {
      fail(error);
    }
  }

  return html`<details class="start" open=${Boolean(query.stream)}>
    <summary>Start a task</summary>
    <form class="ask-form" onSubmit=${submit}>
      <label>Stream <input name="stream" required autocomplete="off"
        value=${query.stream || ""} /></label>
      <label>Application <input name="app" required autocomplete="off"
        value=${query.app || ""} /></label>
      <label>Domain <input name="domain" required autocomplete="off"
        value=${query.domain || ""} /></label>
      <label>Begin <input name="start" type="datetime-local" /></label>
      <label>End <input name="end" type="datetime-local" required
        value=${local(serverNow() + 3600000)} /></label>
      <label>Template <select name="template"><option value="">HLS, for
        good</option>${data.templates.map((one) => html`<option
          value=${one.TemplateId}>${visible(one.TemplateName)}</option>`)}
      </select></label>
      <button class="small">Start</button></form>
    <p class="quiet">Without a begin it records from now on; for 24 hours at most.
      A stream that a rule records is recorded twice then.</p>
    <p role="status">${said}</p><${Failure} error=${failed} /></details>`;
}

function Tasks({ data, may, query, again }) {
  const now = serverNow() / 1000;
  const head = [{ label: "Stream" }, { label: "State" }, { label: "Begin" },
                { label: "End" }, { label: "Template" },
                ...(may ? [{ label: "Do" }] : [])];
  const state = (task) => (task.Stopped ? ["finished", "stopped"]
    : task.StartTime > now ? ["waiting", "to come"] : ["recording", "now"]);

  return html`<section><h2>Tasks</h2>
    ${may && html`<${Start} data=${data} query=${query} again=${again}
      key=${JSON.stringify(query)} />`}
    ${!data.tasks.length ? html`<p class="quiet">None is ordered.</p>` : html`
    <${Table} label="Tasks" head=${head} rows=${data.tasks.map((task) => ({
      key: task.TaskId, cells: [
        html`<a data-row href=${href(["orders"], { stream: task.StreamName,
          app: task.AppName, domain: task.DomainName })}>
          <${Name} text=${task.StreamName} /></a> <span class="under">
          <${Name} text=${task.AppName} /> · <${Name}
            text=${task.DomainName} /></span>`,
        html`<${State} name=${state(task)[0]}>${state(task)[1]}<//>`,
        html`<${Time} at=${task.StartTime * 1000} />`,
        html`<${Time} at=${task.EndTime * 1000} />`,
        named(data.templates, task.TemplateId),
        ...(may ? [task.Stopped ? "–" : html`<${Act} label="Stop"
          name=${`Stop the task of ${visible(task.StreamName)}`}
          question="Stop this task? It does not begin again." yes="Stop it"
          act=${async () => {
            await call("StopRecordTask", { TaskId: task.TaskId });
            again();
          }} />`] : []) ] }))} />`}</section>`;
}

function Templates({ templates }) {
  return html`<section><h2>Templates</h2>
    <${Table} label="Templates" head=${[{ label: "Name" }, { label: "Records" },
      { label: "Of" }, { label: "Id", number: true }]} rows=${
      templates.map((one) => ({ key: one.TemplateId, cells: [
        html`<${Name} text=${one.TemplateName} />${one.Description && html`
          <span class="under">${visible(one.Description)}</span>`}`,
        html`<${Formats} template=${one} />`, by(one), one.TemplateId,
      ] }))} /></section>`;
}

function Rules({ rules, templates }) {
  return html`<section><h2>Rules</h2>${!rules.length
    ? html`<p class="quiet">There is none: nothing is recorded but by tasks.</p>`
    : html`<${Table} label="Rules" head=${[{ label: "Domain" },
      { label: "Application" }, { label: "Stream" }, { label: "Template" },
      { label: "Of" }]} rows=${[...rules].sort((a, b) => rank(b) - rank(a))
      .map((one) => ({ key: JSON.stringify(one), cells: [
        any(one.DomainName), any(one.AppName), any(one.StreamName),
        templates.some((t) => t.TemplateId === one.TemplateId)
          ? named(templates, one.TemplateId) : "off",
        `${by(one)}${one.Inherited ? ", inherited" : ""}`] }))} />`}</section>`;
}

const URLS = [["RecordNotifyUrl", "files"], ["RecordStatusNotifyUrl", "states"],
              ["RecordExceptionNotifyUrl", "exceptions"]];

function Callbacks({ callbacks, rules }) {
  const where = (one) => rules.filter((r) => r.TemplateId === one.TemplateId)
    .map((rule) => words(rule)).join("; ");

  return html`<section><h2>Who is told</h2>${!callbacks.length
    ? html`<p class="quiet">Nobody: no template has a notify with a URL, and no
      call has made a callback template.</p>`
    : html`<${Table} label="Who is told" head=${[{ label: "Name" },
      { label: "Of what, where" }, { label: "For" }, { label: "Of" }]} rows=${
      callbacks.map((one) => ({ key: one.TemplateId, cells: [
        html`<${Name} text=${one.TemplateName} />`,
        html`<ul class="plain">${URLS.filter(([url]) => one[url]).map(
          ([url, what]) => html`<li>${what}: <${Name} text=${one[url]} /></li>`)}
        </ul>`,
        one.Configured ? "its template" : where(one)
          || html`<span class="quiet">no rule</span>`, by(one)] }))} />`}
  </section>`;
}

export function Orders({ query }) {
  const { data, error, again } = useAsked(asked, EVERY_MS, []);
  const may = useMay();

  return html`
    <div class="head"><h1>Orders</h1>${data && html`<p role="status">${
      plural(data.tasks.length, "task")}, ${plural(data.templates.length,
      "template")}, ${plural(data.rules.length, "rule")}</p>`}</div>
    <${ReadsOnly} may=${may} what="start and stop tasks" />
    <${Failure} error=${error} again=${again} />
    ${!data && !error && html`<${Loading} what="what is ordered" />`}
    ${data && html`<div class=${error ? "stale" : ""}>
      <${Ask} data=${data} query=${query} />
      <${Tasks} data=${data} may=${may} query=${query} again=${again} />
      <${Rules} rules=${data.rules} templates=${data.templates} />
      <${Templates} templates=${data.templates} />
      <${Callbacks} callbacks=${data.callbacks} rules=${data.callbackRules} />
    </div>`}`;
}
