// Calls of record_api, at the origin of this page only.  What goes wrong is an
// ApiError, whose `code` is that of the API, or "Network" or "NotTheApi", and
// whose `advice` says what to do.

const VOD = "2018-07-17";
const LIVE = "2018-08-01";
const VERSION = {
  SearchMedia: VOD, DescribeMediaInfos: VOD, ModifyMediaInfo: VOD,
  DeleteMedia: VOD, CreateRecordTask: LIVE, StopRecordTask: LIVE,
  DescribeRecordTask: LIVE, DescribeLiveRecordTemplates: LIVE,
  DescribeLiveRecordRules: LIVE, DescribeLiveCallbackTemplates: LIVE,
  DescribeLiveCallbackRules: LIVE, EditMedia: VOD, DescribeTaskDetail: VOD,
  DescribeTasks: VOD,
};
const TIMEOUT_MS = 15000;

const ADVICE = {
  Network: "Is nginx running? It is asked again.",
  NotTheApi: "Is there a location with record_api, and does the meta element "
    + "recording-api of index.html name it?",
  UnauthorizedOperation: "The page and the API have to be of one origin.",
  "AuthFailure.UnauthorizedOperation": "What is not signed is answered for "
    + "this machine only, and only if it reads. Put a password before all of "
    + "the console, with \"record_api_key off\" beside record_api.",
  RequestLimitExceeded: "Too many calls wait in this worker. It is asked again.",
  FailedOperation: "The catalogue did not answer within two seconds: is another "
    + "program using catalogue.db, or the disk slow?",
  "ResourceUnavailable.InvalidVodStatus": "The store cannot be used: the error "
    + "log says which directory, and why.",
  ResourceInUse: "It grows, waits for its stream, is being delivered, or "
    + "another file is made of it.",
  "LimitExceeded.MaximumRunningTask": "Stop one of them first.",
  InternalError: "The error log of nginx has more.",
};

export class ApiError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
    this.advice = ADVICE[code] || "";
  }
}

// a path of this page's origin, from a meta element
function place(name, otherwise) {
  const meta = document.querySelector(`meta[name="${name}"]`);
  const url = new URL((meta && meta.content) || otherwise, location.href);

  return url.origin === location.origin ? url : new URL(otherwise, location);
}

const apiUrl = place("recording-api", "/api/");
const mediaUrl = place("recording-media", "/vod/");

// by how many milliseconds the clock of the server is ahead of the viewer's
let ahead = 0;

export const serverNow = () => Date.now() + ahead;

function clock(date) {
  const off = Date.parse(date) - Date.now();

  // the header has whole seconds
  ahead = Math.abs(off) > 2500 ? off : 0;
}

// resolves to the Response, or rejects with an ApiError; an aborted call
// rejects with what fetch gives, whose name is AbortError
export async function call(action, params = {}, signal = undefined) {
  const end = AbortSignal.timeout(TIMEOUT_MS);
  let answer;

  try {
    answer = await fetch(apiUrl, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-TC-Action": action,
                 ...(VERSION[action] && { "X-TC-Version": VERSION[action] }) },
      body: JSON.stringify(params),
      cache: "no-store", credentials: "same-origin", redirect: "error",
      signal: signal && AbortSignal.any ? AbortSignal.any([signal, end]) : end,
    });
  } catch (error) {
    if (signal && signal.aborted) throw error;
    throw new ApiError("Network", "The server does not answer.");
  }

  clock(answer.headers.get("Date"));
  const { Response: response } = await answer.json().catch(() => ({}));

  if (!answer.ok || !response) {
    throw new ApiError("NotTheApi",
                       `${apiUrl.pathname} answers with ${answer.status}`
                       + ", not as the API does.");
  }

  if (response.Error) {
    throw new ApiError(response.Error.Code, response.Error.Message);
  }

  return response;
}

// all pages of a call, up to so many: { set, more }
export async function pages(action, params, member, most, signal) {
  const set = [];
  let token = "";

  for (let n = 0; n < most; n++) {
    const page = await call(action, token ? { ...params, ScrollToken: token }
                                          : params, signal);
    set.push(...page[member]);
    token = page.ScrollToken;
    if (!token) return { set, more: false };
  }

  return { set, more: true };
}

// where a file plays: { url, here }, or null; `here` is this page's origin
export function playUrl(file) {
  if (file.Name && file.Local) {
    const path = file.Name.split("/").map(encodeURIComponent).join("/");
    return { url: new URL(path, mediaUrl).href, here: true };
  }

  try {
    const url = new URL(file.MediaUrl);
    if (!/^https?:$/.test(url.protocol)) return null;
    return { url: url.href, here: url.origin === location.origin };
  } catch {
    return null;
  }
}
