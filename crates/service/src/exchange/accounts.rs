//! Accounts: from a file, or derived from a seed.

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};

/// One customer of the exchange.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// The account's number.
    pub uid: u64,
    /// The key that a request names.
    pub api_key: String,
    /// The key that a request is signed with.
    pub api_secret: String,
    /// Free balances by asset, as decimal numbers.
    pub balances: BTreeMap<String, String>,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("uid", &self.uid).finish_non_exhaustive()
    }
}

/// All accounts, by API key.
#[derive(Clone, Debug, Default)]
pub struct Accounts(HashMap<String, Account>);

/// The assets that a derived account holds, with the largest whole part of each.
const ASSETS: [(&str, u64); 6] =
    [("BTC", 3), ("LTC", 90), ("ETH", 40), ("BNB", 120), ("USDT", 50_000), ("SOL", 400)];

impl Accounts {
    /// So many accounts, derived from a seed: the same seed gives the same accounts.
    pub fn derive(seed: &str, count: u64) -> Self {
        (0..count).map(|index| Account::derive(seed, index)).collect()
    }

    /// Reads a JSON list of accounts.
    ///
    /// # Errors
    /// The JSON library's.
    pub fn from_json(json: &str) -> Result<Self, serde_json::Error> {
        Ok(serde_json::from_str::<Vec<Account>>(json)?.into_iter().collect())
    }

    /// The account of this API key.
    pub fn get(&self, api_key: &str) -> Option<&Account> {
        self.0.get(api_key)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Account> for Accounts {
    fn from_iter<I: IntoIterator<Item = Account>>(accounts: I) -> Self {
        Self(accounts.into_iter().map(|account| (account.api_key.clone(), account)).collect())
    }
}

impl Account {
    /// The account with this index under a seed.
    pub fn derive(seed: &str, index: u64) -> Self {
        let hash = |label: &str| -> [u8; 32] {
            let mut hash = Sha256::new();
            for part in [b"mpcstats/sample-exchange/v1", label.as_bytes(), seed.as_bytes()] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
            hash.update(index.to_be_bytes());
            hash.finalize().into()
        };
        let number = |label: &str| {
            let bytes = hash(label);
            bytes[..8].iter().fold(0u64, |n, &byte| n << 8 | u64::from(byte))
        };
        let balance = |asset: &str, most: u64| {
            // The product of two draws: many small holders, a few large ones.
            let (a, b) = (number(asset) >> 40, number(&format!("{asset}/2")) >> 40);
            let units = (u128::from(most) * 100_000_000 * u128::from(a) * u128::from(b)) >> 48;
            format!("{}.{:08}", units / 100_000_000, units % 100_000_000)
        };
        Self {
            uid: 100_000_000 + number("uid") % 800_000_000,
            api_key: hex::encode(hash("api key")),
            api_secret: hex::encode(hash("api secret")),
            balances: ASSETS.iter().map(|&(name, most)| (name.to_owned(), balance(name, most))).collect(),
        }
    }

    /// True if `signature` (hexadecimal) signs `message` with this account's secret.
    pub fn signed(&self, message: &str, signature: &str) -> bool {
        let (Ok(mac), Ok(signature)) =
            (<Hmac<Sha256> as KeyInit>::new_from_slice(self.api_secret.as_bytes()), hex::decode(signature))
        else {
            return false;
        };
        mac.chain_update(message).verify_slice(&signature).is_ok()
    }

    /// The account as the API answers it.
    pub fn to_json(&self, now_ms: u64) -> String {
        let balances: Vec<String> = self
            .balances
            .iter()
            .map(|(asset, free)| format!(r#"{{"asset":"{asset}","free":"{free}","locked":"0.00000000"}}"#))
            .collect();
        format!(
            concat!(
                r#"{{"makerCommission":10,"takerCommission":10,"buyerCommission":0,"sellerCommission":0,"#,
                r#""commissionRates":{{"maker":"0.00100000","taker":"0.00100000","buyer":"0.00000000","#,
                r#""seller":"0.00000000"}},"canTrade":true,"canWithdraw":true,"canDeposit":true,"brokered":false,"#,
                r#""requireSelfTradePrevention":false,"preventSor":false,"updateTime":{},"accountType":"SPOT","#,
                r#""balances":[{}],"permissions":["SPOT"],"uid":{}}}"#
            ),
            now_ms,
            balances.join(","),
            self.uid
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_accounts_and_every_account_is_another() {
        let (a, b) = (Account::derive("seed", 0), Account::derive("seed", 1));
        assert_eq!(a, Account::derive("seed", 0));
        assert!(a.api_key != b.api_key && a.api_secret != b.api_secret && a.uid != b.uid);
        assert!(Account::derive("other", 0).api_key != a.api_key);
    }

    #[test]
    fn the_answer_is_json_that_the_shipped_source_accepts() {
        for index in 0..200 {
            let account = Account::derive("seed", index);
            let json = account.to_json(1_700_000_000_000);
            let parsed: serde_json::Value = serde_json::from_str(&json).unwrap();
            assert_eq!(parsed["uid"], account.uid);
            let source =
                mpctls::Source::from_toml(include_str!("../../../../sources/sample-exchange.toml")).unwrap();
            let mut secrets = mpctls::source::Secrets::new();
            secrets.insert("api_key", account.api_key.clone());
            secrets.insert("api_secret", account.api_secret.clone());
            let request = source.render(&secrets, 1_700_000_000_000).unwrap();
            let response = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{json}", json.len());
            let disclosure = source.disclose(&request, response.as_bytes(), false).unwrap();
            assert_eq!(disclosure.values, [("uid".to_owned(), account.uid.to_string())]);
        }
    }
}
