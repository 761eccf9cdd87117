//! How many of the waiting lines are shown now: one after another while they come slowly, all at once when they pile up.

use std::time::{Duration, Instant};

/// Between two lines that come slowly: a frame of a screen that shows 60 a second.
pub const TICK: Duration = Duration::from_micros(16_700);
/// Lines that are too many to show one by one, and how long one may wait.
const MANY: usize = 8;
const LATE: Duration = Duration::from_millis(120);
/// What is few again, and for how long it must be, so that the pace does not change all the time.
const FEW: usize = 2;
const SOON: Duration = Duration::from_millis(40);
const CALM: Duration = Duration::from_millis(250);
/// What does not wait until the last change is [`CALM`] ago.
const FAR_TOO_MANY: usize = 64;
const FAR_TOO_LATE: Duration = Duration::from_millis(300);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    OneByOne,
    All,
}

/// The pace of one transcript.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    mode: Mode,
    /// Since when few lines wait.
    calm: Option<Instant>,
    /// When it last went back to one by one.
    slowed: Option<Instant>,
    last: Option<Instant>,
}

impl Pace {
    /// How many of `waiting` lines are shown now, of which the first came at `oldest`.
    pub fn next(&mut self, waiting: usize, oldest: Option<Instant>, now: Instant) -> usize {
        let age = oldest.map_or(Duration::ZERO, |oldest| now.saturating_duration_since(oldest));
        match self.mode {
            Mode::OneByOne if self.is_behind(waiting, age, now) => (self.mode, self.calm) = (Mode::All, None),
            Mode::All if waiting <= FEW && age <= SOON => {
                let since = *self.calm.get_or_insert(now);
                if now.saturating_duration_since(since) >= CALM {
                    (self.mode, self.slowed) = (Mode::OneByOne, Some(now));
                }
            }
            Mode::All => self.calm = None,
            Mode::OneByOne => {}
        }
        match (self.mode, self.last) {
            (_, _) if waiting == 0 => 0,
            (Mode::All, _) => {
                self.last = Some(now);
                waiting
            }
            (Mode::OneByOne, Some(last)) => {
                let passed = now.saturating_duration_since(last).as_micros() / TICK.as_micros();
                // After a pause the first line comes alone.
                let passed = if age < TICK { passed.min(1) } else { passed };
                let shown = usize::try_from(passed).unwrap_or(waiting).min(waiting);
                self.last = if shown > 0 { Some(now) } else { self.last };
                shown
            }
            (Mode::OneByOne, None) => {
                self.last = Some(now);
                1
            }
        }
    }

    fn is_behind(&self, waiting: usize, age: Duration, now: Instant) -> bool {
        let slowed_just_now = self.slowed.is_some_and(|at| now.saturating_duration_since(at) < CALM);
        let far_behind = waiting >= FAR_TOO_MANY || age >= FAR_TOO_LATE;
        far_behind || (!slowed_just_now && (waiting >= MANY || age >= LATE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_lines_come_one_by_one() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut pace = Pace::default();
        let shown: Vec<_> = [0, 5, 17, 34, 51].map(|ms| pace.next(4, Some(at(ms)), at(ms))).to_vec();
        assert_eq!(shown, [1, 0, 1, 1, 1]);
        assert_eq!(pace.next(0, None, at(100)), 0);
        assert_eq!(pace.next(3, Some(at(1000)), at(1000)), 1, "the pause is not made up for");
    }

    #[test]
    fn many_or_old_lines_come_at_once_until_it_is_calm() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut pace = Pace::default();
        assert_eq!(pace.next(8, Some(at(0)), at(0)), 8);
        assert_eq!(pace.next(2, Some(at(10)), at(10)), 2, "still at once");
        assert_eq!(pace.next(2, Some(at(261)), at(261)), 1, "calm for a while");
        assert_eq!(pace.next(9, Some(at(265)), at(265)), 0, "no change back so soon");
        assert_eq!(pace.next(64, Some(at(270)), at(270)), 64, "but for very many");
        let mut pace = Pace::default();
        assert_eq!(pace.next(3, Some(at(0)), at(121)), 3, "or for old ones");
    }
}
