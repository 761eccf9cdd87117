//! What became of all attempts, and which of them prove something.

use agentscope::sandbox::prove::{Attempt, Verdict};

pub struct Tally {
    whose: String,
    blocked: usize,
    escaped: Vec<String>,
    skipped: Vec<String>,
    without_control: Vec<String>,
}

impl Tally {
    pub fn of(whose: String) -> Self {
        Self { whose, blocked: 0, escaped: vec![], skipped: vec![], without_control: vec![] }
    }

    /// `control` is what became of the same attempt outside, where that was tried.
    pub fn add(&mut self, attempt: &Attempt, inside: Verdict, control: Option<&Verdict>) {
        match inside {
            Verdict::Blocked { .. } => self.blocked += 1,
            Verdict::Escaped { how } => self.escaped.push(format!("{}: {how}", attempt.name)),
            Verdict::NotTried { why } => self.skipped.push(format!("{} ({why})", attempt.name)),
        }
        match control {
            Some(Verdict::Blocked { how }) => self.without_control.push(format!("{} ({how})", attempt.name)),
            Some(Verdict::NotTried { why }) => self.without_control.push(format!("{} ({why})", attempt.name)),
            Some(Verdict::Escaped { .. }) | None => {}
        }
    }

    /// Says how it went.
    ///
    /// # Panics
    /// Where something escaped, something was not tried, or fewer than `controls` work outside.
    pub fn check(&self, controls: usize) {
        let Self { whose, blocked, escaped, skipped, without_control } = self;
        let tried = blocked + escaped.len();
        eprintln!("battery: {whose}: {tried} tried, {blocked} blocked, {} skipped", skipped.len());
        for skipped in skipped {
            eprintln!("  skipped: {skipped}");
        }
        for name in without_control {
            eprintln!("  cannot be done outside either: {name}");
        }
        assert!(escaped.is_empty(), "{whose}: {escaped:#?}");
        let proving = (tried + skipped.len()).saturating_sub(without_control.len());
        assert!(proving >= controls, "{whose}: only {proving} work outside: {without_control:#?}");
    }

    pub fn skipped(&self) -> usize {
        self.skipped.len()
    }
}
