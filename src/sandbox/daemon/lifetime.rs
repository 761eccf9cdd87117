//! When the box ends: the calls that run, how long there was none, and how old it may get. On the monotonic clock.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::sandbox::Lifetime;

/// A machine under load is not so late.
const LATE: Duration = Duration::from_secs(1);

/// Knows when the box has to end.
#[derive(Debug)]
pub(super) struct Clock {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    running: usize,
    /// End of the last call.
    quiet_since: Instant,
    idle: Option<Duration>,
    ends: Option<Instant>,
}

/// Held while a call runs.
#[derive(Debug)]
pub(super) struct Running(Arc<Clock>);

impl Clock {
    pub(super) fn start(lifetime: &Lifetime) -> Arc<Self> {
        let now = Instant::now();
        let ends = lifetime.age.and_then(|age| now.checked_add(age));
        let state = State { running: 0, quiet_since: now, idle: lifetime.idle, ends };
        Arc::new(Self { state: Mutex::new(state), changed: Notify::new() })
    }

    pub(super) fn call(self: &Arc<Self>) -> Running {
        self.change(|state| state.running += 1);
        Running(Arc::clone(self))
    }

    /// From now on the box may get so much older.
    pub(super) fn renew(&self, longer: Duration) {
        self.change(|state| state.ends = Instant::now().checked_add(longer));
    }

    /// Calls that run, how long there was none, and how long the box has to live.
    pub(super) fn now(&self) -> (usize, Duration, Option<Duration>) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = if state.running == 0 { state.quiet_since.elapsed() } else { Duration::ZERO };
        (state.running, idle, state.ends.map(|ends| ends.saturating_duration_since(Instant::now())))
    }

    /// Returns when the box has to end.
    pub(super) async fn over(&self) {
        loop {
            let changed = self.changed.notified();
            let end = {
                let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                let idle =
                    state.idle.filter(|_| state.running == 0).and_then(|idle| state.quiet_since.checked_add(idle));
                match (state.ends, idle) {
                    (Some(age), Some(idle)) => Some(age.min(idle)),
                    (age, idle) => age.or(idle),
                }
            };
            let sleep = async {
                match end {
                    Some(end) => tokio::time::sleep_until(end).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = changed => {}
                () = sleep => if !self.was_frozen() { return },
            }
        }
    }

    /// A clock that is late was frozen, and that is no idleness: the box has been paused, and is wanted.
    fn was_frozen(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if state.ends.is_some_and(|end| end <= now) {
            return false;
        }
        let idle = state.idle.and_then(|idle| state.quiet_since.checked_add(idle));
        let late = idle.is_some_and(|end| now.saturating_duration_since(end) > LATE);
        if late {
            state.quiet_since = now;
        }
        late
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_waiters();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.change(|state| {
            state.running -= 1;
            state.quiet_since = Instant::now();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lifetime(idle: Option<u64>, age: Option<u64>) -> Lifetime {
        let seconds = |seconds: Option<u64>| seconds.map(Duration::from_secs);
        Lifetime { idle: seconds(idle), age: seconds(age), tied: false }
    }

    #[tokio::test(start_paused = true)]
    async fn a_running_call_keeps_an_idle_box_but_not_one_that_is_too_old() {
        let clock = Clock::start(&lifetime(Some(10), Some(60)));
        let start = Instant::now();
        let call = clock.call();
        tokio::spawn({
            let call = call;
            async move {
                tokio::time::sleep(Duration::from_secs(30)).await;
                drop(call);
            }
        });
        clock.over().await;
        assert_eq!(start.elapsed().as_secs(), 40);

        let clock = Clock::start(&lifetime(Some(10), Some(60)));
        let (start, _call) = (Instant::now(), clock.call());
        clock.over().await;
        assert_eq!(start.elapsed().as_secs(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewed_box_lives_on() {
        let clock = Clock::start(&lifetime(None, Some(60)));
        let start = Instant::now();
        tokio::time::sleep(Duration::from_secs(50)).await;
        clock.renew(Duration::from_secs(60));
        clock.over().await;
        assert_eq!(start.elapsed().as_secs(), 110);
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_a_pause_is_no_idleness() {
        let clock = Clock::start(&lifetime(Some(10), None));
        let start = Instant::now();
        let over = tokio::spawn({
            let clock = Arc::clone(&clock);
            async move { clock.over().await }
        });
        tokio::task::yield_now().await;
        // Nothing of the process ran meanwhile.
        tokio::time::advance(Duration::from_secs(60)).await;
        over.await.unwrap();
        assert_eq!(start.elapsed().as_secs(), 70);
    }
}
