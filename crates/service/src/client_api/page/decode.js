// From the three components of a result to its numbers: added up in the field, decoded, and put through the part of the
// plan that everybody can compute. What `mpcstats certificate verify` does, done again here.

import { distribution } from "./distribution.js";
import * as numbers from "./number.js";
import { argumentsOf, openingsOf, typesOf } from "./plan.js";

/** The parties compute modulo this prime. */
const P = 2n ** 127n - 1n;
const ELEMENT = 16;
/** How rounded numbers are packed: mantissa, exponent, sign, and whether there is none. */
const MANTISSA = 40;
const EXPONENT = 12;

/** The field elements that little-endian `bytes` encode. */
function elements(bytes) {
  if (bytes.length % ELEMENT) throw new Error("a component is cut short");
  return Array.from({ length: bytes.length / ELEMENT }, (_, index) => {
    const element = bytes.slice(index * ELEMENT, (index + 1) * ELEMENT).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    if (element >= P) throw new Error("a component holds something that is no field element");
    return element;
  });
}

/** The opened field elements: each is the sum of its three components. */
export function reconstruct(components) {
  const [a, b, c] = components.map(elements);
  if (a.length !== b.length || b.length !== c.length) throw new Error("the components differ in length");
  return a.map((element, index) => (element + b[index] + c[index]) % P);
}

function unpack(packed) {
  if (packed >> BigInt(MANTISSA + EXPONENT + 2)) throw new Error("an opened number has too many bits");
  const field = (from, width) => Number((packed >> BigInt(from)) & ((1n << BigInt(width)) - 1n));
  if (field(MANTISSA + EXPONENT + 1, 1)) return numbers.NONE;
  const exponent = Number(BigInt.asIntN(EXPONENT, packed >> BigInt(MANTISSA)));
  const magnitude = field(0, MANTISSA) * 2 ** (exponent - MANTISSA + 1);
  return numbers.rounded(field(MANTISSA + EXPONENT, 1) ? -magnitude : magnitude);
}

/** An opened element as the number that the node's type says it is. */
function numberOf(element, type) {
  if (type.kind === "real") return unpack(element);
  const signed = element > P / 2n ? element - P : element;
  const exact = numbers.ratio(signed, 10n ** BigInt(type.decimal) << BigInt(type.binary));
  return type.inexact ? numbers.rounded(numbers.approximate(exact)) : exact;
}

function drawn(op, taken) {
  const [of, ...parameters] = taken;
  if (taken.some((number) => number.none)) return numbers.NONE;
  return numbers.rounded(distribution(op.family, op.tail, numbers.approximate(of), parameters.map(numbers.approximate)));
}

/** One operation on numbers that everybody knows. */
function apply(op, [a, b, c], count) {
  switch (op.op) {
    case "rows": return numbers.ratio(BigInt(count));
    case "constant": return numbers.decimal(op.value);
    case "add": return numbers.add(a, b);
    case "subtract": return numbers.subtract(a, b);
    case "multiply": case "and": return numbers.multiply(a, b);
    case "divide": return numbers.divide(a, b);
    case "less": return numbers.less(a, b);
    case "equal": return numbers.equal(a, b);
    case "xor": return numbers.differs(a, b);
    case "not": return numbers.not(a);
    case "number": return a;
    case "select": return numbers.select(a, b, c);
    case "require": return numbers.select(a, b, numbers.NONE);
    case "floor": return numbers.floor(a);
    case "floor_divide": return numbers.floorDivide(a, op.divisor);
    case "sqrt": return numbers.sqrt(a);
    case "log": return numbers.log(a);
    case "exp": return numbers.exp(a);
    case "distribution": return drawn(op, [a, b, c].filter((number) => number !== undefined));
    default: throw new Error(`${op.op} does not follow from what was opened`);
  }
}

/** Which nodes the results at `roots` are computed from, down to those in `opened`. */
function wanted(plan, roots, opened) {
  const marks = new Set(roots);
  for (let node = plan.nodes.length - 1; node >= 0; node -= 1) {
    if (marks.has(node) && !opened.has(node)) argumentsOf(plan.nodes[node]).forEach((argument) => marks.add(argument));
  }
  return marks;
}

/**
 * Which of the openings the parties opened. All, if every test held. Otherwise those behind the results that are shown:
 * a result is withheld by leaving out what it is computed from.
 */
function allowed(plan, openings, tests, shown) {
  if (tests.every((held) => held)) return openings;
  const roots = plan.outputs.filter((_, index) => !shown[index]?.withheld).map((output) => output.node);
  const marks = wanted(plan, roots, new Set(openings));
  return openings.filter((node) => marks.has(node));
}

/**
 * The results of `plan`, in its order, from the components that `certificate` carries. Which are withheld is taken
 * from `shown` and has to fit how many numbers were opened.
 */
export function decode(plan, certificate, components, shown) {
  const { statement } = certificate;
  const types = typesOf(plan);
  const openings = openingsOf(plan, types);
  const opened = allowed(plan, openings, statement.tests, shown);
  const sums = reconstruct(components);
  if (sums.length !== opened.length) {
    throw new Error(`the components hold ${sums.length} numbers where the results need ${opened.length}`);
  }
  const values = new Map(openings.map((node) => [node, numbers.NONE]));
  opened.forEach((node, index) => values.set(node, numberOf(sums[index], types[node])));
  const marks = wanted(plan, plan.outputs.map((output) => output.node), new Set(openings));
  plan.nodes.forEach((op, node) => {
    if (!marks.has(node) || values.has(node)) return;
    values.set(node, apply(op, argumentsOf(op).map((argument) => values.get(argument)), statement.count));
  });
  const results = plan.outputs.map(({ path, unit, node }) => {
    const number = values.get(node);
    return { path, unit, number, label: number.none ? undefined : types[node].labels?.[numbers.approximate(number)] };
  });
  return { opened: sums.length, partly: opened.length > 0 && opened.length < openings.length, results };
}

/** How far two computations of the same number may be apart: logarithms and distributions differ in their last digits. */
const RELATIVE = 1e-9;
const ABSOLUTE = 1e-11;

/** What is wrong with a result as it is shown; nothing if it is the one that was decoded. */
export function difference(result, row) {
  const name = result.path.join(" ");
  const number = result.number;
  if (row === undefined || row.path.join("\n") !== result.path.join("\n")) return `${name} is not shown`;
  if ((row.unit ?? undefined) !== (result.unit ?? undefined)) return `${name} is shown in another unit`;
  if (number.none) return row.withheld ? undefined : `${name} is shown, and was not opened`;
  if ((row.label ?? undefined) !== result.label) return `${name} is shown as ${row.label} where the parties' shares give ${result.label}`;
  const value = numbers.approximate(number);
  const near = Math.abs(row.value - value) <= RELATIVE * Math.abs(value) + (numbers.isExact(number) ? 0 : ABSOLUTE);
  if (typeof row.value === "number" && near && row.exact === numbers.decimalText(number)) return undefined;
  return `${name} is shown as ${row.exact ?? row.value} where the parties' shares give ${numbers.decimalText(number) ?? value}`;
}
