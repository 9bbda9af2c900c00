//! What published cells tell of the others, and which cell to withhold so that they do not tell of few.
//!
//! Whoever knows how many rows a whole has, and what each published cell of it has, knows what the others have
//! together. So where these hold fewer rows than the minimum, the smallest published cell is withheld as well
//! (complementary suppression: L. Willenborg, T. de Waal, *Elements of Statistical Disclosure Control*, 2001).
//! One is enough, for it holds the minimum itself. Which one it is, and that there is one, is computed on shares: what
//! opens of a cell is one bit, whether it is withheld.
//!
//! Cells are known by what their masks say: labels of a category, sides of constants, keys, conditions and their
//! negations. A whole is all rows that have the values in question, or another mask. This covers histograms, groups and
//! tables, with their margins, and thresholds that differ by few; not every sum of masks that holds few rows.

use super::Checker;
use super::kinds::{Rows, Shape, Type};
use super::policy::Mask;
use crate::error::PlanError;
use crate::plan::{Decimal, NodeId, Op, Plan};
use std::collections::{BTreeMap, BTreeSet};

/// What a mask says of one column or condition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    of: NodeId,
    is: Side,
}

/// Where a row has to lie.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Below(Cut),
    From(Cut),
    Label(String),
    Unlike(String),
    Key(NodeId),
    Holds,
    Fails,
}

/// A place between numbers: just before one, or just after it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cut {
    number: Decimal,
    after: bool,
}

/// Rows that masks of a plan pick out, and whether they may be told.
#[derive(Clone, Debug)]
struct Cell {
    parts: BTreeSet<Part>,
    count: NodeId,
    told: NodeId,
}

/// The rows that lie in one whole: those where the same values are present.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Whole {
    rows: Rows,
    present: BTreeSet<NodeId>,
}

impl Part {
    /// What a boolean column demands; `None` of a scalar, which picks no rows.
    fn new(plan: &Plan, types: &[Type], condition: NodeId) -> Option<Self> {
        let (mut node, mut holds) = (condition, true);
        while let Op::Not { of } = plan.op(node) {
            (node, holds) = (*of, !holds);
        }
        if types[node.index()].is_scalar() {
            return None;
        }
        let cut = |number: &Decimal, after| Cut { number: number.clone(), after };
        let side = |is_below: bool, cut| if is_below { Side::Below(cut) } else { Side::From(cut) };
        let constant = |node: NodeId| match plan.op(node) {
            Op::Constant { value } => Some(value),
            _ => None,
        };
        let (of, is) = match plan.op(node) {
            Op::Is { of, label } if holds => (*of, Side::Label(label.clone())),
            Op::Is { of, label } => (*of, Side::Unlike(label.clone())),
            Op::Less { left, right } => match (constant(*left), constant(*right)) {
                (_, Some(number)) => (*left, side(holds, cut(number, false))),
                (Some(number), None) => (*right, side(!holds, cut(number, true))),
                (None, None) => (node, if holds { Side::Holds } else { Side::Fails }),
            },
            Op::Equal { left, right } if holds && types[right.index()].is_scalar() => {
                (*left, Side::Key(*right))
            }
            _ => (node, if holds { Side::Holds } else { Side::Fails }),
        };
        Some(Self { of, is })
    }

    /// Whether no row has both.
    fn excludes(&self, other: &Self) -> bool {
        let excludes = match (&self.is, &other.is) {
            (Side::Below(below), Side::From(from)) | (Side::From(from), Side::Below(below)) => below <= from,
            (Side::Label(one), Side::Label(other)) => one != other,
            (Side::Label(one), Side::Unlike(other)) | (Side::Unlike(one), Side::Label(other)) => one == other,
            // Keys that a program found: each stands for other rows.
            (Side::Key(one), Side::Key(other)) => one != other,
            (Side::Holds, Side::Fails) | (Side::Fails, Side::Holds) => true,
            _ => false,
        };
        self.of == other.of && excludes
    }

    /// Whether every row that has this has `other`.
    fn implies(&self, other: &Self) -> bool {
        let implies = match (&self.is, &other.is) {
            (Side::Below(one), Side::Below(other)) => one <= other,
            (Side::From(one), Side::From(other)) => one >= other,
            (Side::Label(one), Side::Unlike(other)) => one != other,
            (one, other) => one == other,
        };
        self.of == other.of && implies
    }
}

