//! A made-up website whose answers stand in a file: one account a line.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// What the site answers one account, and what its owner types in beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// The body of the answer, byte for byte.
    pub body: String,
    /// The values of self-reported fields, by name.
    #[serde(default)]
    pub answers: BTreeMap<String, String>,
}

/// No token is shorter: a source must take secrets of at least this length.
pub const TOKEN: usize = 16;

/// The responses of a site, and the token by which each account is known.
#[derive(Clone, Debug)]
pub struct Script(Vec<(String, Response)>);

/// The secret of the account with this index: whatever the source asks for, this is it.
pub fn token(seed: &str, index: usize) -> String {
    let Ok(mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(seed.as_bytes()) else {
        unreachable!("HMAC takes keys of every length")
    };
    let hash =
        mac.chain_update(b"mpcstats/sample-exchange/token/v1").chain_update((index as u64).to_be_bytes());
    hex::encode(&hash.finalize().into_bytes()[..TOKEN / 2])
}

impl Script {
    /// Reads responses, one JSON object a line; accounts' tokens are derived from a seed.
    ///
    /// # Errors
    /// The number of the line at fault, and what is wrong with it.
    pub fn parse(lines: &str, seed: &str) -> Result<Self, String> {
        let response = |(index, line): (usize, &str)| {
            let response =
                serde_json::from_str(line).map_err(|error| format!("line {}: {error}", index + 1))?;
            Ok((token(seed, index), response))
        };
        lines.lines().enumerate().map(response).collect::<Result<_, _>>().map(Self)
    }

    /// How many accounts there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The account with this index.
    pub fn response(&self, index: usize) -> Option<&Response> {
        self.0.get(index).map(|(_, response)| response)
    }

    /// The answer to a request of which these are the parts that may hold a token.
    pub fn answer(&self, request: &[&[u8]]) -> Option<&Response> {
        let holds = |part: &[u8], token: &str| part.windows(TOKEN).any(|window| window == token.as_bytes());
        let found = self.0.iter().find(|(token, _)| request.iter().any(|part| holds(part, token)));
        found.map(|(_, response)| response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_known_by_its_token_wherever_it_stands() {
        let lines = "{\"body\":\"a\"}\n{\"body\":\"b\",\"answers\":{\"sleep\":\"7\"}}\n";
        let script = Script::parse(lines, "seed").unwrap();
        let header = format!("Bearer {}", token("seed", 1));
        assert_eq!(script.answer(&[b"/path", header.as_bytes()]).unwrap().body, "b");
        assert_eq!(script.answer(&[b"/path", b"Bearer 0123456789abcdef"]), None);
        assert_eq!(script.answer(&[b"", &header.as_bytes()[..header.len() - 1]]), None, "a part of a token");
        assert!(Script::parse("{\"body\":\"a\"}\n{}", "seed").unwrap_err().contains("line 2"));
    }
}
