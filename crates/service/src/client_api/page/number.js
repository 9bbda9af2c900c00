// Numbers as results carry them: exact fractions where possible, otherwise rounded ones; or none.

/** The most digits after the dot that exact results are shown with. */
const EXACT_DIGITS = 18n;
/** Exact numbers longer than this are rounded. */
const MAX_EXACT_BITS = 1 << 15;

/** No number: withheld, or undefined. */
export const NONE = { none: true };

function gcd(a, b) {
  while (b) [a, b] = [b, a % b];
  return a < 0n ? -a : a;
}

function bits(n) {
  return 4 * (n < 0n ? -n : n).toString(16).length;
}

/** `n / d`, in lowest terms. */
export function ratio(n, d = 1n) {
  if (d === 0n) return NONE;
  const shared = gcd(n, d) * (d < 0n ? -1n : 1n);
  const exact = { n: n / shared, d: d / shared };
  return Math.max(bits(exact.n), bits(exact.d)) > MAX_EXACT_BITS ? rounded(approximate(exact)) : exact;
}

export function rounded(value) {
  return Number.isNaN(value) ? NONE : { rounded: value };
}

export function isExact(number) {
  return number.d !== undefined;
}

/** `text` as people write decimals: `-12.50`. */
export function decimal(text) {
  const [, sign, whole, fraction = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  if (whole === undefined) throw new Error(`${text} is no decimal number`);
  return ratio(BigInt(`${sign}${whole}${fraction}`), 10n ** BigInt(fraction.length));
}

/** How many digits `text` has after the dot. */
export function digits(text) {
  return text.includes(".") ? text.length - text.indexOf(".") - 1 : 0;
}

/** The nearest number that floating point has: a quotient of 64 bits or more, whose last bit says if there are more. */
export function approximate(number) {
  if (!isExact(number)) return number.rounded;
  const { n, d } = number;
  const shift = BigInt(Math.max(0, 66 + bits(d) - bits(n)));
  const scaled = (n < 0n ? -n : n) << shift;
  const magnitude = Number((scaled / d) | (scaled % d ? 1n : 0n)) / 2 ** Number(shift);
  return n < 0n ? -magnitude : magnitude;
}

/** An exact number's digits, if they end. */
export function decimalText(number) {
  if (!isExact(number)) return undefined;
  const scaled = number.n * 10n ** EXACT_DIGITS;
  if (scaled % number.d) return undefined;
  const units = scaled / number.d;
  const text = (units < 0n ? -units : units).toString().padStart(Number(EXACT_DIGITS) + 1, "0");
  const fraction = text.slice(-Number(EXACT_DIGITS)).replace(/0+$/, "");
  return `${units < 0n ? "-" : ""}${text.slice(0, -Number(EXACT_DIGITS))}${fraction && "."}${fraction}`;
}

function combine(a, b, exact, floating) {
  if (a.none || b.none) return NONE;
  return isExact(a) && isExact(b) ? exact(a, b) : rounded(floating(approximate(a), approximate(b)));
}

const truth = (holds) => ratio(holds ? 1n : 0n);
const compare = (holds) => (a, b) => combine(a, b, (x, y) => truth(holds(x.n * y.d, y.n * x.d)), () => NaN);

export const add = (a, b) => combine(a, b, (x, y) => ratio(x.n * y.d + y.n * x.d, x.d * y.d), (x, y) => x + y);
export const subtract = (a, b) => combine(a, b, (x, y) => ratio(x.n * y.d - y.n * x.d, x.d * y.d), (x, y) => x - y);
export const multiply = (a, b) => combine(a, b, (x, y) => ratio(x.n * y.n, x.d * y.d), (x, y) => x * y);
export const divide = (a, b) =>
  combine(a, b, (x, y) => ratio(x.n * y.d, x.d * y.n), (x, y) => (y === 0 ? NaN : x / y));
export const less = compare((x, y) => x < y);
export const equal = compare((x, y) => x === y);
export const differs = compare((x, y) => x !== y);
export const not = (a) => subtract(truth(true), a);

/** `then` if `condition` is not 0. */
export function select(condition, then, otherwise) {
  if (!isExact(condition)) return NONE;
  return condition.n ? then : otherwise;
}

/** The largest whole number that is not above `a`. */
export function floor(a) {
  if (a.none) return NONE;
  if (!isExact(a)) return Number.isFinite(a.rounded) ? ratio(BigInt(Math.floor(a.rounded))) : NONE;
  const below = a.n / a.d;
  return ratio(a.n < 0n && a.n % a.d ? below - 1n : below);
}

export function floorDivide(a, divisor) {
  return isExact(a) ? floor(divide(a, ratio(BigInt(divisor)))) : NONE;
}

/** The largest whole number whose square is not above `n`. */
function root(n) {
  if (n < 2n) return n;
  let guess = 1n << BigInt((bits(n) >> 1) + 1);
  for (;;) {
    const better = (guess + n / guess) >> 1n;
    if (better >= guess) return guess;
    guess = better;
  }
}

function map(a, floating) {
  return a.none ? NONE : rounded(floating(approximate(a)));
}

export function sqrt(a) {
  if (isExact(a)) {
    if (a.n < 0n) return NONE;
    const [n, d] = [root(a.n), root(a.d)];
    if (n * n === a.n && d * d === a.d) return ratio(n, d);
  }
  return map(a, Math.sqrt);
}

export const log = (a) => map(a, (value) => (value > 0 ? Math.log(value) : NaN));
export const exp = (a) => map(a, Math.exp);
