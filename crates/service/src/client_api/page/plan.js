// What the parties open for a plan, worked out from the plan alone: the same rules as the parties'
// (crates/stats/src/check), without the ranges, on which the choice of what is opened does not depend.

import { digits } from "./number.js";

/** The nodes that an operation takes, in order. */
export function argumentsOf(op) {
  const taken = ["like", "condition", "key", "by", "left", "of", "right", "among", "then", "otherwise", "take", "at", "rank"];
  return [...taken.map((name) => op[name]), ...(op.parameters ?? [])].filter((node) => Number.isInteger(node));
}

const number = (decimal = 0, binary = 0) => ({ kind: "number", decimal, binary });
const finer = (a, b) => number(Math.max(a.decimal, b.decimal), Math.max(a.binary, b.binary));
const product = (a, b) => number(a.decimal + b.decimal, a.binary + b.binary);
const BOOLEAN = { kind: "boolean", decimal: 0, binary: 0 };
const REAL = { kind: "real", decimal: 0, binary: 0 };
/** Bits after the binary point of `log2`. */
const FIXED_BITS = 40;

function columnKind(type) {
  if (type.type === "boolean") return BOOLEAN;
  return type.type === "category" ? { kind: "category", labels: type.labels, decimal: 0, binary: 0 } : number(type.scale ?? 0);
}

/** The kind, scale and shape of each node, whether all can compute it, and whether shares of it are rounded. */
export function typesOf(plan) {
  const types = [];
  for (const op of plan.nodes) types.push(typeOf(plan.schema, op, argumentsOf(op).map((node) => types[node])));
  return types;
}

function typeOf(schema, op, taken) {
  const [a, b, c] = taken;
  const both = { scalar: taken.every((of) => of.scalar), open: taken.every((of) => of.open), inexact: taken.some((of) => of.inexact) };
  const real = both.scalar && taken.some((of) => of.kind === "real");
  switch (op.op) {
    case "column": return { ...columnKind(schema[op.table].columns[op.name]), scalar: false, open: false, inexact: false };
    case "present": return { ...BOOLEAN, scalar: false, open: false, inexact: false };
    case "rows": return { ...number(), scalar: true, open: true, inexact: false };
    case "constant": return { ...number(digits(op.value)), scalar: true, open: true, inexact: false };
    case "index": return { ...number(), scalar: false, open: true, inexact: false };
    case "add": case "subtract": return { ...both, ...(real ? REAL : finer(a, b)) };
    case "multiply": return { ...both, ...(real ? REAL : product(a, b)) };
    case "dot": return { ...both, ...product(a, b), scalar: true };
    case "less": case "equal": case "is": case "not": case "and": case "xor": return { ...both, ...BOOLEAN, inexact: false };
    case "select": return { ...both, ...(b.kind === "boolean" ? BOOLEAN : finer(b, c)), inexact: b.inexact || c.inexact };
    case "number": return { ...both, ...number(), inexact: false };
    case "sum": return { ...both, ...number(a.decimal, a.binary), scalar: true };
    case "min": case "max": case "mode": case "order_statistic": case "element": return { ...a, open: both.open, scalar: true };
    case "sort": return { ...b, open: false };
    case "lookup": return { ...c, open: false };
    case "matched": return { ...BOOLEAN, scalar: false, open: false, inexact: false };
    case "cumulative_sum": case "previous": return a;
    case "require": return { ...b, open: both.open };
    case "rank": return { ...a, ...number(), inexact: false };
    case "coarsen": return { ...a, ...number(), inexact: a.inexact || op.bits > 0 };
    case "log2": return { ...a, ...number(0, FIXED_BITS), inexact: true };
    case "reciprocal": return { ...a, ...number(0, op.bits), inexact: true };
    case "floor": return { ...number(), scalar: true, open: true, inexact: false };
    case "floor_divide": return { ...a, inexact: false };
    case "divide": case "sqrt": case "log": case "exp": case "distribution": return { ...both, ...REAL, scalar: true };
    default: throw new Error(`this page does not know the operation ${op.op}`);
  }
}

/** Which nodes everybody can compute who knows `opened`. */
function known(nodes, types, opened) {
  const result = [];
  nodes.forEach(({ taken }, node) => {
    result.push(types[node].open || opened.has(node) || (taken.length > 0 && taken.every((argument) => result[argument])));
  });
  return result;
}

/** The argument that a result determines, given what is known; none if it determines none. */
function determined(nodes, types, node, has) {
  const { op, taken } = nodes[node];
  if (!types[node].scalar) return undefined;
  const [left, right] = taken;
  const other = () => {
    if (has[right]) return [left, right];
    return has[left] ? [right, left] : undefined;
  };
  switch (op.op) {
    case "add": case "subtract": return other()?.[0];
    case "multiply": case "divide": {
      // A square tells no sign, and a product with 0 nothing of the other factor.
      const zero = (factor) => nodes[factor].op.op === "constant" && Number(nodes[factor].op.value) === 0;
      if (op.op === "multiply" && (left === right || zero(left) || zero(right))) return undefined;
      const pair = other();
      // That the known one is not 0 must be something that the parties can test exactly.
      return pair && canBeTested(nodes, types, pair[1]) ? pair[0] : undefined;
    }
    case "not": case "number": case "sqrt": case "log": case "exp": return left;
    case "distribution": return taken.slice(1).every((parameter) => has[parameter]) ? left : undefined;
    default: return undefined;
  }
}

function canBeTested(nodes, types, node) {
  if (types[node].kind !== "real") return true;
  const { op, taken } = nodes[node];
  return (op.op === "sqrt" || op.op === "divide") && canBeTested(nodes, types, taken[0]);
}

/**
 * The nodes that are opened, in order. A result often determines a simpler number, as a mean does the sum; so each is
 * replaced by an argument that it determines, given what the other results tell, until nothing changes.
 */
export function openingsOf(plan, types) {
  const nodes = plan.nodes.map((op) => ({ op, taken: argumentsOf(op) }));
  const targets = new Set(plan.outputs.map((output) => output.node).filter((node) => !types[node].open));
  for (let step = reduction(nodes, types, targets); step; step = reduction(nodes, types, targets)) {
    targets.delete(step.from);
    if (step.to !== undefined) targets.add(step.to);
  }
  return [...targets].sort((a, b) => a - b);
}

function reduction(nodes, types, targets) {
  const all = known(nodes, types, targets);
  for (const from of [...targets].sort((a, b) => b - a)) {
    const { taken } = nodes[from];
    const follows = taken.length > 0 && taken.every((argument) => all[argument]);
    if (!follows && determined(nodes, types, from, all) === undefined) continue;
    const others = known(nodes, types, new Set([...targets].filter((target) => target !== from)));
    if (others[from]) return { from };
    const to = determined(nodes, types, from, others);
    if (to !== undefined) return { from, to };
  }
  return undefined;
}
