//! The statistics, each written in the vocabulary of [`build`](crate::build): read one to write the next.

mod moments;
mod order;
