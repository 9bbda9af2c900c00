//! Linear regression by least squares. Publishes the means and covariances that everything follows from.

use super::Record;
use crate::build::{Column, Scalar};
use crate::error::{Code, PlanError};
use crate::plan::{Family, Tail};

/// A straight line through the points `(x, y)`: `y = intercept + slope * x`.
pub fn linear_regression(x: &Column, y: &Column) -> Record {
    let (x, y) = (x.where_present(y), y.where_present(x));
    let n = x.count();
    let (dxx, dxy, dyy) = (x.codeviation(&x), x.codeviation(&y), y.codeviation(&y));
    let (mean_x, mean_y) = (x.mean(), y.mean());
    let slope = &dxy / &dxx;
    let intercept = &mean_y - &slope * &mean_x;
    let r_squared = dxy.square() / (&dxx * &dyy);
    let r = &dxy / dxx.sqrt() / dyy.sqrt();
    let freedom = &n - 2;
    // The mean square of the residuals is (1 - r^2) dyy / (n (n - 2)), and x spreads by dxx / n.
    let error = ((x.program().constant(1) - &r_squared) * &dyy / (&dxx * &freedom)).sqrt();
    let intercept_error = &error * (&dxx / n.square() + mean_x.square()).sqrt();
    let t = &slope / &error;
    let p = t.distribution(Family::StudentT, Tail::TwoSided, &[&freedom]);
    let pairs = &n * &n;
    Record::new([
        ("slope", slope),
        ("intercept", intercept),
        ("r", r),
        ("r_squared", r_squared),
        ("slope_error", error),
        ("intercept_error", intercept_error),
        ("statistic", t),
        ("pvalue", p),
        ("n", n),
        ("mean_x", mean_x),
        ("mean_y", mean_y),
        ("variance_x", dxx / &pairs),
        ("variance_y", dyy / &pairs),
        ("covariance", dxy / pairs),
    ])
}

/// A linear function of several columns, `y = intercept + sum slope_i * x_i`, with standard errors and R².
///
/// Solved by Gaussian elimination on the matrix of covariances, in exact fractions.
pub fn multiple_regression(predictors: &[(String, Column)], y: &Column) -> Record {
    let named = ["intercept", "r_squared", "residual_variance", "n", "mean", "covariance", "y"];
    if let Some((name, _)) = predictors.iter().find(|(name, _)| named.contains(&name.as_str())) {
        let cause = format!("a predictor cannot be called `{name}`, which the result has an entry for");
        y.program().refuse(PlanError::new(Code::Type, cause, "give the predictor another name"));
    }
    let mut all: Vec<Column> = predictors.iter().map(|(_, x)| x.clone()).collect();
    all.push(y.clone());
    // Every column counts the rows that all have.
    let all: Vec<Column> =
        all.iter().map(|column| all.iter().fold(column.clone(), |c, other| c.where_present(other))).collect();
    let (p, program, n) = (predictors.len(), y.program(), all[predictors.len()].count());
    let means: Vec<Scalar> = all.iter().map(Column::mean).collect();
    let mut codeviations = vec![vec![program.constant(0); p + 1]; p + 1];
    for i in 0..=p {
        for j in 0..=i {
            let value = all[i].codeviation(&all[j]);
            codeviations[i][j] = value.clone();
            codeviations[j][i] = value;
        }
    }
    let rows: Vec<Vec<Scalar>> = (0..p)
        .map(|i| {
            let unit = (0..p).map(|j| program.constant(i64::from(i == j)));
            codeviations[i].iter().cloned().chain(unit).collect()
        })
        .collect();
    let solved = eliminate(rows);
    let slopes: Vec<Scalar> = solved.iter().map(|row| row[p].clone()).collect();
    let explained = (0..p).fold(program.constant(0), |total, i| total + &slopes[i] * &codeviations[i][p]);
    let total = &codeviations[p][p];
    let r_squared = &explained / total;
    let freedom = &n - (p as i64 + 1);
    // Codeviations are n times sums of squares about the mean.
    let residual = (total - explained) / (&n * &freedom);
    let mut record = Record::default();
    let mut intercept = means[p].clone();
    let mut intercept_spread = program.constant(1) / &n;
    for i in 0..p {
        intercept = intercept - &slopes[i] * &means[i];
        for j in 0..p {
            let inverse = &solved[i][p + 1 + j] * &n;
            intercept_spread = intercept_spread + &means[i] * &means[j] * inverse;
        }
    }
    let mut coefficient = |name: &str, value: Scalar, spread: Scalar| {
        let error = (&residual * spread).sqrt();
        let t = &value / &error;
        let pvalue = t.distribution(Family::StudentT, Tail::TwoSided, &[&freedom]);
        record.nest(name, Record::new([("value", value), ("error", error), ("t", t), ("pvalue", pvalue)]));
    };
    coefficient("intercept", intercept, intercept_spread);
    for (i, (name, _)) in predictors.iter().enumerate() {
        coefficient(name, slopes[i].clone(), &solved[i][p + 1 + i] * &n);
    }
    record.push("r_squared", r_squared);
    record.push("residual_variance", residual);
    record.push("n", n.clone());
    let names: Vec<&str> = predictors.iter().map(|(name, _)| name.as_str()).chain(["y"]).collect();
    for i in 0..=p {
        record.nest("mean", Record::new([(names[i], means[i].clone())]));
        for j in 0..=i {
            let label = format!("{} {}", names[i], names[j]);
            record.nest("covariance", Record::new([(&label, &codeviations[i][j] / (&n * &n))]));
        }
    }
    record
}

/// Gauss-Jordan elimination: turns the left square of `rows` into the unit matrix. A pivot of 0 (predictors that
/// depend on each other) leaves the results undefined.
fn eliminate(mut rows: Vec<Vec<Scalar>>) -> Vec<Vec<Scalar>> {
    for pivot in 0..rows.len() {
        let head = rows[pivot][pivot].clone();
        rows[pivot] = rows[pivot].iter().map(|value| value / &head).collect();
        for other in (0..rows.len()).filter(|other| *other != pivot) {
            let factor = rows[other][pivot].clone();
            let reduced = rows[other].iter().zip(&rows[pivot]).map(|(value, p)| value - &factor * p);
            rows[other] = reduced.collect();
        }
    }
    rows
}
