//! The domain: surveys, submissions, policy, batch records, certificates
