//! The address on this machine that a browser comes back to after a login (RFC 8252, 7.3).

use axum::{
    Router,
    http::{Uri, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
    routing::get,
};
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet};

const PAGE: &str = "<!doctype html><meta charset=utf-8><title>agentscope</title>\
    <p style=\"font-family:sans-serif\">You may close this page and go back to the terminal.</p>";

/// Listens until it is dropped.
pub struct Callback {
    redirect: String,
    came: mpsc::Receiver<String>,
    _server: JoinSet<()>,
}

impl Callback {
    /// Listens on a free port of the loopback address.
    ///
    /// # Errors
    /// A machine without a free port.
    pub async fn bind() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let redirect = format!("http://{}/callback", listener.local_addr()?);
        let (sender, came) = mpsc::channel(1);
        let base = redirect.trim_end_matches("/callback").to_owned();
        let routes = Router::new().route(
            "/callback",
            get(move |uri: Uri| async move {
                // A second visit changes nothing: the first decides.
                let _ = sender.try_send(format!("{base}{uri}"));
                page()
            }),
        );
        let mut server = JoinSet::new();
        server.spawn(async move {
            // Ends with the login; a listener that breaks leaves the pasted address.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { redirect, came, _server: server })
    }

    /// What the authorisation server is told to send the browser to.
    #[must_use]
    pub fn redirect(&self) -> &str {
        &self.redirect
    }

    /// The whole address that a browser came with.
    pub async fn wait(&mut self) -> String {
        match self.came.recv().await {
            Some(url) => url,
            None => std::future::pending().await,
        }
    }
}

fn page() -> Response {
    ([(CONTENT_TYPE, "text/html; charset=utf-8")], PAGE).into_response()
}
