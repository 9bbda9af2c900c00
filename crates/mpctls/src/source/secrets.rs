//! The provider's secrets, by name.

use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// What the provider supplies for one request. Never printed, wiped when dropped.
#[derive(Clone, Default)]
pub struct Secrets(BTreeMap<String, Zeroizing<String>>);

impl Secrets {
    /// No secrets yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a secret.
    pub fn insert(&mut self, name: &str, value: String) {
        self.0.insert(name.to_owned(), Zeroizing::new(value));
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.as_str())
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
