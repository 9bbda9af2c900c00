// Distribution functions: normal, Student's t, chi-squared, F. By the incomplete gamma and beta functions, whose
// series and continued fractions are those of Numerical Recipes, chapter 6.

const TINY = 1e-300;
const STEPS = 10000;

/** Lanczos' approximation of the logarithm of the gamma function, for positive numbers. */
function logGamma(x) {
  const terms = [676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
    -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7];
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const base = x + 6.5;
  const sum = terms.reduce((total, term, index) => total + term / (x + index), 0.99999999999980993);
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(base) - base + Math.log(sum);
}

/** A continued fraction by Lentz' method: `step(i)` gives its i-th numerator and denominator. */
function continued(first, step) {
  let value = first || TINY;
  let [c, d] = [value, 0];
  for (let i = 1; i <= STEPS; i += 1) {
    const [a, b] = step(i);
    d = 1 / (b + a * d || TINY);
    c = b + a / c || TINY;
    value *= c * d;
    if (Math.abs(c * d - 1) < 1e-16) break;
  }
  return value;
}

/** The upper regularized incomplete gamma function. */
function gammaAbove(a, x) {
  if (!(x > 0)) return 1;
  const front = Math.exp(a * Math.log(x) - x - logGamma(a));
  if (x >= a + 1) return front / continued(x + 1 - a, (i) => [-i * (i - a), x + 1 - a + 2 * i]);
  let [term, sum] = [1 / a, 1 / a];
  for (let i = 1; i <= STEPS && term > sum * 1e-17; i += 1) {
    term *= x / (a + i);
    sum += term;
  }
  return 1 - front * sum;
}

/** The regularized incomplete beta function. */
function betaBelow(a, b, x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - betaBelow(b, a, 1 - x);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  const fraction = continued(1, (i) => {
    const m = i >> 1;
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    return [i % 2 ? odd : even, 1];
  });
  return front / a / fraction;
}

const ABOVE = {
  normal: (x) => (x < 0 ? 1 - gammaAbove(0.5, (x * x) / 2) / 2 : gammaAbove(0.5, (x * x) / 2) / 2),
  student_t: (x, freedom) => {
    const half = betaBelow(freedom / 2, 0.5, freedom / (freedom + x * x)) / 2;
    return x < 0 ? 1 - half : half;
  },
  chi_squared: (x, freedom) => gammaAbove(freedom / 2, x / 2),
  f: (x, over, under) => (x <= 0 ? 1 : betaBelow(under / 2, over / 2, under / (under + over * x))),
};

/** Where the probability above falls to `1 - below`: by halving. */
function quantile(above, below) {
  if (!(below > 0 && below < 1)) return NaN;
  let [low, high] = [-1, 1];
  while (1 - above(low) > below && low > -1e300) low *= 2;
  while (1 - above(high) < below && high < 1e300) high *= 2;
  for (let i = 0; i < 200; i += 1) {
    const middle = (low + high) / 2;
    if (1 - above(middle) < below) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The value of a distribution function: `tail` is above, two_sided or quantile. */
export function distribution(family, tail, value, parameters) {
  const above = (x) => ABOVE[family](x, ...parameters);
  if (tail === "above") return above(value);
  return tail === "two_sided" ? 2 * above(Math.abs(value)) : quantile(above, value);
}
