//! What the user is asked and answers while a turn runs. Any number of questions may be open at once, of any agent of
//! the team, and answers come in any order.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::domain::{Answer, CallId, Decision, QuestionId};

/// What the agent is told of a call that was declined.
const ELSE: &str = "the user said something else";

/// Routes answers to those who wait for them.
#[derive(Debug)]
pub(super) struct Inbox {
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Nobody answers, or no more.
    closed: bool,
    /// The answer to everything is no.
    declined: bool,
    approvals: HashMap<CallId, oneshot::Sender<Decision>>,
    questions: HashMap<QuestionId, oneshot::Sender<Option<String>>>,
    /// How many wait; those that gave up no longer count.
    open: u32,
    since: Option<Instant>,
    waited: Duration,
}

impl Inbox {
    pub(super) fn new(attended: bool) -> Self {
        Self { waiting: Mutex::new(Waiting { closed: !attended, ..Waiting::default() }) }
    }

    /// Takes answers until there are no more, and says no to everything once `decline` fires; waits for ever. Can be
    /// dropped at any point.
    pub(super) async fn receive(&self, answers: Option<mpsc::Receiver<Answer>>, decline: CancellationToken) {
        let declined = async {
            decline.cancelled().await;
            self.decline();
        };
        tokio::join!(self.take(answers), declined);
        std::future::pending().await
    }

    async fn take(&self, answers: Option<mpsc::Receiver<Answer>>) {
        if let Some(mut answers) = answers {
            while let Some(answer) = answers.recv().await {
                let mut waiting = self.waiting();
                // An answer to what nobody asked, or no longer waits for, is nobody's.
                match answer {
                    Answer::Approval { call_id, decision } => {
                        waiting.approvals.remove(&call_id).map(|to| to.send(decision));
                    }
                    Answer::Question { id, answer } => {
                        waiting.questions.remove(&id).map(|to| to.send(answer));
                    }
                }
            }
        }
        self.close();
    }

    /// Whoever waits, or will, is told no.
    fn decline(&self) {
        let mut waiting = self.waiting();
        waiting.declined = true;
        for (_, to) in waiting.approvals.drain() {
            let _ = to.send(no());
        }
        for (_, to) in waiting.questions.drain() {
            let _ = to.send(None);
        }
    }

    /// Whoever waits, or will, has no answer.
    fn close(&self) {
        let mut waiting = self.waiting();
        waiting.closed = true;
        waiting.approvals.clear();
        waiting.questions.clear();
    }

    /// Whether somebody can be asked.
    pub(super) fn attended(&self) -> bool {
        !self.waiting().closed
    }

    /// To be called before the request is shown, so that no answer is missed.
    pub(super) fn expect_approval(&self, id: &CallId) -> Option<oneshot::Receiver<Decision>> {
        let mut waiting = self.waiting();
        let (to, from) = oneshot::channel();
        if waiting.declined {
            let _ = to.send(no());
        } else if waiting.closed {
            return None;
        } else {
            waiting.approvals.insert(id.clone(), to);
        }
        Some(from)
    }

    /// As [`Inbox::expect_approval`].
    pub(super) fn expect_answer(&self, id: &QuestionId) -> Option<oneshot::Receiver<Option<String>>> {
        let mut waiting = self.waiting();
        let (to, from) = oneshot::channel();
        if waiting.declined {
            let _ = to.send(None);
        } else if waiting.closed {
            return None;
        } else {
            waiting.questions.insert(id.clone(), to);
        }
        Some(from)
    }

    /// Waits for the user; the time does not count against the turn's. `None` where no answer comes.
    pub(super) async fn wait<T>(&self, from: Option<oneshot::Receiver<T>>) -> Option<T> {
        let _pause = Pause::new(self);
        from?.await.ok()
    }

    /// How long, in all, the user has been waited for.
    pub(super) fn waited(&self) -> Duration {
        let waiting = self.waiting();
        waiting.waited + waiting.since.map(|since| since.elapsed()).unwrap_or_default()
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // No holder can panic between two changes that belong together.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn no() -> Decision {
    Decision::Deny { reason: ELSE.to_owned() }
}

/// Time that is the user's.
struct Pause<'a>(&'a Inbox);

impl<'a> Pause<'a> {
    fn new(inbox: &'a Inbox) -> Self {
        let mut waiting = inbox.waiting();
        waiting.open += 1;
        waiting.since.get_or_insert_with(Instant::now);
        drop(waiting);
        Self(inbox)
    }
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting();
        waiting.open -= 1;
        if waiting.open == 0
            && let Some(since) = waiting.since.take()
        {
            waiting.waited += since.elapsed();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_find_their_questions_in_any_order() {
        let inbox = Inbox::new(true);
        let (to, from) = mpsc::channel(4);
        let (a, b, q) = (CallId::from("a"), CallId::from("b"), QuestionId::from("q"));
        let first = inbox.expect_approval(&a);
        let second = inbox.expect_approval(&b);
        let third = inbox.expect_answer(&q);
        for answer in [
            Answer::Question { id: q, answer: Some("blue".to_owned()) },
            Answer::Approval { call_id: "nobody".into(), decision: Decision::Allow },
            Answer::Approval { call_id: b, decision: Decision::AllowSession },
        ] {
            to.send(answer).await.unwrap();
        }
        drop(to);
        tokio::select! {
            () = inbox.receive(Some(from), CancellationToken::new()) => unreachable!(),
            answers = async { tokio::join!(inbox.wait(first), inbox.wait(second), inbox.wait(third)) } => {
                assert_eq!(answers, (None, Some(Decision::AllowSession), Some(Some("blue".to_owned()))));
            }
        }
        assert!(!inbox.attended(), "the sender is gone");
        assert!(inbox.expect_approval(&a).is_none());
    }

    #[tokio::test]
    async fn who_is_declined_is_told_no_and_so_is_who_asks_later() {
        let inbox = Inbox::new(true);
        let (_to, from) = mpsc::channel(1);
        let decline = CancellationToken::new();
        let first = inbox.expect_approval(&"a".into());
        decline.cancel();
        tokio::select! {
            () = inbox.receive(Some(from), decline) => unreachable!(),
            answer = inbox.wait(first) => assert_eq!(answer, Some(no())),
        }
        assert_eq!(inbox.wait(inbox.expect_approval(&"b".into())).await, Some(no()));
        assert_eq!(inbox.wait(inbox.expect_answer(&"q".into())).await, Some(None));
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_of_the_user_is_counted_once() {
        let inbox = Inbox::new(true);
        let second = Duration::from_secs(1);
        let wait = |id: &str, wait: Duration| {
            let from = inbox.expect_approval(&id.into());
            tokio::time::timeout(wait, inbox.wait(from))
        };
        let _ = tokio::join!(wait("a", 2 * second), wait("b", 3 * second));
        tokio::time::advance(second).await;
        assert_eq!(inbox.waited().as_secs(), 3);
    }
}
