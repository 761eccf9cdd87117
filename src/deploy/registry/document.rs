//! Documents that a registry or its token server gives: never more than a machine can hold, and not for ever.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};

use crate::deploy::DeployError;

/// The largest document: manifests are 4 MiB at most (OCI distribution specification 1.1, "Pushing manifests").
pub(super) const MOST: usize = 4 << 20;
/// The longest that one takes, and that an answer takes to begin.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// All of a document; `what` it is and whom it is `from` is for messages.
///
/// # Errors
/// One that is too large or takes too long; those of the stream as `broken` says.
pub(super) async fn whole(
    stream: impl Stream<Item = reqwest::Result<Bytes>> + Unpin,
    (what, from): (&str, &str),
    broken: impl Fn(reqwest::Error) -> DeployError,
) -> Result<Vec<u8>, DeployError> {
    let (what, from) = (what.to_owned(), from.to_owned());
    match tokio::time::timeout(PATIENCE, some(stream, MOST)).await {
        Err(_) => Err(DeployError::Silent { from, what, patience: PATIENCE }),
        Ok(Err(error)) => Err(broken(error)),
        Ok(Ok((_, Rest::Left))) => Err(DeployError::TooLarge { from, what, most: MOST }),
        Ok(Ok((bytes, Rest::None))) => Ok(bytes),
    }
}

/// Whether there was more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Rest {
    #[default]
    None,
    Left,
}

/// The first `most` bytes.
///
/// # Errors
/// Those of the stream.
pub(super) async fn some(
    mut stream: impl Stream<Item = reqwest::Result<Bytes>> + Unpin,
    most: usize,
) -> reqwest::Result<(Vec<u8>, Rest)> {
    let mut bytes = vec![];
    while let Some(piece) = stream.next().await.transpose()? {
        let room = most - bytes.len();
        bytes.extend_from_slice(&piece[..piece.len().min(room)]);
        if piece.len() > room {
            return Ok((bytes, Rest::Left));
        }
    }
    Ok((bytes, Rest::None))
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    async fn told(stream: impl Stream<Item = reqwest::Result<Bytes>> + Unpin) -> String {
        let broken = |source| DeployError::Unreachable { registry: String::new(), source };
        let whole = whole(stream, ("the manifest `1`", "the registry `r.example`"), broken).await;
        whole.map_or_else(|error| error.to_string(), |bytes| format!("{} bytes", bytes.len()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_document_has_an_end() {
        let piece = || Ok(Bytes::from_static(&[b' '; 1 << 20]));
        assert_eq!(told(stream::iter([piece(), piece(), piece(), piece()])).await, "4194304 bytes");
        assert_eq!(
            told(stream::repeat_with(piece)).await,
            "the registry `r.example` gave more than 4 MiB when asked for the manifest `1`"
        );
        // A byte now and then.
        let slow = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(50)).await;
            Some((Ok(Bytes::from_static(b" ")), ()))
        });
        assert_eq!(told(Box::pin(slow)).await, "the registry `r.example` did not give the manifest `1` within 120 s");
    }
}
