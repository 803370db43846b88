// Which rule and which tasks apply to a stream, as the workers decide it: pure.

// what a rule names, and how much that is: domain and application and stream;
// domain and stream; application and stream; domain and application; domain;
// application; nothing
const RANKS = { "111": 7, "101": 6, "011": 5, "001": 5, "110": 4, "100": 3,
                "010": 2, "000": 1 };

const host = (text) => text.toLowerCase();

function fits(rule, stream) {
  return (!rule.DomainName || host(rule.DomainName) === host(stream.domain))
    && (!rule.AppName || rule.AppName === stream.app)
    && (!rule.StreamName || rule.StreamName === stream.name);
}

export function rank(rule) {
  const names = [rule.DomainName, rule.Inherited ? "" : rule.AppName,
                 rule.StreamName];
  return RANKS[names.map((name) => (name ? 1 : 0)).join("")];
}

// of all rules the one that applies, as a list: a rule of the configuration may
// have several templates
export function applying(rules, stream) {
  const all = rules.filter((rule) => fits(rule, stream));
  const best = Math.max(0, ...all.map(rank));
  const first = all.filter((rule) => rank(rule) === best);
  const own = first.filter((rule) => rule.Configured);

  return own.length ? own : first.slice(0, 1);
}

// tasks that record a stream at a time, in seconds
export function ordered(tasks, stream, now) {
  return tasks.filter((task) => task.StartTime <= now && task.EndTime > now
    && !task.Stopped && host(task.DomainName) === host(stream.domain)
    && task.AppName === stream.app && task.StreamName === stream.name);
}

// the callback rule of a stream, or undefined
export function called(rules, stream) {
  const all = rules.filter((rule) => fits(rule, stream));
  return all.find((rule) => rule.AppName) || all[0];
}

const FORMATS = [["Mp4Param", "mp4"], ["HlsParam", "hls"], ["FlvParam", "flv"],
                 ["AacParam", "aac"]];

// [["mp4", "2 h"], ...] of a template: formats, and s of their interval
export const formats = (template) => FORMATS
  .filter(([param]) => template[param].Enable)
  .map(([param, name]) => [name, template[param].RecordInterval]);
