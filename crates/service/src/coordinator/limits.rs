//! Rate limits: a token bucket for each address, and one for the survey.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use survey::{Code, Refusal};

/// How much is let in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Calls a second, in the long run.
    pub per_second: f64,
    /// Calls at once.
    pub burst: f64,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at_ms: u64,
}

impl Bucket {
    fn take(&mut self, rate: Rate, now_ms: u64) -> bool {
        let passed = now_ms.saturating_sub(self.at_ms) as f64 / 1000.0;
        self.tokens = (self.tokens + passed * rate.per_second).min(rate.burst);
        self.at_ms = now_ms;
        let enough = self.tokens >= 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }
}

/// No more addresses than this are remembered; full buckets are forgotten first.
const ADDRESSES: usize = 100_000;

/// The limits of one survey.
#[derive(Debug)]
pub struct Limiter {
    address: Rate,
    survey: Rate,
    buckets: Mutex<(Bucket, HashMap<IpAddr, Bucket>)>,
}

impl Limiter {
    /// Limits for each address and for all together.
    pub fn new(address: Rate, survey: Rate) -> Self {
        let all = Bucket { tokens: survey.burst, at_ms: 0 };
        Self { address, survey, buckets: Mutex::new((all, HashMap::new())) }
    }

    /// Counts a call at a time in milliseconds.
    ///
    /// # Errors
    /// [`Code::RateLimited`].
    pub fn check(&self, address: IpAddr, now_ms: u64) -> Result<(), Refusal> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, each) = &mut *buckets;
        if each.len() >= ADDRESSES && !each.contains_key(&address) {
            let refill_ms = (self.address.burst / self.address.per_second * 1000.0) as u64;
            each.retain(|_, bucket| bucket.at_ms + refill_ms > now_ms);
            if each.len() >= ADDRESSES {
                return Err(Refusal::new(Code::RateLimited, "too many addresses"));
            }
        }
        let fresh = Bucket { tokens: self.address.burst, at_ms: now_ms };
        if !each.entry(network(address)).or_insert(fresh).take(self.address, now_ms) {
            return Err(Refusal::new(Code::RateLimited, "this address"));
        }
        if !all.take(self.survey, now_ms) {
            return Err(Refusal::new(Code::RateLimited, "this survey"));
        }
        Ok(())
    }
}

/// One household holds a whole IPv6 /64: it counts as one address.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_the_rate_rules_and_addresses_do_not_share() {
        let rate = Rate { per_second: 2.0, burst: 5.0 };
        let limiter = Limiter::new(rate, Rate { per_second: 1000.0, burst: 1000.0 });
        let (one, other) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let passed = |address, now, calls| (0..calls).filter(|_| limiter.check(address, now).is_ok()).count();
        assert_eq!(passed(one, 1000, 10), 5);
        assert_eq!(passed(other, 1000, 1), 1);
        assert_eq!(passed(one, 2000, 10), 2);
        assert_eq!(limiter.check(one, 2000).unwrap_err().code, Code::RateLimited);
    }

    #[test]
    fn the_survey_has_a_limit_of_its_own() {
        let each = Rate { per_second: 1000.0, burst: 1000.0 };
        let limiter = Limiter::new(each, Rate { per_second: 1.0, burst: 3.0 });
        let passed = (0..10u8).filter(|i| limiter.check(IpAddr::from([10, 0, 0, *i]), 1000).is_ok()).count();
        assert_eq!(passed, 3);
    }

    #[test]
    fn a_whole_ipv6_network_counts_once() {
        let rate = Rate { per_second: 1.0, burst: 1.0 };
        let limiter = Limiter::new(rate, Rate { per_second: 1000.0, burst: 1000.0 });
        limiter.check("2001:db8::1".parse().unwrap(), 1000).unwrap();
        assert!(limiter.check("2001:db8::2".parse().unwrap(), 1000).is_err());
        limiter.check("2001:db8:0:1::1".parse().unwrap(), 1000).unwrap();
    }
}
