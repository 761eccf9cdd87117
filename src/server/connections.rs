//! The connections there are, and which of them are let go of when there are too many.
//!
//! One that waits for a request, or for the rest of one, may go; one whose request is being answered may not. So
//! callers that open connections and say nothing cannot keep out those that have something to ask.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::CancellationToken;

/// How long the body of a request may take to arrive.
const BODY: Duration = Duration::from_mins(2);

/// All of them.
#[derive(Clone)]
pub(super) struct Connections {
    most: usize,
    all: Arc<Mutex<All>>,
}

#[derive(Default)]
struct All {
    open: usize,
    next: u64,
    /// Those that may go, the one that waits longest first.
    idle: BTreeMap<u64, CancellationToken>,
}

/// One connection's place.
pub(super) struct Seat {
    all: Arc<Mutex<All>>,
    /// Cancelled when the connection has to go.
    pub(super) gone: CancellationToken,
    number: Mutex<Option<u64>>,
}

impl Connections {
    pub(super) fn new(most: usize) -> Self {
        Self { most, all: Arc::default() }
    }

    /// A place for a new one; that of another where all are taken. `None` where each of them is being answered.
    pub(super) fn admit(&self) -> Option<Arc<Seat>> {
        {
            let mut all = locked(&self.all);
            if all.open >= self.most {
                let (_, other) = all.idle.pop_first()?;
                other.cancel();
            }
            all.open += 1;
        }
        let seat = Seat { all: Arc::clone(&self.all), gone: CancellationToken::new(), number: Mutex::default() };
        seat.rest();
        Some(Arc::new(seat))
    }
}

impl Seat {
    /// It waits from now on.
    fn rest(&self) {
        let mut number = locked(&self.number);
        let mut all = locked(&self.all);
        if let Some(old) = number.take() {
            all.idle.remove(&old);
        }
        all.next += 1;
        let new = all.next;
        all.idle.insert(new, self.gone.clone());
        *number = Some(new);
    }

    /// It is being answered.
    fn work(&self) {
        if let Some(old) = locked(&self.number).take() {
            locked(&self.all).idle.remove(&old);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.work();
        locked(&self.all).open -= 1;
    }
}

/// A request of a connection, from its head to the end of its answer.
pub(super) struct Working(Arc<Seat>);

impl Working {
    pub(super) fn new(seat: Arc<Seat>) -> Self {
        seat.rest();
        Self(seat)
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.rest();
    }
}

/// A body that has to arrive in time, and whose end is the start of the answer.
pub(super) fn arriving(body: Incoming, seat: &Arc<Seat>) -> Body {
    if body.is_end_stream() {
        seat.work();
        return Body::empty();
    }
    Body::new(Arriving { body, seat: Arc::clone(seat), end: Box::pin(sleep(BODY)) })
}

struct Arriving {
    body: Incoming,
    seat: Arc<Seat>,
    end: Pin<Box<Sleep>>,
}

#[derive(Debug, thiserror::Error)]
enum Late {
    #[error("the body took too long to arrive")]
    Slow,
    #[error(transparent)]
    Broken(#[from] hyper::Error),
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = Late;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Late>>> {
        let frame = match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(frame) => frame,
            Poll::Pending if self.end.as_mut().poll(cx).is_ready() => return Poll::Ready(Some(Err(Late::Slow))),
            Poll::Pending => return Poll::Pending,
        };
        if frame.is_none() || self.body.is_end_stream() {
            self.seat.work();
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Late::from)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer, which keeps something as long as it is being sent.
pub(super) struct Kept<T> {
    pub(super) body: Body,
    #[expect(dead_code, reason = "held, not read")]
    pub(super) kept: T,
}

impl<T: Unpin> HttpBody for Kept<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No holder can panic between two changes that belong together.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_longest_goes_first_and_who_is_answered_stays() {
        let connections = Connections::new(2);
        let first = connections.admit().unwrap();
        let second = connections.admit().unwrap();
        // The first speaks again: now the second waits longer.
        drop(Working::new(Arc::clone(&first)));
        let third = connections.admit().unwrap();
        assert!(second.gone.is_cancelled() && !first.gone.is_cancelled());
        drop(second);
        first.work();
        third.work();
        assert!(connections.admit().is_none());
        drop(third);
        assert!(connections.admit().is_some());
    }
}
