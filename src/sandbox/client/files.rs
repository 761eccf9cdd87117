//! The files of a box.

use axum::body::Body;
use http::{Method, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::BoxClient;
use crate::sandbox::{Changed, Entry, Extracted, SandboxError};

impl BoxClient {
    /// Runs one of the file tools; the inner error is what the model is told.
    ///
    /// # Errors
    /// A box that is gone.
    pub async fn call_tool(&self, name: &str, arguments: &Value) -> Result<Result<String, String>, SandboxError> {
        let call = json!({"tool_name": name, "arguments": arguments});
        let answer: Value = self.json(Method::POST, "/mcp/call_tool", &call).await?;
        let text = answer["content"][0]["text"].as_str().unwrap_or_default();
        Ok(if answer["isError"] == true {
            Err(text.strip_prefix("Error: ").unwrap_or(text).to_owned())
        } else {
            Ok(text.to_owned())
        })
    }

    /// Files that are new or changed since then, in milliseconds since 1970.
    ///
    /// # Errors
    /// A box that is gone.
    pub async fn changed_since(&self, millis: i64) -> Result<Changed, SandboxError> {
        self.json(Method::GET, &format!("/v1/files/changed?since={millis}"), &()).await
    }

    /// Whether there is something at `path`.
    ///
    /// # Errors
    /// A path out of the workspace; a box that is gone.
    pub async fn exists(&self, path: &str) -> Result<bool, SandboxError> {
        let answer: Value = self.json(Method::GET, &format!("/workspace/exists?path={}", encoded(path)), &()).await?;
        Ok(answer["exists"] == true)
    }

    /// What is at `path`, which is absolute or relative to the workspace.
    ///
    /// # Errors
    /// Nothing there; a box that is gone.
    pub async fn stat(&self, path: &str) -> Result<Entry, SandboxError> {
        self.json(Method::GET, &format!("/v1/files/stat?path={}", encoded(path)), &()).await
    }

    /// A file or folder as a tar archive in which it has its own name. An archive that ends with an error is not whole.
    ///
    /// # Errors
    /// Nothing there; a box that is gone.
    pub async fn archive(&self, path: &str) -> Result<Body, SandboxError> {
        let request = self.request(Method::GET, &format!("/v1/files/archive?path={}", encoded(path)));
        Ok(Body::new(self.send(request, Body::empty()).await?.into_body()))
    }

    /// Extracts a tar archive, compressed by gzip or not, into the folder `path`, which is made where it is not there.
    ///
    /// # Errors
    /// An archive that could do harm, of which nothing was extracted; a box that is full or gone.
    pub async fn extract(&self, path: &str, archive: impl Into<Body>) -> Result<Extracted, SandboxError> {
        let request = self
            .request(Method::PUT, &format!("/v1/files/archive?path={}", encoded(path)))
            .header(header::CONTENT_TYPE, "application/x-tar");
        let answer = self.whole(self.send(request, archive).await?).await?;
        serde_json::from_slice(&answer).map_err(|error| SandboxError::Box(error.to_string()))
    }
}

fn encoded(path: &str) -> String {
    utf8_percent_encode(path, NON_ALPHANUMERIC).to_string()
}
