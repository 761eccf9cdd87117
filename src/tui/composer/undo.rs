//! Undo and redo.

use super::buffer::{Buffer, Mark};

/// Steps that can be taken back.
const MOST: usize = 200;

/// What kind of change a step is; those of one kind that follow each other are taken back at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A letter of a word.
    Typed,
    /// A single grapheme, backwards or forwards.
    Erased,
    /// Anything larger stands by itself.
    Whole,
}

/// The texts before and after this one.
#[derive(Debug, Default)]
pub(super) struct Undo {
    before: Vec<Mark>,
    after: Vec<Mark>,
    last: Option<Step>,
}

impl Undo {
    /// To be told before a change.
    pub(super) fn keep(&mut self, buffer: &Buffer, step: Step) {
        self.after.clear();
        let goes_on = step != Step::Whole && self.last == Some(step);
        self.last = Some(step);
        if goes_on {
            return;
        }
        if self.before.len() == MOST {
            self.before.remove(0);
        }
        self.before.push(buffer.mark());
    }

    /// What comes next is a step of its own: the caret moved, or a word ended.
    pub(super) fn rest(&mut self) {
        self.last = None;
    }

    pub(super) fn undo(&mut self, buffer: &mut Buffer) -> bool {
        self.last = None;
        let Some(mark) = self.before.pop() else { return false };
        self.after.push(buffer.mark());
        buffer.go_back_to(mark);
        true
    }

    pub(super) fn redo(&mut self, buffer: &mut Buffer) -> bool {
        self.last = None;
        let Some(mark) = self.after.pop() else { return false };
        self.before.push(buffer.mark());
        buffer.go_back_to(mark);
        true
    }
}
