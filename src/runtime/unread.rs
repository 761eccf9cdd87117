//! Requests that are answered before they are read: refused by their head, or broken off in the middle.
//!
//! hyper closes a connection whose client has not sent all of such a request, and the answer does not tell. A client that
//! sends its next request meanwhile has that fail. So the rest is read before the answer is sent, or the answer says that
//! the connection closes (RFC 9112, section 9.6).

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    middleware::Next,
    response::Response,
};
use http::{HeaderValue, header};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};

/// What is read of such a request: so many bytes, within this time.
const MOST: u64 = 1 << 20;
const TIME: Duration = Duration::from_secs(1);

/// The outermost layer of a router.
pub(crate) async fn read_on(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    // Who waits to be asked for the body has not sent it, and need not.
    let waits = request.headers().contains_key(header::EXPECT);
    let left = Left::default();
    let request = request.map(|body| Body::new(Read { body: Some(body), left: Arc::clone(&left) }));
    let mut response = next.run(request).await;
    let unread = left.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(body) = unread
        && (waits || !is_read(body).await)
    {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Reads a body to its end, unless that is too far.
async fn is_read(mut body: Body) -> bool {
    let mut left = MOST;
    let read = async {
        while body.size_hint().lower() <= left {
            let Some(frame) = body.frame().await else { return true };
            let bytes = frame.ok().map(|frame| frame.data_ref().map_or(0, |data| data.len() as u64));
            match bytes.and_then(|bytes| left.checked_sub(bytes)) {
                Some(rest) => left = rest,
                None => return false,
            }
        }
        false
    };
    tokio::time::timeout(TIME, read).await.unwrap_or(false)
}

type Left = Arc<Mutex<Option<Body>>>;

/// A body that leaves what nobody read of it.
struct Read {
    body: Option<Body>,
    left: Left,
}

impl HttpBody for Read {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Read {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) {
            *self.left.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
    }
}
