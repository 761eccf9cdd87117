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

/// Changes of the terminal's size, from the moment this is made.
#[derive(Debug)]
pub struct Resizes {
    #[cfg(unix)]
    changed: tokio::signal::unix::Signal,
}

impl Resizes {
    /// Must be called within the runtime.
    ///
    /// # Errors
    /// A system that refuses the handler.
    pub fn new() -> std::io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self { changed: signal(SignalKind::window_change())? })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Returns after the next change.
    pub async fn recv(&mut self) {
        #[cfg(unix)]
        self.changed.recv().await;
        #[cfg(not(unix))]
        std::future::pending::<()>().await;
    }
}

/// SIGCONT, from the moment this is made: the process goes on after somebody stopped it.
#[derive(Debug)]
pub struct Continues {
    #[cfg(unix)]
    told: tokio::signal::unix::Signal,
}

impl Continues {
    /// Must be called within the runtime.
    ///
    /// # Errors
    /// A system that refuses the handler.
    pub fn new() -> std::io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self { told: signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))? })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Returns after the next one.
    pub async fn recv(&mut self) {
        #[cfg(unix)]
        self.told.recv().await;
        #[cfg(not(unix))]
        std::future::pending::<()>().await;
    }
}

/// SIGHUP, from the moment this is made: what a service manager sends to have the configuration read anew.
#[derive(Debug)]
pub struct Hangups {
    #[cfg(unix)]
    told: tokio::signal::unix::Signal,
}

impl Hangups {
    /// Must be called within the runtime.
    ///
    /// # Errors
    /// A system that refuses the handler.
    pub fn new() -> std::io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self { told: signal(SignalKind::hangup())? })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Returns after the next one.
    pub async fn recv(&mut self) {
        #[cfg(unix)]
        self.told.recv().await;
        #[cfg(not(unix))]
        std::future::pending::<()>().await;
    }
}

/// Ends the process without unwinding; the only way out when a turn does not end.
#[expect(clippy::disallowed_methods, reason = "the user asked twice")]
pub fn leave() -> ! {
    std::process::exit(130)
}
