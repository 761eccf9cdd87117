//! What was wanted, beside what there is.

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

/// A bound.
#[derive(Clone, Copy)]
pub enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

#[derive(Default)]
pub struct Report {
    lines: Vec<String>,
    /// How often.
    broken: BTreeMap<String, u64>,
}

impl Report {
    /// A number that there is a bound for.
    pub fn wanted(&mut self, what: &str, is: f64, bound: Bound) {
        let (met, sign, wanted) = match bound {
            Bound::AtLeast(least) => (is >= least, '≥', least),
            Bound::AtMost(most) => (is <= most, '≤', most),
        };
        let word = if met { "met" } else { "missed" };
        self.lines.push(format!("{what:<58} {is:>9.2}   {sign} {wanted:<6} {word}"));
    }

    /// Something that has nothing to do with speed.
    pub fn broken(&mut self, what: &str) {
        *self.broken.entry(what.chars().take(160).collect()).or_default() += 1;
    }

    /// Says how it was. Numbers are the machine's, too, and end nothing; answers that are wrong do.
    pub fn end(self) -> ExitCode {
        println!("\n{:<58} {:>9}   wanted", "", "is");
        self.lines.iter().for_each(|line| println!("{line}"));
        self.broken.iter().for_each(|(what, times)| println!("BROKEN, {times} times: {what}"));
        if self.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// The value that `percent` of them do not exceed.
pub fn percentile<T: Copy + Ord + Default>(values: &mut [T], percent: f64) -> T {
    values.sort_unstable();
    let last = values.len().saturating_sub(1);
    values.get((last as f64 * percent / 100.0).round() as usize).copied().unwrap_or_default()
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
