//! Programs in the background of a box.

use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::{BoxClient, not_json};
use crate::sandbox::{
    SandboxError,
    wire::{ExecSpec, JOB_OFFSET, JobInfo, JobSignal},
};

/// What a job wrote, both streams as they came.
pub struct JobOutput {
    /// Where in all of its output this begins: later than was asked for where the beginning is not kept any more.
    pub offset: u64,
    body: Incoming,
}

impl BoxClient {
    /// Starts a program without input that goes on by itself.
    ///
    /// # Errors
    /// A program that cannot be started; a box that is gone.
    pub async fn start_job(&self, spec: &ExecSpec) -> Result<JobInfo, SandboxError> {
        self.json(Method::POST, "/v1/jobs", spec).await
    }

    /// Also those that have ended, as long as they are known.
    ///
    /// # Errors
    /// A box that is gone.
    pub async fn jobs(&self) -> Result<Vec<JobInfo>, SandboxError> {
        self.json(Method::GET, "/v1/jobs", &()).await
    }

    /// # Errors
    /// No such job; a box that is gone.
    pub async fn job(&self, id: u64) -> Result<JobInfo, SandboxError> {
        self.json(Method::GET, &format!("/v1/jobs/{id}"), &()).await
    }

    /// What it wrote from `offset` on; with `follow` also what it yet writes, until it has ended.
    ///
    /// # Errors
    /// No such job; a box that is gone.
    pub async fn job_output(&self, id: u64, offset: u64, follow: bool) -> Result<JobOutput, SandboxError> {
        let path = format!("/v1/jobs/{id}/output?offset={offset}&follow={follow}");
        let response = self.send(self.request(Method::GET, &path), vec![]).await?;
        let begins = response.headers().get(JOB_OFFSET).and_then(|value| value.to_str().ok()?.parse().ok());
        Ok(JobOutput { offset: begins.unwrap_or(offset), body: response.into_body() })
    }

    /// A signal's number, to the job's process group.
    ///
    /// # Errors
    /// No such job; a box that is gone.
    pub async fn signal_job(&self, id: u64, number: i32) -> Result<(), SandboxError> {
        let body = serde_json::to_vec(&JobSignal { number }).map_err(not_json)?;
        self.send(self.request(Method::POST, &format!("/v1/jobs/{id}/signal")), body).await.map(drop)
    }

    /// Kills the job and all that it started. One that has ended is left as it is.
    ///
    /// # Errors
    /// No such job; a box that is gone.
    pub async fn stop_job(&self, id: u64) -> Result<JobInfo, SandboxError> {
        self.json(Method::POST, &format!("/v1/jobs/{id}/stop"), &()).await
    }
}

impl JobOutput {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// A box that is gone.
    pub async fn next(&mut self) -> Option<Result<Bytes, SandboxError>> {
        match self.body.frame().await? {
            Ok(frame) => Some(Ok(frame.into_data().unwrap_or_default())),
            Err(error) => Some(Err(SandboxError::Box(format!("the answer of the sandbox broke off: {error}")))),
        }
    }
}
