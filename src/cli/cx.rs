//! What every verb is given.

#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::{collections::BTreeMap, future::Future, sync::Arc};

use super::{CliError, GlobalArgs};
use crate::{
    config::{Env, Paths, Secret},
    deploy::Interrupt,
    runtime::{http::Http, shutdown::Signals},
    ui::Printer,
};

/// Signals, so that what a command made is cleared up also where it is interrupted.
///
/// # Errors
/// A system that does not let us listen.
pub(super) fn signals() -> Result<Signals, CliError> {
    Signals::new().map_err(|error| CliError::failed("could not listen for signals").because(&error))
}

/// The surroundings of a command. Holds nothing that costs time to make.
pub struct Cx {
    pub env: Env,
    pub paths: Paths,
    pub printer: Printer,
    pub http: Arc<Http>,
    /// Raised by a signal, for what is not just dropped then.
    pub interrupt: Interrupt,
}

impl Cx {
    #[must_use]
    pub fn new(env: Env, global: &GlobalArgs, printer: Printer) -> Self {
        let mut env = env;
        env.offline = global.offline;
        let paths = Paths::new(&env);
        let http = Arc::new(Http::new(env.clone(), global.offline));
        Self { env, paths, printer, http, interrupt: Interrupt::default() }
    }

    /// The same surroundings with these variables set as well.
    #[must_use]
    pub fn with_variables(&self, variables: &BTreeMap<String, Secret>) -> Self {
        let env = self.env.with(variables);
        let (paths, http, interrupt) = (self.paths.clone(), Arc::clone(&self.http), self.interrupt.clone());
        Self { env, paths, printer: self.printer, http, interrupt }
    }

    /// Builds the runtime and runs `work` on it: only verbs that wait for something pay for one.
    ///
    /// # Errors
    /// Those of `work`, and a system that gives no threads.
    pub fn block_on<T>(&self, work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
        let build = || {
            // Without room for these tokio would panic.
            #[cfg(unix)]
            drop([UnixStream::pair()?, UnixStream::pair()?, UnixStream::pair()?]);
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
        };
        let runtime = build().map_err(|error| CliError::failed("could not start the async runtime").because(&error))?;
        let result = runtime.block_on(work);
        // A thread that waits for standard input cannot be stopped, and must not keep the process.
        runtime.shutdown_timeout(std::time::Duration::from_millis(100));
        result
    }
}
