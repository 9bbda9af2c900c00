//! What a provider and a consumer do, as a library

pub mod notary;
