//! The channels the protocols run over: mutual TLS, in memory, shaped and tampering
