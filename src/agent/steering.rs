//! What the user says into a running turn.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, mpsc};

use crate::domain::Message;

/// Messages on their way into a turn: what it has not read can be taken back. A clone is another handle to the same.
#[derive(Clone, Debug, Default)]
pub struct Steering(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<VecDeque<Message>>,
    came: Notify,
}

impl Steering {
    pub fn push(&self, message: Message) {
        self.waiting().push_back(message);
        self.0.came.notify_one();
    }

    /// Takes back what was said last, unless the turn has read it.
    #[must_use]
    pub fn take_back(&self) -> Option<Message> {
        self.waiting().pop_back()
    }

    /// How many the turn has not read.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.waiting().len()
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Message>> {
        // No holder can panic between two changes that belong together.
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a turn reads them from.
#[derive(Debug)]
pub enum Steer {
    Channel(mpsc::Receiver<Message>),
    Queue(Steering),
}

impl From<mpsc::Receiver<Message>> for Steer {
    fn from(receiver: mpsc::Receiver<Message>) -> Self {
        Self::Channel(receiver)
    }
}

impl Steer {
    /// What was said already.
    pub(super) fn try_next(&mut self) -> Option<Message> {
        match self {
            Self::Channel(receiver) => receiver.try_recv().ok(),
            Self::Queue(steering) => steering.waiting().pop_front(),
        }
    }

    /// What is said next; `None` where nobody will say anything more. Can be dropped at any point.
    pub(super) async fn next(&mut self) -> Option<Message> {
        match self {
            Self::Channel(receiver) => receiver.recv().await,
            Self::Queue(steering) => loop {
                if let Some(message) = steering.waiting().pop_front() {
                    return Some(message);
                }
                steering.0.came.notified().await;
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_not_read_can_be_taken_back() {
        let steering = Steering::default();
        let mut steer = Steer::Queue(steering.clone());
        for text in ["one", "two", "three"] {
            steering.push(Message::user(text));
        }
        assert_eq!(steer.try_next(), Some(Message::user("one")));
        assert_eq!(steering.take_back(), Some(Message::user("three")));
        assert_eq!(steering.unread(), 1);
        assert_eq!(steer.next().await, Some(Message::user("two")));
        assert_eq!((steer.try_next(), steering.take_back()), (None, None));
        let later = tokio::spawn(async move { steer.next().await });
        steering.push(Message::user("later"));
        assert_eq!(later.await.unwrap(), Some(Message::user("later")));
    }
}
