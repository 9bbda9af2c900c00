// The little that is needed to build a page: text is always text, never markup.

const SVG = "http://www.w3.org/2000/svg";

export const $ = (id) => document.getElementById(id);

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

export function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

/** A drawing with a name and a description, for those who do not see it. */
export function drawing(width, height, title, description, ...children) {
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}. ${description}` },
    ...children);
}

/** A command whose options stay in one piece where its line is broken. */
export function commandLine(text) {
  return text.split(/ (?=--)/).flatMap((part, index) => [...(index ? [" "] : []), element("span", { class: "option" }, part)]);
}
