//! How much of the bodies of requests may be in memory at once: each may be as long as `serve.limits.body`, and there are
//! many callers.

use std::{
    collections::HashMap,
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use axum::BoxError;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::limits::Payer;

/// So many bytes of each body do not count: what is short is always heard.
const FREE: usize = 64 << 10;
/// So many of the longest bodies there can be may be read at once.
const LONGEST: usize = 8;
/// Bytes that may be read at once, however short the longest body.
const LEAST: usize = 64 << 20;

/// All that are being read or worked on.
#[derive(Default)]
pub(super) struct Bodies {
    taken: Mutex<Taken>,
}

/// Bytes of bodies: of all, and of each address that sends any.
#[derive(Default)]
struct Taken {
    all: usize,
    of: HashMap<Payer, usize>,
}

/// What the body of one request takes, until it is answered or its answer begins.
pub(super) struct Share {
    bodies: Arc<Bodies>,
    payer: Payer,
    /// Of all together; one address may have half.
    most: usize,
    taken: AtomicUsize,
    refused: AtomicBool,
}

impl Share {
    /// Nothing yet; `longest` is how long a body may be, `peer` who sends it.
    pub(super) fn new(bodies: &Arc<Bodies>, longest: usize, peer: IpAddr) -> Arc<Self> {
        let most = longest.saturating_mul(LONGEST).max(LEAST);
        let (payer, bodies) = (Payer::address(peer), Arc::clone(bodies));
        Arc::new(Self { bodies, payer, most, taken: AtomicUsize::new(0), refused: AtomicBool::new(false) })
    }

    /// `body`, which breaks off where there is no room for more of it: then what follows is read all the same, and thrown
    /// away, as many a caller does not listen before all is sent.
    pub(super) fn counted<B>(self: &Arc<Self>, body: B) -> Counted<B> {
        Counted { body, free: FREE, cut: false, share: Arc::clone(self) }
    }

    /// Whether it broke off.
    pub(super) fn was_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: usize) -> Result<(), NoRoom> {
        // What does not count is heard also where fewer may be read than are, since a reload.
        if bytes == 0 {
            return Ok(());
        }
        if !self.bodies.taken().take(&self.payer, bytes, self.most) {
            self.refused.store(true, Ordering::Relaxed);
            return Err(NoRoom);
        }
        self.taken.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }
}

impl Bodies {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        // No holder can panic between two changes that belong together.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn take(&mut self, payer: &Payer, bytes: usize, most: usize) -> bool {
        let own = self.of.get(payer).copied().unwrap_or(0);
        let fits = |taken: usize, most: usize| taken.checked_add(bytes).is_some_and(|taken| taken <= most);
        let fits = fits(self.all, most) && fits(own, most / 2);
        if fits {
            self.all += bytes;
            *self.of.entry(payer.clone()).or_default() += bytes;
        }
        fits
    }

    fn give_back(&mut self, payer: &Payer, bytes: usize) {
        self.all -= bytes;
        if let Some(own) = self.of.get_mut(payer) {
            *own -= bytes;
            if *own == 0 {
                self.of.remove(payer);
            }
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let taken = *self.taken.get_mut();
        if taken > 0 {
            self.bodies.taken().give_back(&self.payer, taken);
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("too much is being read at once")]
struct NoRoom;

/// See [`Share::counted`].
pub(super) struct Counted<B> {
    body: B,
    free: usize,
    /// There was no room for a part of it.
    cut: bool,
    share: Arc<Share>,
}

impl<B> HttpBody for Counted<B>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
            let Some(frame) = frame.transpose().map_err(Into::into)? else {
                return Poll::Ready(std::mem::take(&mut self.cut).then(|| Err(NoRoom.into())));
            };
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            let free = bytes.min(self.free);
            self.free -= free;
            self.cut = self.cut || self.share.take(bytes - free).is_err();
            if !self.cut {
                return Poll::Ready(Some(Ok(frame)));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        !self.cut && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Full};

    use super::*;

    #[tokio::test]
    async fn what_is_short_is_heard_when_there_is_no_room_for_more() {
        let bodies = Arc::new(Bodies::default());
        let body = |bytes: usize| Full::new(Bytes::from(vec![0; bytes]));
        let share = |peer: u8| Share::new(&bodies, 1, [127, 0, 0, peer].into());
        let (first, second, other) = (share(1), share(1), share(2));
        assert!(first.counted(body(LEAST / 2 + FREE)).collect().await.is_ok());
        assert!(second.counted(body(FREE)).collect().await.is_ok());
        let mut long = second.counted(body(FREE + 1));
        assert!(long.frame().await.unwrap().is_err() && second.was_refused());
        assert!(long.frame().await.is_none() && long.is_end_stream(), "it was read to its end");
        assert!(!first.was_refused());
        assert!(other.counted(body(LEAST / 2 + FREE)).collect().await.is_ok(), "another has room of his own");
        assert!(share(3).counted(body(FREE + 1)).collect().await.is_err());
        drop(first);
        assert!(share(3).counted(body(FREE + 1)).collect().await.is_ok());
        drop((second, long, other));
        let left = bodies.taken();
        assert_eq!((left.all, left.of.len()), (0, 0));
    }
}
