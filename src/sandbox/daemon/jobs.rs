//! Programs in the background: the end of their output is kept, and how they ended.

use std::{
    collections::{BTreeMap, VecDeque},
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use futures_util::stream;
use serde::Deserialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    Daemon,
    program::{Handle, Program},
    routes::{Failure, json, parse},
};
use crate::sandbox::wire::{ExecSpec, JOB_OFFSET, JobInfo, JobSignal};

/// What is kept of a job's output, in bytes.
const KEPT: usize = 1 << 20;
/// Jobs that are known, those that have ended among them.
const MOST: usize = 64;
/// One piece of output for a client.
const CHUNK: usize = 64 << 10;

#[derive(Default)]
pub(super) struct Jobs(Mutex<Known>);

#[derive(Default)]
struct Known {
    all: BTreeMap<u64, Arc<Job>>,
    last: u64,
}

struct Job {
    id: u64,
    argv: Vec<String>,
    handle: Handle,
    stop: CancellationToken,
    log: watch::Sender<Log>,
}

/// The end of what a job wrote.
#[derive(Default)]
struct Log {
    bytes: VecDeque<u8>,
    written: u64,
    ended: bool,
}

impl Log {
    fn add(&mut self, bytes: &[u8]) {
        self.written += bytes.len() as u64;
        self.bytes.extend(bytes);
        let surplus = self.bytes.len().saturating_sub(KEPT);
        self.bytes.drain(..surplus);
    }

    /// Where in all of the output that is which is kept from `offset` on.
    fn from(&self, offset: u64) -> u64 {
        offset.clamp(self.written - self.bytes.len() as u64, self.written)
    }

    fn piece(&self, offset: u64) -> Vec<u8> {
        let left = usize::try_from(self.written - offset).unwrap_or(usize::MAX);
        self.bytes.iter().skip(self.bytes.len() - left).take(CHUNK).copied().collect()
    }
}

impl Job {
    fn info(&self) -> JobInfo {
        let pid = self.handle.pid.as_raw_pid().unsigned_abs();
        let written = self.log.borrow().written;
        JobInfo { id: self.id, argv: self.argv.clone(), pid, exit: self.handle.ended(), written }
    }

    async fn read(self: Arc<Self>, program: Program) {
        let Program { mut output, input: _input, handle, kill } = program;
        let mut kill = Some(kill);
        loop {
            tokio::select! {
                read = output.recv() => match read {
                    Some((_, bytes)) => self.log.send_modify(|log| log.add(&bytes)),
                    None => break,
                },
                () = self.stop.cancelled(), if kill.is_some() => kill = None,
            }
        }
        handle.exit().await;
        self.log.send_modify(|log| log.ended = true);
    }
}

impl Jobs {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, id: u64) -> Result<Arc<Job>, Failure> {
        let job = self.lock().all.get(&id).cloned();
        job.ok_or_else(|| Failure::new(StatusCode::NOT_FOUND, format!("there is no job {id}")))
    }

    fn add(&self, program: &Program, argv: Vec<String>) -> Result<Arc<Job>, Failure> {
        let mut known = self.lock();
        if known.all.len() >= MOST {
            // The oldest that has ended is forgotten.
            let ended = known.all.values().find(|job| job.handle.ended().is_some()).map(|job| job.id);
            let ended = ended.ok_or_else(|| {
                Failure::new(StatusCode::TOO_MANY_REQUESTS, format!("{MOST} jobs run already; stop one of them"))
            })?;
            known.all.remove(&ended);
        }
        known.last += 1;
        let (id, handle) = (known.last, program.handle.clone());
        let job = Job { id, argv, handle, stop: CancellationToken::new(), log: watch::Sender::default() };
        let job = Arc::new(job);
        known.all.insert(id, Arc::clone(&job));
        Ok(job)
    }
}

pub(super) fn routes() -> Router<Arc<Daemon>> {
    Router::new()
        .route("/v1/jobs", get(list).post(start))
        .route("/v1/jobs/{id}", get(show))
        .route("/v1/jobs/{id}/output", get(output))
        .route("/v1/jobs/{id}/signal", post(signal))
        .route("/v1/jobs/{id}/stop", post(stop))
}

async fn start(State(daemon): State<Arc<Daemon>>, body: Bytes) -> Result<Response, Failure> {
    let spec: ExecSpec = parse(&body)?;
    if spec.stdin || spec.pty.is_some() {
        return Err(Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "a job has neither input nor a terminal"));
    }
    let program = Program::start(&daemon, &spec)
        .await
        .map_err(|failure| Failure::new(StatusCode::UNPROCESSABLE_ENTITY, failure.to_string()))?;
    let job = daemon.jobs.add(&program, spec.argv)?;
    tokio::spawn(Arc::clone(&job).read(program));
    Ok(json(&job.info()))
}

async fn list(State(daemon): State<Arc<Daemon>>) -> Response {
    let jobs: Vec<_> = daemon.jobs.lock().all.values().map(|job| job.info()).collect();
    json(&jobs)
}

async fn show(State(daemon): State<Arc<Daemon>>, Path(id): Path<u64>) -> Result<Response, Failure> {
    Ok(json(&daemon.jobs.get(id)?.info()))
}

#[derive(Deserialize)]
struct Asked {
    /// Into all of the output.
    #[serde(default)]
    offset: u64,
    /// Whether to wait for more, until the job has ended.
    #[serde(default)]
    follow: bool,
}

async fn output(
    State(daemon): State<Arc<Daemon>>,
    Path(id): Path<u64>,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let log = daemon.jobs.get(id)?.log.subscribe();
    let offset = log.borrow().from(asked.offset);
    let pieces = stream::unfold((log, offset), move |(mut log, offset)| async move {
        let (from, piece) = loop {
            {
                let log = log.borrow_and_update();
                // What a slow reader was too slow for is gone.
                let from = log.from(offset);
                if from < log.written {
                    break (from, log.piece(from));
                }
                if log.ended || !asked.follow {
                    return None;
                }
            }
            log.changed().await.ok()?;
        };
        let next = from + piece.len() as u64;
        Some((Ok::<_, Infallible>(piece), (log, next)))
    });
    Ok(([(JOB_OFFSET, offset.to_string())], Body::from_stream(pieces)).into_response())
}

async fn signal(State(daemon): State<Arc<Daemon>>, Path(id): Path<u64>, body: Bytes) -> Result<StatusCode, Failure> {
    let JobSignal { number } = parse(&body)?;
    let signaled = daemon.jobs.get(id)?.handle.signal(number);
    signaled.map_err(|error| Failure::new(StatusCode::UNPROCESSABLE_ENTITY, error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Answers once it has ended, whoever ended it.
async fn stop(State(daemon): State<Arc<Daemon>>, Path(id): Path<u64>) -> Result<Response, Failure> {
    let job = daemon.jobs.get(id)?;
    job.stop.cancel();
    job.handle.exit().await;
    Ok(json(&job.info()))
}
