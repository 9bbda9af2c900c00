//! What the deployment and container tests stand on.

#![allow(dead_code, reason = "each test uses a part")]

pub mod hosts;
pub mod page;
