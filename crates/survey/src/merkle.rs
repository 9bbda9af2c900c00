//! Merkle trees over SHA-256, shaped like RFC 6962 (leaf and node hashes differ by a first byte; an odd node
//! moves up unpaired), and inclusion proofs that a browser can check.
//!
//! Trees nest: a dataset root is the root over epoch roots, each of which is the root over its batch records'
//! roots, each of which is the root over submission digests. A proof through all three is one [`Path`].

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::id::Id;

fn leaf(id: &Id) -> Id {
    Id(Sha256::new().chain_update([0]).chain_update(id.0).finalize().into())
}

fn node(left: &Id, right: &Id) -> Id {
    Id(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// The root over a list of ids. The empty list has the root SHA-256("").
pub fn root(leaves: &[Id]) -> Id {
    let mut level: Vec<Id> = leaves.iter().map(leaf).collect();
    if level.is_empty() {
        return Id(Sha256::digest([]).into());
    }
    while level.len() > 1 {
        level = up(&level);
    }
    level[0]
}

fn up(level: &[Id]) -> Vec<Id> {
    level.chunks(2).map(|pair| if let [a, b] = pair { node(a, b) } else { pair[0] }).collect()
}

/// One step of a [`Path`], upwards from a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "step", content = "sibling", rename_all = "snake_case")]
pub enum Climb {
    /// Hash what one holds as the leaf of a tree (first step, and wherever trees nest).
    Leaf,
    /// The sibling is on the left.
    Left(Id),
    /// The sibling is on the right.
    Right(Id),
}

/// The way from a leaf to a root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Path(pub Vec<Climb>);

/// A path longer than this is refused: three nested trees of 2^32 leaves each are within it.
const MAX_CLIMB: usize = 3 * 33;

impl Path {
    /// The path of the leaf at `index`, or none if there is no such leaf.
    pub fn new(leaves: &[Id], mut index: usize) -> Option<Self> {
        leaves.get(index)?;
        let mut level: Vec<Id> = leaves.iter().map(leaf).collect();
        let mut path = vec![Climb::Leaf];
        while level.len() > 1 {
            if index % 2 == 1 {
                path.push(Climb::Left(level[index - 1]));
            } else if let Some(right) = level.get(index + 1) {
                path.push(Climb::Right(*right));
            }
            level = up(&level);
            index /= 2;
        }
        Some(Self(path))
    }

    /// This path, then the path of the tree that this tree's root is a leaf of.
    pub fn join(mut self, above: Self) -> Self {
        self.0.extend(above.0);
        self
    }

    /// The root that this path leads to from `id`, or none if the path is malformed.
    pub fn root_from(&self, id: &Id) -> Option<Id> {
        if self.0.len() > MAX_CLIMB || self.0.first() != Some(&Climb::Leaf) {
            return None;
        }
        Some(self.0.iter().fold(*id, |below, climb| match climb {
            Climb::Leaf => leaf(&below),
            Climb::Left(left) => node(left, &below),
            Climb::Right(right) => node(&below, right),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: usize) -> Vec<Id> {
        (0..count).map(|i| Id::of_parts("leaf", &[&i.to_be_bytes()])).collect()
    }

    #[test]
    fn every_leaf_of_every_small_tree_has_a_path_and_no_other_id_has() {
        for count in 1..20 {
            let leaves = leaves(count);
            let root = root(&leaves);
            for index in 0..count {
                let path = Path::new(&leaves, index).unwrap();
                assert_eq!(path.root_from(&leaves[index]), Some(root), "{index} of {count}");
                assert_ne!(path.root_from(&Id::default()), Some(root));
            }
            assert_eq!(Path::new(&leaves, count), None);
        }
    }

    #[test]
    fn an_inner_node_does_not_pass_for_a_leaf() {
        let leaves = leaves(4);
        let inner = node(&leaf(&leaves[0]), &leaf(&leaves[1]));
        let rest = Path(vec![Climb::Right(node(&leaf(&leaves[2]), &leaf(&leaves[3])))]);
        assert_eq!(rest.root_from(&inner), None, "a path starts at a leaf");
        assert_ne!(root(&[inner, node(&leaf(&leaves[2]), &leaf(&leaves[3]))]), root(&leaves));
    }

    #[test]
    fn trees_nest() {
        let inner: Vec<Vec<Id>> = vec![leaves(3), leaves(5), leaves(1)];
        let roots: Vec<Id> = inner.iter().map(|leaves| root(leaves)).collect();
        let path = Path::new(&inner[1], 4).unwrap().join(Path::new(&roots, 1).unwrap());
        assert_eq!(path.root_from(&inner[1][4]), Some(root(&roots)));
    }
}