impl Cell {
    fn excludes(&self, other: &Self) -> bool {
        self.parts.iter().any(|part| other.parts.iter().any(|other| part.excludes(other)))
    }

    fn lies_in(&self, whole: &BTreeSet<Part>) -> bool {
        whole.iter().all(|whole| self.parts.iter().any(|part| part.implies(whole)))
    }

    /// By what it tells rows apart.
    fn variables(&self) -> BTreeSet<NodeId> {
        self.parts.iter().map(|part| part.of).collect()
    }
}

/// Whether each of `masks` is told: it holds enough rows and leaves out enough, and does not tell of a cell that fails.
pub fn told(checker: &mut Checker, masks: &[Mask], minimum: u32) -> Result<Vec<NodeId>, PlanError> {
    let mut wholes: Vec<(Whole, Vec<Cell>)> = Vec::new();
    let mut places = Vec::new();
    for mask in masks {
        let tests = checker.large_enough(mask, minimum)?;
        let told = checker.all(tests)?;
        let place = place(checker, mask, &mut wholes)?;
        if let Some((whole, cell)) = place {
            let cell = &mut wholes[whole].1[cell];
            cell.told = checker.all([cell.told, told])?;
        }
        places.push((told, place));
    }
    for (whole, cells) in &mut wholes {
        let count = checker.rows_where(&whole.rows, &whole.present)?;
        suppress(checker, count, cells, minimum)?;
    }
    let of = |(told, place): (NodeId, Option<(usize, usize)>)| match place {
        Some((whole, cell)) => wholes[whole].1[cell].told,
        None => told,
    };
    Ok(places.into_iter().map(of).collect())
}

/// Where the cell of a mask is, which is made if there is none yet; `None` if the plan did not choose its rows.
fn place(
    checker: &mut Checker,
    mask: &Mask,
    wholes: &mut Vec<(Whole, Vec<Cell>)>,
) -> Result<Option<(usize, usize)>, PlanError> {
    let Shape::Column(rows) = checker.types[mask.condition.index()].shape.clone() else { return Ok(None) };
    let parts = mask.chosen.iter().filter_map(|node| Part::new(&checker.plan, &checker.types, *node));
    let parts = terse(&parts.collect());
    if parts.is_empty() {
        return Ok(None);
    }
    let whole = Whole { rows, present: mask.own.union(&mask.others).copied().collect() };
    let position = wholes.iter().position(|(other, _)| *other == whole).unwrap_or_else(|| {
        wholes.push((whole, Vec::new()));
        wholes.len() - 1
    });
    let cells = &mut wholes[position].1;
    let cell = if let Some(cell) = cells.iter().position(|cell| cell.parts == parts) {
        cell
    } else {
        let count = checker.node(Op::Sum { of: mask.condition })?;
        cells.push(Cell { parts, count, told: checker.truth()? });
        cells.len() - 1
    };
    Ok(Some((position, cell)))
}

/// The parts that do not follow from another: equal sets say the same.
fn terse(parts: &BTreeSet<Part>) -> BTreeSet<Part> {
    let follows = |part: &Part| parts.iter().any(|other| other != part && other.implies(part));
    parts.iter().filter(|part| !follows(part)).cloned().collect()
}

/// Withholds cells of a whole of `rows` rows, and of each cell that others lie in.
fn suppress(checker: &mut Checker, rows: NodeId, cells: &mut [Cell], minimum: u32) -> Result<(), PlanError> {
    // That a single cell leaves out enough of all rows was tested before.
    for family in families(cells, &BTreeSet::new()).iter().filter(|family| family.len() > 1) {
        let whole = Cell { parts: BTreeSet::new(), count: rows, told: checker.truth()? };
        complement(checker, &whole, cells, family, minimum)?;
    }
    // A cell comes after those that it lies in, for by then it is settled whether it is told itself.
    let depth = |cell: &Cell| cells.iter().filter(|whole| cell.lies_in(&whole.parts)).count();
    let mut order: Vec<_> = (0..cells.len()).collect();
    order.sort_by_key(|position| depth(&cells[*position]));
    for whole in order {
        let whole = cells[whole].clone();
        for family in families(cells, &whole.parts) {
            match *family {
                [cell] => cells[cell].told = not_both(checker, &whole, &cells[cell], minimum)?,
                _ => complement(checker, &whole, cells, &family, minimum)?,
            }
        }
    }
    Ok(())
}

