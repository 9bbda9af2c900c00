// The drawings: gauge, histogram, Lorenz curve, history.

import { drawing, element, svg } from "./dom.js";
import { percent, short, span, time } from "./format.js";

/** What happens to a value: three shares for three parties, and only a result comes out. */
export function flow(parties) {
  const nodes = [[189, 50], [189, 140], [189, 230]];
  return drawing(376, 280, "How it works", `A value is split into shares for ${parties.join(", ")}; only a result comes out.`,
    ...nodes.flatMap(([x, y], index) => [
      svg("path", { class: "way", d: `M80 140C120 140 120 ${y} ${x - 22} ${y}` }),
      svg("path", { class: "way", d: `M${x + 22} ${y}C256 ${y} 256 140 298 140` }),
      svg("circle", { class: "node", cx: x, cy: y, r: 18 }),
      svg("text", { x, y: y + 34, "text-anchor": "middle" }, cut(parties[index], 18)),
    ]),
    svg("circle", { class: "dot", cx: 58, cy: 140, r: 18 }),
    svg("text", { class: "strong", x: 58, y: 176, "text-anchor": "middle" }, "your value"),
    svg("text", { x: 58, y: 192, "text-anchor": "middle" }, "proven, in shares"),
    svg("rect", { class: "node", x: 302, y: 122, width: 36, height: 36, rx: 8 }),
    svg("path", { class: "value", d: "M311 140l7 7 12-14", fill: "none", "stroke-width": 3, "stroke-linecap": "round" }),
    svg("text", { class: "strong", x: 320, y: 176, "text-anchor": "middle" }, "result"),
    svg("text", { x: 320, y: 192, "text-anchor": "middle" }, "with certificate"));
}

/** A half circle from 0 to 100 %. */
export function gauge(title, value) {
  const part = Math.min(1, Math.max(0, value));
  const length = Math.PI * 120;
  const arc = (kind, dash) => svg("path", {
    class: kind, d: "M30 160A120 120 0 0 1 270 160", fill: "none", "stroke-width": 24, "stroke-linecap": "round",
    "stroke-dasharray": dash,
  });
  return drawing(300, 190, title, percent(part),
    arc("track", `${length} 0`),
    ...(part > 0 ? [arc("value", `${part * length} ${length}`)] : []),
    svg("text", { class: "big", x: 150, y: 150, "text-anchor": "middle" }, percent(part)),
    svg("text", { x: 14, y: 186 }, "equal"),
    svg("text", { x: 288, y: 186, "text-anchor": "end" }, "one has all"),
  );
}

function figure(caption, image, ...notes) {
  return element("figure", { class: "card" }, element("figcaption", {}, caption), image,
    ...notes.map((note) => element("p", { class: "quiet" }, note)));
}

/** How wide a letter of a drawing may become, on a phone. */
const LETTER = 10;
const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** Upright bars over their labels. */
function upright(caption, description, bars, words, [low, high]) {
  const [width, height, foot, top] = [480, 300, low < 0 ? 50 : 30, 24];
  const step = width / bars.length;
  const y = (value) => top + ((high - value) / (high - low)) * (height - foot - top);
  return drawing(width, height, caption, description,
    ...bars.flatMap(({ label, value }, index) => [
      svg("rect", { class: "bar", x: index * step + 3, y: y(Math.max(0, value)), width: step - 6, height: Math.abs(y(value) - y(0)), rx: 3 }),
      svg("text", { x: (index + 0.5) * step, y: y(value) + (value < 0 ? 16 : -6), "text-anchor": "middle" }, words[index]),
      svg("text", { x: (index + 0.5) * step, y: height - 10, "text-anchor": "middle" }, label),
    ]),
    svg("line", { class: "axis", x1: 0, x2: width, y1: y(0), y2: y(0) }));
}

/** Bars that lie beside their labels, or below long ones: for many, and for long labels. */
function lying(caption, description, bars, words, [low, high]) {
  const [width, beside, below] = [480, 18, 46];
  const longest = Math.max(...bars.map(({ label }) => label.length));
  const over = longest > beside ? 22 : 0;
  const line = over + 26;
  const left = over ? 0 : LETTER * longest + 8;
  const right = LETTER * Math.max(...words.map((word) => word.length)) + 8;
  const x = (value) => left + ((value - low) / (high - low)) * (width - left - right);
  const name = (label, y) => (over
    ? svg("text", { x: 0, y: y + 18 }, cut(label, below))
    : svg("text", { x: left - 8, y: y + 18, "text-anchor": "end" }, label));
  return drawing(width, line * bars.length, caption, description,
    ...bars.flatMap(({ label, value }, index) => [
      name(label, line * index),
      svg("rect", { class: "bar", x: x(Math.min(0, value)), y: line * index + over + 4, width: Math.abs(x(value) - x(0)), height: 18, rx: 3 }),
      svg("text", { x: x(Math.max(0, value)) + 6, y: line * index + over + 18 }, words[index]),
    ]),
    ...(over ? [] : [svg("line", { class: "axis", x1: x(0), x2: x(0), y1: 0, y2: line * bars.length })]));
}

