//! Python that keeps its variables: one interpreter, in a process of its own, started for the first cell.

mod interpreter;
pub(super) mod routes;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc, oneshot},
    task::JoinHandle,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::Daemon;
use crate::sandbox::wire::{CellEnd, CellEvent, CellOutcome, CellSpec};
pub(super) use interpreter::NoPython;
use interpreter::{Heard, Interpreter, describe};

/// How long an interrupted cell may take to end before the interpreter is killed.
const GRACE: Duration = Duration::from_secs(2);
/// Events that wait for their taker; then the cell waits.
const WAITING: usize = 4;

/// The interpreter of the box.
#[derive(Default)]
pub(super) struct Python {
    slot: tokio::sync::Mutex<Slot>,
    /// Of the cell that runs.
    controls: Mutex<Option<Arc<Controls>>>,
}

#[derive(Default)]
enum Slot {
    #[default]
    Empty,
    Idle(Idle),
    /// While a cell runs; found by the next one where that one never came back.
    Taken,
}

#[derive(Default)]
struct Controls {
    interrupt: Notify,
    reset: CancellationToken,
}

/// An interpreter between two cells: what it writes then belongs to none, and must not stop it from writing.
struct Idle {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Interpreter>,
}

impl Idle {
    fn keep(mut interpreter: Interpreter) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            interpreter.discard_until(stopped).await;
            interpreter
        });
        Self { stop, task }
    }

    async fn take(self) -> Option<Interpreter> {
        // One that has died does not listen any more.
        let _ = self.stop.send(());
        self.task.await.ok()
    }
}

impl Python {
    /// Starts the interpreter, if it does not run.
    ///
    /// # Errors
    /// No Python in the box, or one that does not start.
    pub(super) async fn warm(&self, daemon: &Arc<Daemon>) -> Result<(), NoPython> {
        let mut slot = self.slot.lock().await;
        let (interpreter, _) = claim(&mut slot, daemon).await?;
        *slot = Slot::Idle(Idle::keep(interpreter));
        Ok(())
    }

    /// Runs a cell when those before it are done. What it gives must be taken: where nobody does, it is interrupted.
    ///
    /// # Errors
    /// No Python in the box, or one that does not start.
    pub(super) async fn start(daemon: &Arc<Daemon>, cell: CellSpec) -> Result<mpsc::Receiver<CellEvent>, NoPython> {
        let (taker, events) = mpsc::channel(WAITING);
        let (begun, beginning) = oneshot::channel();
        let running = Arc::clone(daemon);
        // By itself: an interpreter must not be left in the middle of a cell by a client that goes away.
        tokio::spawn(async move { running.python.run(&running, &cell, &taker, begun).await });
        // The other end goes away only where this one has.
        beginning.await.unwrap_or(Ok(()))?;
        Ok(events)
    }

    async fn run(
        &self,
        daemon: &Arc<Daemon>,
        cell: &CellSpec,
        taker: &mpsc::Sender<CellEvent>,
        begun: oneshot::Sender<Result<(), NoPython>>,
    ) {
        let mut slot = self.slot.lock().await;
        if taker.is_closed() {
            return;
        }
        let (mut interpreter, mut lost) = match claim(&mut slot, daemon).await {
            Ok(claimed) => claimed,
            Err(error) => {
                // One who is gone does not want to know.
                let _ = begun.send(Err(error));
                return;
            }
        };
        let _ = begun.send(Ok(()));
        let controls = Arc::new(Controls::default());
        self.set_controls(Some(Arc::clone(&controls)));
        let outcome = interpreter.run(cell, taker, &controls).await;
        self.set_controls(None);
        let outcome = match outcome {
            Ok(outcome) => {
                *slot = Slot::Idle(Idle::keep(interpreter));
                outcome
            }
            Err(death) => {
                lost = Some(death.why);
                *slot = Slot::Empty;
                death.outcome
            }
        };
        let _ = taker.send(CellEvent::Done(CellEnd { outcome, lost })).await;
    }

    /// Raises `KeyboardInterrupt` in the cell that runs, if one does.
    pub(super) fn interrupt(&self) {
        if let Some(controls) = self.controls() {
            controls.interrupt.notify_one();
        }
    }