/// The cells within `parent` that do not overlap, by what they tell apart.
fn families(cells: &[Cell], parent: &BTreeSet<Part>) -> Vec<Vec<usize>> {
    let mut families: BTreeMap<BTreeSet<NodeId>, Vec<Vec<usize>>> = BTreeMap::new();
    for (position, cell) in cells.iter().enumerate() {
        if cell.parts == *parent || !cell.lies_in(parent) {
            continue;
        }
        let alike = families.entry(cell.variables()).or_default();
        let apart = |family: &&mut Vec<usize>| family.iter().all(|other| cells[*other].excludes(cell));
        match alike.iter_mut().find(apart) {
            Some(family) => family.push(position),
            None => alike.push(vec![position]),
        }
    }
    families.into_values().flatten().collect()
}

/// Whether `cell`, which lies in `whole`, is told: not beside a whole of which it leaves out too few.
fn not_both(checker: &mut Checker, whole: &Cell, cell: &Cell, minimum: u32) -> Result<NodeId, PlanError> {
    let rest = checker.node(Op::Subtract { left: whole.count, right: cell.count })?;
    let enough = checker.reaches(rest, minimum)?;
    let few = checker.node(Op::Not { of: enough })?;
    let of = checker.all([whole.told, few])?;
    let kept = checker.node(Op::Not { of })?;
    checker.all([cell.told, kept])
}

/// Withholds the smallest cell of `family` that is told, if what is told of `whole` and its cells tells of too few.
///
/// Of a whole that is told: those that its told cells leave out, unless all are told and leave out nobody.
/// Of one that is withheld: itself, which cells that are all told and leave out nobody add up to.
fn complement(
    checker: &mut Checker,
    whole: &Cell,
    cells: &mut [Cell],
    family: &[usize],
    minimum: u32,
) -> Result<(), PlanError> {
    let none = checker.constant(0)?;
    let most = &checker.types[whole.count.index()].range.max;
    let beyond = checker.node(Op::Constant { value: Decimal::new(most + 1, 0) })?;
    let (mut published, mut sizes) = (Vec::new(), Vec::new());
    for position in family {
        let Cell { count, told, .. } = cells[*position];
        published.push(checker.node(Op::Select { condition: told, then: count, otherwise: none })?);
        sizes.push(checker.node(Op::Select { condition: told, then: count, otherwise: beyond })?);
    }
    let right = checker.in_pairs(published, |left, right| Op::Add { left, right })?.unwrap_or(none);
    let rest = checker.node(Op::Subtract { left: whole.count, right })?;
    let (enough, some) = (checker.reaches(rest, minimum)?, checker.reaches(rest, 1)?);
    let (few, nobody) = (checker.node(Op::Not { of: enough })?, checker.node(Op::Not { of: some })?);
    let few = checker.all([whole.told, few])?;
    let complete = checker.all(family.iter().map(|position| cells[*position].told).chain([nobody]))?;
    // Complete cells leave out few, which is nothing to tell of a whole that is told: there, both cancel out.
    let tells = checker.node(Op::Xor { left: few, right: complete })?;
    for (position, smallest) in family.iter().zip(smallest(checker, &sizes)?) {
        let of = checker.all([tells, smallest])?;
        let kept = checker.node(Op::Not { of })?;
        cells[*position].told = checker.all([cells[*position].told, kept])?;
    }
    Ok(())
}

/// Which of `sizes` is the smallest, the first if several are: in a tournament, whose losers' conditions fail.
fn smallest(checker: &mut Checker, sizes: &[NodeId]) -> Result<Vec<NodeId>, PlanError> {
    let truth = checker.truth()?;
    let mut round: Vec<_> = sizes.iter().map(|size| (*size, vec![truth])).collect();
    while round.len() > 1 {
        let mut next = Vec::new();
        for pair in round.chunks(2) {
            let [(left, lefts), (right, rights)] = pair else {
                next.extend_from_slice(pair);
                continue;
            };
            let second = checker.node(Op::Less { left: *right, right: *left })?;
            let first = checker.node(Op::Not { of: second })?;
            let size = checker.node(Op::Select { condition: second, then: *right, otherwise: *left })?;
            let mut wins = Vec::new();
            for (of, side) in [(lefts, first), (rights, second)] {
                for win in of {
                    wins.push(checker.all([*win, side])?);
                }
            }
            next.push((size, wins));
        }
        round = next;
    }
    Ok(round.into_iter().flat_map(|(_, wins)| wins).collect())
}
