//! Signals; nothing else installs signal handlers.

/// SIGINT and SIGTERM, from the moment this is made.
#[derive(Debug)]
pub struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

/// What the process was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// To end.
    Terminate,
}

impl Signals {
    /// Must be called within the runtime.
    ///
    /// # Errors
    /// A system that refuses the handlers.
    pub fn new() -> std::io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// The next signal.
    pub async fn recv(&mut self) -> Signal {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
        #[cfg(not(unix))]
        {
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
            Signal::Interrupt
        }
    }
}

impl Signals {
    /// Returns at the next signal; the one after it ends the process at once.
    pub async fn told(mut self) {
        self.recv().await;
        tokio::spawn(async move {
            self.recv().await;
            leave();
        });
    }
}

/// A signal that ends nothing, from the moment this is made.
#[derive(Debug)]
pub struct Told {
    #[cfg(unix)]
    signal: tokio::signal::unix::Signal,
}

impl Told {
    /// SIGWINCH: the size of the terminal has changed.
    ///
    /// # Errors
    /// A system that refuses the handler. Must be called within the runtime, as the others.
    pub fn of_resizes() -> std::io::Result<Self> {
        Self::of(
            #[cfg(unix)]
            rustix::process::Signal::WINCH,
        )
    }

    /// SIGCONT: the process goes on after somebody stopped it.
    ///
    /// # Errors
    /// A system that refuses the handler.
    pub fn of_continues() -> std::io::Result<Self> {
        Self::of(
            #[cfg(unix)]
            rustix::process::Signal::CONT,
        )
    }

    /// SIGHUP: the terminal is gone; also what a service manager sends to have the configuration read anew.
    ///
    /// # Errors
    /// A system that refuses the handler.
    pub fn of_hangups() -> std::io::Result<Self> {
        Self::of(
            #[cfg(unix)]
            rustix::process::Signal::HUP,
        )
    }

    /// Whether who started the process has it ignore SIGHUP, as `nohup` does.
    #[must_use]
    pub fn hangups_are_ignored() -> bool {
        // No call tells without changing it. Where there is no such file, nobody is believed to have done so.
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        // SIGHUP is signal 1, the lowest bit.
        ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
    }

    #[cfg(unix)]
    fn of(signal: rustix::process::Signal) -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal as listen};
        Ok(Self { signal: listen(SignalKind::from_raw(signal.as_raw()))? })
    }

    /// Nobody is told where there are no such signals.
    #[cfg(not(unix))]
    fn of() -> std::io::Result<Self> {
        Ok(Self {})
    }

    /// Returns after the next one.
    pub async fn recv(&mut self) {
        #[cfg(unix)]
        self.signal.recv().await;
        #[cfg(not(unix))]
        std::future::pending::<()>().await;
    }
}

/// Ends the process without unwinding; the only way out when a turn does not end.
#[expect(clippy::disallowed_methods, reason = "the user asked twice")]
pub fn leave() -> ! {
    std::process::exit(130)
}
