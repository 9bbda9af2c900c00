//! Typed query plans, their checker and executors, and the statistics library
