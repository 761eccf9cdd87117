//! Processes and what they started, as `/proc` tells.

use std::collections::BTreeSet;

use rustix::process::{Pid, Signal, getpid, kill_process, kill_process_group};

/// One process. Source: proc_pid_stat(5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) pid: i32,
    pub(super) parent: i32,
    pub(super) group: i32,
    pub(super) session: i32,
    /// Such as `R`, `S`, `T` for stopped, `Z` for ended and not waited for.
    pub(super) state: char,
    /// Clock ticks since the machine started.
    pub(super) started: u64,
}

impl Stat {
    pub(super) fn of(pid: i32) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    fn parse(line: &str) -> Option<Self> {
        // The name is in parentheses and may itself hold parentheses and spaces.
        let (pid, rest) = line.split_once(" (")?;
        let mut fields = rest.rsplit_once(") ")?.1.split_ascii_whitespace();
        Some(Self {
            pid: pid.parse().ok()?,
            state: fields.next()?.chars().next()?,
            parent: fields.next()?.parse().ok()?,
            group: fields.next()?.parse().ok()?,
            session: fields.next()?.parse().ok()?,
            started: fields.nth(15)?.parse().ok()?,
        })
    }

    /// Whether it has ended, and only its status is left.
    pub(super) fn ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }
}

/// Every process that can be seen.
pub(super) fn all() -> Vec<Stat> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return vec![] };
    entries.filter_map(|entry| Stat::of(entry.ok()?.file_name().to_str()?.parse().ok()?)).collect()
}

/// Those of `processes` that descend from `root`, without itself.
pub(super) fn below(root: i32, processes: &[Stat]) -> Vec<Stat> {
    let mut found: Vec<Stat> = vec![];
    let mut next = vec![root];
    while let Some(parent) = next.pop() {
        for process in processes {
            if process.parent == parent && process.pid != root && !found.iter().any(|known| known.pid == process.pid) {
                found.push(*process);
                next.push(process.pid);
            }
        }
    }
    found
}

/// Whether a variable that begins with `start`, such as `NAME=VALUE`, was in the environment that `pid` started with.
pub(super) fn started_with(pid: i32, start: &[u8]) -> bool {
    std::fs::read(format!("/proc/{pid}/environ"))
        .is_ok_and(|environment| environment.split(|byte| *byte == 0).any(|entry| entry.starts_with(start)))
}

/// Sends `signal` to each, and first to their process groups, except ours: a group is hit whole, with what is forked
/// meanwhile. Those that are gone are passed over.
pub(super) fn signal_all(processes: &[Stat], signal: Signal) {
    // 0 is one of another process namespace: what is forked here belongs to the group of who made the box, at first.
    let ours = Stat::of(getpid().as_raw_pid()).map_or(0, |own| own.group);
    let others = processes.iter().map(|process| process.group).filter(|group| *group != ours && *group != 0);
    let groups: BTreeSet<_> = others.collect();
    for group in groups.into_iter().filter_map(Pid::from_raw) {
        let _ = kill_process_group(group, signal);
    }
    for process in processes {
        if let Some(pid) = Pid::from_raw(process.pid) {
            let _ = kill_process(pid, signal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let line = "42 (a) b (c) S 1 40 39 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 777 0 0";
        let stat = Stat::parse(line).unwrap();
        assert_eq!(stat, Stat { pid: 42, parent: 1, group: 40, session: 39, state: 'S', started: 777 });
    }

    #[test]
    fn those_below_are_found_at_any_depth() {
        let stat = |pid, parent| Stat { pid, parent, group: pid, session: pid, state: 'S', started: 0 };
        let all = [stat(4, 3), stat(2, 1), stat(3, 2), stat(9, 1)];
        let mut pids: Vec<_> = below(2, &all).iter().map(|process| process.pid).collect();
        pids.sort_unstable();
        assert_eq!(pids, [3, 4]);
    }
}
