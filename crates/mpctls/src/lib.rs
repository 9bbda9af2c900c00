//! Notarized TLS: source templates, the prover, the notary, attestations and their verifier
