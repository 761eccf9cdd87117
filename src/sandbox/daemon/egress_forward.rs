//! The inner end of the way out: programs find a proxy on loopback, which is the one outside, by its Unix socket.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UnixStream},
    sync::Semaphore,
};

/// Connections at once; more wait. The proxy outside has the same limit.
const CONNECTIONS: usize = 256;

/// For one that is told that there is no proxy to take the answer.
const LINGER: Duration = Duration::from_secs(1);

/// Passes on what connects, for as long as it is polled. It decides nothing: the policy is the proxy's.
pub(super) async fn forward(listener: TcpListener, proxy: PathBuf) -> io::Result<()> {
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let permit = Arc::clone(&permits).acquire_owned().await.map_err(io::Error::other)?;
        match listener.accept().await {
            Ok((mut inside, _)) => {
                let proxy = proxy.clone();
                tokio::spawn(async move {
                    // Either side may break off.
                    let _ = match UnixStream::connect(&proxy).await {
                        Ok(mut outside) => tokio::io::copy_bidirectional(&mut inside, &mut outside).await.map(drop),
                        Err(_) => say_gone(&mut inside).await,
                    };
                    drop(permit);
                });
            }
            // Out of descriptors: those in use come back.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// In place of the proxy, so that whoever reads what a program says knows why.
async fn say_gone(inside: &mut TcpStream) -> io::Result<()> {
    let text = "the proxy of this sandbox has ended: there is no way out any more; make the sandbox anew\n";
    let answer = format!(
        "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{text}",
        text.len()
    );
    inside.write_all(answer.as_bytes()).await?;
    inside.shutdown().await?;
    // What is not read would have the system break the connection off, and the answer be lost.
    let mut asked = [0; 4096];
    let read_all = async { while let Ok(1..) = inside.read(&mut asked).await {} };
    let _ = tokio::time::timeout(LINGER, read_all).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixListener;

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

    #[tokio::test]
    async fn where_there_is_no_proxy_any_more_it_is_said() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(forward(listener, "/nowhere/egress.sock".into()));
        let mut inside = TcpStream::connect(address).await.unwrap();
        inside.write_all(b"GET http://a.test/ HTTP/1.1\r\n\r\n").await.unwrap();
        let mut text = String::new();
        inside.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 502 ") && text.contains("has ended"), "{text}");
    }
}
