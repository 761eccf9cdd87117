//! How often a caller may ask: `serve.limits.rate`, for each token, else for each address.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    time::Duration,
};

use arc_swap::ArcSwapOption;
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};

use super::ApiError;
use crate::config::agent_file::{Rate, Serve};

/// So many callers are remembered before those are forgotten who have not asked of late.
const MANY: usize = 4096;

/// Whose requests count together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Payer {
    Token(String),
    Address(IpAddr),
}

impl Payer {
    /// Who has one IPv6 address has the other 2^64 of its network, too.
    pub(super) fn address(address: IpAddr) -> Self {
        Self::Address(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        })
    }
}

struct Limiter {
    rate: Rate,
    seen: DefaultKeyedRateLimiter<Payer>,
}

/// The limit as it is now.
#[derive(Default)]
pub(super) struct Limits {
    rate: ArcSwapOption<Limiter>,
}

impl Limits {
    pub(super) fn new(serve: &Serve) -> Self {
        let limits = Self::default();
        limits.adopt(serve);
        limits
    }

    /// Goes by another version of the agent file. What callers used of a rate that stays the same counts on.
    pub(super) fn adopt(&self, serve: &Serve) {
        let now = serve.limits.rate;
        if self.rate.load().as_ref().map(|limiter| limiter.rate) == now {
            return;
        }
        self.rate.store(now.and_then(limiter).map(Into::into));
    }

    /// # Errors
    /// 429, with when to ask again.
    pub(super) fn charge(&self, payer: &Payer) -> Result<(), ApiError> {
        let guard = self.rate.load();
        let Some(limiter) = guard.as_ref() else { return Ok(()) };
        if limiter.seen.len() > MANY {
            limiter.seen.retain_recent();
        }
        limiter.seen.check_key(payer).map_err(|until| {
            let Rate { count, per } = limiter.rate;
            let wait = until.wait_time_from(DefaultClock::default().now());
            let message = format!("more than {count} requests in {} s; ask again later", per.as_secs());
            // A whole second more than is needed is kinder than one too few.
            ApiError::too_many("rate_limited", message, wait + Duration::from_secs(1))
        })
    }
}

fn limiter(rate: Rate) -> Option<Limiter> {
    let count = NonZeroU32::new(rate.count)?;
    let quota = Quota::with_period(rate.per / rate.count)?.allow_burst(count);
    Some(Limiter { rate, seen: RateLimiter::keyed(quota) })
}
