//! The inner end of the way out: programs find a proxy on loopback, which is the one outside, by its Unix socket.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, UnixStream},
    sync::Semaphore,
};

/// Connections at once; more wait. The proxy outside has the same limit.
const CONNECTIONS: usize = 256;

/// Passes on what connects, for as long as it is polled. It decides nothing: the policy is the proxy's.
pub(super) async fn forward(listener: TcpListener, proxy: PathBuf) -> io::Result<()> {
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let permit = Arc::clone(&permits).acquire_owned().await.map_err(io::Error::other)?;
        match listener.accept().await {
            Ok((mut inside, _)) => {
                let proxy = proxy.clone();
                tokio::spawn(async move {
                    if let Ok(mut outside) = UnixStream::connect(&proxy).await {
                        // Either side may break off.
                        let _ = tokio::io::copy_bidirectional(&mut inside, &mut outside).await;
                    }
                    drop(permit);
                });
            }
            // Out of descriptors: those in use come back.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpStream, UnixListener},
    };

    use super::*;

    #[tokio::test]
    async fn what_connects_inside_talks_to_the_proxy_outside() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("egress.sock");
        let outside = UnixListener::bind(&socket).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(forward(listener, socket));
        let mut inside = TcpStream::connect(address).await.unwrap();
        inside.write_all(b"ping").await.unwrap();
        inside.shutdown().await.unwrap();
        let (mut accepted, _) = outside.accept().await.unwrap();
        let mut text = String::new();
        accepted.read_to_string(&mut text).await.unwrap();
        accepted.write_all(b"pong").await.unwrap();
        drop(accepted);
        inside.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "pingpong");
    }
}
