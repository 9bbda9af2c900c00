// Numbers and times for people.

/** How numbers of a size are read best: `12.5 billion` is shorter than its digits. */
function notation(size) {
  if (size >= 1e15 || (size > 0 && size < 1e-6)) return { notation: "scientific" };
  return size >= 1e9 ? { notation: "compact", compactDisplay: "long" } : {};
}

/** A result's number, with no more digits than it deserves. */
export function number(row) {
  if (row.withheld) return row.withheld === "too_few" ? "withheld: would tell of too few providers" : "undefined for this data";
  if (row.label !== undefined) return row.label;
  if (row.exact !== undefined && row.exact.length <= 8) return grouped(row.exact);
  return new Intl.NumberFormat("en", { ...notation(Math.abs(row.value)), maximumSignificantDigits: 6 }).format(row.value);
}

function grouped(decimal) {
  const [whole, fraction] = decimal.split(".");
  const spaced = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  return fraction === undefined ? spaced : `${spaced}.${fraction}`;
}

export function percent(value) {
  return new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 }).format(value);
}

/** A short number for an axis. */
export function short(value) {
  return new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 }).format(value);
}

export function time(seconds) {
  return new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" }).format(new Date(1000 * seconds));
}

/** Two times, in no more words than tell them apart. */
export function span(first, last) {
  const dates = [first, last].map((seconds) => new Date(1000 * seconds));
  const [from, to] = dates.map((date) => date.toDateString());
  const part = from === to ? { timeStyle: "short" } : { dateStyle: "medium" };
  return dates.map((date) => new Intl.DateTimeFormat("en", part).format(date));
}

const NAMES = {
  count: "Accounts", gini: "Gini coefficient", max: "Maximum", min: "Minimum", std: "Standard deviation", var: "Variance",
};

/** The words of a result's name. */
export function label(name) {
  if (Object.hasOwn(NAMES, name)) return NAMES[name];
  const words = name.replaceAll("_", " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The number of a label such as `3/10` or `0.3`. */
export function fraction(text) {
  const [, over, under = "1"] = /^([\d.]+)(?:\/([\d.]+))?$/.exec(text) ?? [];
  return over === undefined ? NaN : Number(over) / Number(under);
}

/** How long ago something was. */
export function ago(seconds, now = Date.now() / 1000) {
  if (!seconds) return "never";
  const passed = Math.max(0, Math.round(now - seconds));
  if (passed < 120) return `${passed} s ago`;
  return passed < 7200 ? `${Math.round(passed / 60)} min ago` : time(seconds);
}
