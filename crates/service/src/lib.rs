//! Coordinator, party, notary and client API: HTTP, storage, jobs, metrics