/** Bars with a label each; where a value is withheld, it says so and there is no bar. */
export function histogram(caption, entries, minimum) {
  const words = entries.map(({ value }) => (value === null ? "withheld" : short(value)));
  const description = entries.map(({ label }, index) => `${label}: ${words[index]}`).join(", ");
  const bars = entries.map(({ label, value }) => ({ label, value: value ?? 0 }));
  const values = bars.map(({ value }) => value);
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  const longest = Math.max(...bars.map(({ label }) => label.length), ...words.map((word) => word.length));
  const draw = longest * LETTER <= 480 / bars.length ? upright : lying;
  const few = entries.some(({ withheld }) => withheld === "too_few");
  return figure(caption, draw(caption, description, bars, words, [low, high > low ? high : low + 1]),
    ...(few ? [`Withheld is what would tell of fewer than ${minimum} accounts, also together with the rest.`] : []));
}

/** The share of the total that the poorest part holds: points between (0, 0) and (1, 1). */
export function lorenz(caption, points) {
  const [width, height, left, foot, top] = [480, 300, 64, 46, 10];
  const x = (value) => left + value * (width - left - 16);
  const y = (value) => height - foot - value * (height - foot - top);
  const all = [[0, 0], ...points, [1, 1]];
  const path = all.map(([a, b], index) => `${index ? "L" : "M"}${x(a)} ${y(b)}`).join("");
  const words = ([part, held]) => `The poorest ${percent(part)} hold ${percent(held)}`;
  const description = points.map(words).join(", ");
  const [middle] = [...points].sort(([a], [b]) => Math.abs(a - 0.5) - Math.abs(b - 0.5));
  const ticks = [0, 0.5, 1].flatMap((at) => [
    svg("text", { x: x(at), y: height - foot + 18, "text-anchor": at === 1 ? "end" : "middle" }, percent(at)),
    svg("text", { x: left - 8, y: y(at) + 4, "text-anchor": "end" }, percent(at)),
  ]);
  return figure(caption, drawing(width, height, caption, description,
    svg("path", { class: "area", d: `${path}Z` }),
    svg("path", { class: "axis", d: `M${x(0)} ${y(1)}V${y(0)}H${x(1)}`, fill: "none" }),
    svg("line", { class: "even", x1: x(0), y1: y(0), x2: x(1), y2: y(1) }),
    svg("path", { class: "value", d: path, fill: "none", "stroke-width": 3 }),
    ...ticks,
    svg("text", { x: x(0.3), y: y(0.42), "text-anchor": "end" }, "all equal"),
    svg("text", { x: x(0.5), y: height - 6, "text-anchor": "middle" }, "the poorest part of the accounts"),
    svg("text", { x: 14, y: y(0.5), "text-anchor": "middle", transform: `rotate(-90 14 ${y(0.5)})` }, "holds this much"),
  ), `${words(middle)} of everything.`);
}

/** One number over the releases: points {at, value}. */
export function history(caption, points, isShare) {
  const [width, height, left, foot, top] = [480, 300, 64, 46, 20];
  const show = isShare ? percent : short;
  const values = points.map((point) => point.value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const range = high - low || Math.abs(high) || 1;
  const x = (index) => left + 8 + (index / (points.length - 1)) * (width - left - 28);
  const y = (value) => height - foot - 12 - ((value - low) / range) * (height - foot - top - 12);
  const path = points.map((point, index) => `${index ? "L" : "M"}${x(index)} ${y(point.value)}`).join("");
  const description = points.map((point) => `${time(point.at)}: ${show(point.value)}`).join(", ");
  const marks = high === low ? [high] : [low, high];
  const [first, last] = span(points[0].at, points.at(-1).at);
  return figure(caption, drawing(width, height, caption, description,
    ...marks.flatMap((value) => [
      svg("line", { class: "axis", x1: left, x2: width - 8, y1: y(value), y2: y(value) }),
      svg("text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, show(value)),
    ]),
    svg("path", { class: "value", d: path, fill: "none", "stroke-width": 3, "stroke-linejoin": "round" }),
    ...points.map((point, index) => svg("circle", { class: "dot", cx: x(index), cy: y(point.value), r: 5 })),
    svg("text", { x: left, y: height - 14 }, first),
    svg("text", { x: width - 8, y: height - 14, "text-anchor": "end" }, last),
  ));
}