    /// Ends the interpreter, also in the middle of a cell. The next cell gets a new one.
    pub(super) async fn reset(&self) {
        if let Some(controls) = self.controls() {
            controls.reset.cancel();
        }
        let mut slot = self.slot.lock().await;
        if let Slot::Idle(idle) = std::mem::take(&mut *slot)
            && let Some(mut interpreter) = idle.take().await
        {
            interpreter.kill().await;
        }
    }

    fn controls(&self) -> Option<Arc<Controls>> {
        self.controls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_controls(&self, controls: Option<Arc<Controls>>) {
        *self.controls.lock().unwrap_or_else(PoisonError::into_inner) = controls;
    }
}

/// The living interpreter, or a new one; then also why the variables of an earlier one are gone.
async fn claim(slot: &mut Slot, daemon: &Arc<Daemon>) -> Result<(Interpreter, Option<String>), NoPython> {
    let lost = match std::mem::replace(slot, Slot::Taken) {
        Slot::Empty => None,
        Slot::Taken => Some("Python was restarted".to_owned()),
        Slot::Idle(idle) => match idle.take().await {
            None => Some("Python was restarted".to_owned()),
            Some(mut interpreter) => match interpreter.death() {
                None => return Ok((interpreter, None)),
                Some(status) => Some(format!("Python ended after the last cell ({})", describe(status))),
            },
        },
    };
    *slot = Slot::Empty;
    Ok((Interpreter::start(daemon).await?, lost))
}

/// An interpreter that is gone.
struct Death {
    outcome: CellOutcome,
    why: String,
}

impl Interpreter {
    /// # Errors
    /// An interpreter that ended in the cell, or had to be killed to end it.
    async fn run(
        &mut self,
        cell: &CellSpec,
        taker: &mpsc::Sender<CellEvent>,
        controls: &Controls,
    ) -> Result<CellOutcome, Death> {
        let before = self.strikes();
        self.begin(&cell.code).await;
        let mut stopping: Option<Stopping> = None;
        let mut gone = false;
        let deadline = cell.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let next_deadline = stopping.as_ref().map_or(deadline, |stopping| Some(stopping.until));
            tokio::select! {
                biased;
                () = controls.reset.cancelled() => {
                    self.kill().await;
                    return Err(Death { outcome: CellOutcome::Interrupted, why: "Python was reset".to_owned() });
                }
                () = until(next_deadline) => match stopping.take() {
                    None => {
                        stopping = Some(Stopping::now(CellOutcome::TimedOut));
                        self.interrupt();
                    }
                    Some(Stopping { outcome, .. }) => {
                        self.kill().await;
                        let why = "the code did not stop when it was interrupted, and Python was killed".to_owned();
                        return Err(Death { outcome, why });
                    }
                },
                () = controls.interrupt.notified(), if stopping.is_none() => {
                    stopping = Some(Stopping::now(CellOutcome::Interrupted));
                    self.interrupt();
                }
                () = taker.closed(), if !gone => {
                    gone = true;
                    if stopping.is_none() {
                        stopping = Some(Stopping::now(CellOutcome::Interrupted));
                        self.interrupt();
                    }
                }
                heard = self.hear(taker) => match heard {
                    Heard::More => {}
                    Heard::Done(outcome) => {
                        self.drain(taker).await;
                        return Ok(stopping.map_or(outcome, |stopping| stopping.outcome));
                    }
                    Heard::Dead(status) => {
                        self.drain(taker).await;
                        self.kill().await;
                        let limit = self.limit(before, status).await;
                        let why = format!("Python ended ({})", describe(status));
                        let outcome = stopping.map_or(CellOutcome::Died(limit), |stopping| stopping.outcome);
                        return Err(Death { outcome, why });
                    }
                },
            }
        }
    }
}

/// A cell that is to end.
struct Stopping {
    outcome: CellOutcome,
    until: Instant,
}

impl Stopping {
    fn now(outcome: CellOutcome) -> Self {
        Self { outcome, until: Instant::now() + GRACE }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
