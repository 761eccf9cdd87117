//! A filter of system calls that soon lets through what it is not about.
//!
//! `seccompiler` compares one number after the other. The kernel tries a new filter with every number that there is, to
//! know which of them it always allows: with hundreds of comparisons that takes most of the time in which a filter is
//! installed. Source: `seccomp_cache_prepare` in the kernel's `kernel/seccomp.c`.

use seccompiler::{BpfProgram, TargetArch, sock_filter};

/// Source: linux/bpf_common.h.
pub(super) const LOAD_WORD: u16 = 0x20;
pub(super) const RETURN: u16 = 0x06;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_AT_LEAST: u16 = 0x35;
/// Source: linux/seccomp.h. The number of the call is the first field of `seccomp_data`, the architecture the next.
pub(super) const ALLOW: u32 = 0x7fff_0000;
pub(super) const NUMBER: u32 = 0;
const ARCH: u32 = 4;
/// Numbers that are compared one after the other.
const FEW: usize = 6;
/// Numbers among which is searched.
const MOST: usize = 250;

pub(super) fn step(code: u16, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

/// The same as `program`, which allows every call of `arch` but `calls`: only for those it is asked. `calls` are in order.
pub(super) fn only_for(calls: &[u32], arch: TargetArch, program: BpfProgram) -> BpfProgram {
    if calls.len() > MOST {
        return program;
    }
    let mut quick = vec![step(LOAD_WORD, 0, 0, ARCH), step(JUMP_EQUAL, 1, 0, audit(arch)), ASK];
    quick.push(step(LOAD_WORD, 0, 0, NUMBER));
    search(calls, &mut quick);
    let end = quick.len();
    for (at, ask) in quick.iter_mut().enumerate().filter(|(_, step)| step.code == ASK.code) {
        ask.k = u32::try_from(end - at - 1).unwrap_or(u32::MAX);
    }
    quick.extend(program);
    quick
}

/// A jump to the program, which is where all of this ends.
const ASK: sock_filter = sock_filter { code: 0x05, jt: 0, jf: 0, k: 0 };

/// Asks for each of `calls`, and allows any other.
fn search(calls: &[u32], to: &mut BpfProgram) {
    if calls.len() <= FEW {
        for (left, call) in (1u8..=FEW as u8).take(calls.len()).rev().zip(calls) {
            // Over those that are left, and over the answer for all others.
            to.push(step(JUMP_EQUAL, left, 0, *call));
        }
        to.extend([step(RETURN, 0, 0, ALLOW), ASK]);
        return;
    }
    let (below, from) = calls.split_at(calls.len() / 2);
    let mut first = vec![];
    search(below, &mut first);
    // With so few numbers it is not too far for a jump on a condition.
    to.push(step(JUMP_AT_LEAST, u8::try_from(first.len()).unwrap_or(u8::MAX), 0, from[0]));
    to.extend(first);
    search(from, to);
}

/// How the kernel calls it. Source: linux/audit.h.
fn audit(arch: TargetArch) -> u32 {
    match arch {
        TargetArch::x86_64 => 0xc000_003e,
        TargetArch::aarch64 => 0xc000_00b7,
        TargetArch::riscv64 => 0xc000_00f3,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use seccompiler::{SeccompAction, SeccompFilter};

    use super::*;

    const REFUSED: u32 = 0x0005_0001;

    /// What the kernel would make of a call, and in how many steps.
    fn run(program: &[sock_filter], number: u32, arch: u32) -> (u32, usize) {
        let (mut at, mut value) = (0, 0);
        for steps in 1.. {
            let sock_filter { code, jt, jf, k } = program[at];
            let mut jump = |holds: bool| at += usize::from(if holds { jt } else { jf });
            match code {
                LOAD_WORD => value = if k == NUMBER { number } else { arch },
                JUMP_EQUAL => jump(value == k),
                JUMP_AT_LEAST => jump(value >= k),
                0x05 => at += k as usize,
                RETURN => return (k, steps),
                other => panic!("{other:#x}"),
            }
            at += 1;
        }
        unreachable!()
    }

    #[test]
    fn it_says_what_the_program_says_and_sooner() {
        let arch = TargetArch::x86_64;
        for count in [0, 1, 5, 6, 7, 13, 97, MOST, MOST + 1] {
            let calls: Vec<u32> = (0..count as u32).map(|at| at * 3 + at % 2).collect();
            let rules: BTreeMap<_, _> = calls.iter().map(|call| (i64::from(*call), vec![])).collect();
            let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(1), arch).unwrap();
            let program: BpfProgram = filter.try_into().unwrap();
            let quick = only_for(&calls, arch, program.clone());
            let numbers = || (0..=count as u32 * 3 + 4).chain([0x4000_0000, u32::MAX]);
            for number in numbers() {
                for arch in [audit(arch), audit(TargetArch::aarch64), 0x4000_0003] {
                    assert_eq!(run(&quick, number, arch).0, run(&program, number, arch).0, "{number} of {count}");
                }
                let listed = calls.contains(&number);
                assert_eq!(run(&quick, number, audit(arch)).0, if listed { REFUSED } else { ALLOW });
                assert!(listed || count > MOST || run(&quick, number, audit(arch)).1 < 18, "{number} of {count}");
            }
        }
    }
}
