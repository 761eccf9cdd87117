//! Who gets the rows of a terminal while something is asked: what is asked before anything else.

use std::ops::RangeInclusive;

/// Rows of what is asked that come before where it would run, why it asks, and the status line.
const FIRST: usize = 4;
/// A terminal of more rows has one to spare.
const ROOMY: usize = 16;

/// What there is to show besides the heading.
pub(super) struct Wanted {
    pub subject: usize,
    /// The first rows of it without which the others say too little.
    pub head: usize,
    /// As few as can be, and all.
    pub answers: RangeInclusive<usize>,
    pub about: usize,
}

/// Rows for each part.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// One of them counts the others, where there are more than these.
    pub subject: usize,
    pub answers: usize,
    pub about: usize,
    pub status: bool,
    /// An empty row before all.
    pub apart: bool,
}

impl Room {
    /// Nothing where the least of it does not fit.
    pub(super) fn of(rows: usize, wanted: Wanted) -> Option<Self> {
        let (least, most) = wanted.answers.into_inner();
        let mut subject = wanted.subject.clamp(1, wanted.head + 2);
        let mut left = rows.checked_sub(1 + subject + least)?;
        let mut take = |wanted: usize| {
            let taken = wanted.min(left);
            left -= taken;
            taken
        };
        let answers = least + take(most - least);
        subject += take(wanted.subject.min(FIRST).saturating_sub(subject));
        // Why it asks and the status line say more than where.
        let why = take(wanted.about.min(1));
        let status = take(1) == 1;
        let about = why + take(wanted.about - why);
        let apart = rows > ROOMY && take(1) == 1;
        subject += take(wanted.subject.saturating_sub(subject));
        Some(Self { subject, answers, about, status, apart })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(rows: usize, subject: usize) -> Option<[usize; 5]> {
        let room = Room::of(rows, Wanted { subject, head: 0, answers: 1..=5, about: 2 })?;
        Some([room.subject, room.answers, room.about, room.status.into(), room.apart.into()])
    }

    #[test]
    fn what_is_asked_comes_first() {
        assert_eq!(room(2, 1), None);
        assert_eq!(room(3, 2), None);
        assert_eq!(room(3, 1), Some([1, 1, 0, 0, 0]));
        assert_eq!(room(4, 9), Some([2, 1, 0, 0, 0]));
        assert_eq!(room(8, 9), Some([2, 5, 0, 0, 0]));
        assert_eq!(room(10, 9), Some([4, 5, 0, 0, 0]));
        assert_eq!(room(12, 9), Some([4, 5, 1, 1, 0]));
        assert_eq!(room(14, 9), Some([5, 5, 2, 1, 0]));
        assert_eq!(room(24, 9), Some([9, 5, 2, 1, 1]));
        let with_head = |rows| Room::of(rows, Wanted { subject: 5, head: 2, answers: 1..=5, about: 2 });
        assert_eq!(with_head(5), None);
        assert_eq!(with_head(6).map(|room| (room.subject, room.answers)), Some((4, 1)));
    }
}
