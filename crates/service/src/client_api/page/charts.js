// The drawings: gauge, histogram, Lorenz curve, history.

import { drawing, element, svg } from "./dom.js";
import { percent, short, time } from "./format.js";

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
    svg("text", { x: 30, y: 186, "text-anchor": "middle" }, "equal"),
    svg("text", { x: 262, y: 186, "text-anchor": "middle" }, "one has all"),
  );
}

function figure(caption, image) {
  return element("figure", { class: "card" }, element("figcaption", {}, caption), image);
}

/** Bars with a label each. */
export function histogram(caption, bars) {
  const [width, height, foot] = [480, 240, 30];
  const top = Math.max(1, ...bars.map((bar) => bar.value ?? 0));
  const step = width / bars.length;
  const description = bars.map((bar) => `${bar.label}: ${bar.value ?? "withheld"}`).join(", ");
  const columns = bars.flatMap((bar, index) => {
    const size = ((bar.value ?? 0) / top) * (height - foot - 24);
    const middle = (index + 0.5) * step;
    const wide = bars.length <= 8 || index % Math.ceil(bars.length / 8) === 0;
    return [
      svg("rect", { class: "bar", x: index * step + 3, y: height - foot - size, width: Math.max(1, step - 6), height: size, rx: 3 }),
      svg("text", { x: middle, y: height - foot - size - 6, "text-anchor": "middle" }, bar.value === null ? "–" : short(bar.value)),
      ...(wide ? [svg("text", { x: middle, y: height - 10, "text-anchor": "middle" }, bar.label)] : []),
    ];
  });
  return figure(caption, drawing(width, height, caption, description, ...columns,
    svg("line", { class: "axis", x1: 0, x2: width, y1: height - foot, y2: height - foot })));
}

/** The share of the total that the poorest part holds: points between (0, 0) and (1, 1). */
export function lorenz(caption, points) {
  const size = 300;
  const pad = 30;
  const x = (value) => pad + value * (size - 2 * pad);
  const y = (value) => size - pad - value * (size - 2 * pad);
  const all = [[0, 0], ...points, [1, 1]];
  const path = all.map(([a, b], index) => `${index ? "L" : "M"}${x(a)} ${y(b)}`).join("");
  const description = points.map(([a, b]) => `the poorest ${percent(a)} hold ${percent(b)}`).join(", ");
  return figure(caption, drawing(size, size, caption, description,
    svg("path", { class: "area", d: `${path}Z` }),
    svg("line", { class: "even", x1: x(0), y1: y(0), x2: x(1), y2: y(1) }),
    svg("path", { class: "value", d: path, fill: "none", "stroke-width": 3 }),
    svg("text", { x: x(0.5), y: size - 8, "text-anchor": "middle" }, "share of people"),
    svg("text", { x: 12, y: y(0.5), "text-anchor": "middle", transform: `rotate(-90 12 ${y(0.5)})` }, "share of the total"),
  ));
}

/** One number over the releases: points {at, value}. */
export function history(caption, points) {
  const [width, height, pad] = [480, 220, 34];
  const values = points.map((point) => point.value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const span = high - low || Math.abs(high) || 1;
  const x = (index) => pad + (points.length === 1 ? 0.5 : index / (points.length - 1)) * (width - 2 * pad);
  const y = (value) => height - pad - ((value - low) / span) * (height - 2 * pad);
  const path = points.map((point, index) => `${index ? "L" : "M"}${x(index)} ${y(point.value)}`).join("");
  const description = points.map((point) => `${time(point.at)}: ${short(point.value)}`).join(", ");
  return figure(caption, drawing(width, height, caption, description,
    svg("line", { class: "axis", x1: pad, x2: width - pad, y1: height - pad, y2: height - pad }),
    svg("path", { class: "value", d: path, fill: "none", "stroke-width": 3 }),
    ...points.map((point, index) => svg("circle", { class: "dot", cx: x(index), cy: y(point.value), r: 4 })),
    svg("text", { x: 4, y: y(high) - 8 }, short(high)),
    ...(high === low ? [] : [svg("text", { x: 4, y: y(low) - 8 }, short(low))]),
    svg("text", { x: pad, y: height - 10 }, time(points[0].at)),
    ...(points.length > 1
      ? [svg("text", { x: width - pad, y: height - 10, "text-anchor": "end" }, time(points.at(-1).at))] : []),
  ));
}
