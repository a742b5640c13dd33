//! Signals to us are meant for the command.

#[cfg(unix)]
pub(super) use unix::Signals;

#[cfg(not(unix))]
pub(super) use other::Signals;

#[cfg(unix)]
mod unix {
    use std::io;

    use rustix::{
        process::{Pid, Signal, getpgrp, kill_process},
        termios::tcgetpgrp,
    };
    use tokio::{
        signal::unix::{SignalKind, signal},
        sync::mpsc,
    };

    const PASSED_ON: [Signal; 6] =
        [Signal::INT, Signal::QUIT, Signal::TERM, Signal::HUP, Signal::USR1, Signal::USR2];

    /// What is passed on, as it comes; from its making on, none of it ends us.
    pub(crate) struct Signals(mpsc::Receiver<Signal>);

    impl Signals {
        /// Within a runtime.
        pub(crate) fn catch() -> io::Result<Self> {
            let (sender, receiver) = mpsc::channel(16);
            for known in PASSED_ON {
                let mut stream = signal(SignalKind::from_raw(known.as_raw()))?;
                let sender = sender.clone();
                tokio::spawn(async move {
                    while stream.recv().await.is_some() && sender.send(known).await.is_ok() {}
                });
            }
            Ok(Self(receiver))
        }

        /// Waits for the next one and passes it on to a process that has not been waited for.
        pub(crate) async fn pass_on(&mut self, to: Option<u32>) {
            let Some(signal) = self.0.recv().await else { return std::future::pending().await };
            let to = to.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
            if let Some(to) = to.filter(|_| !terminal_sent_it(signal)) {
                // It may have ended meanwhile.
                let _ = kill_process(to, signal);
            }
        }
    }

    /// A terminal's ctrl-c goes to the whole group that is in its foreground: the command has it already, and a
    /// second one often means "at once".
    fn terminal_sent_it(signal: Signal) -> bool {
        [Signal::INT, Signal::QUIT].contains(&signal)
            && (tcgetpgrp(io::stdin()).or_else(|_| tcgetpgrp(io::stderr())))
                .is_ok_and(|group| group == getpgrp())
    }
}

#[cfg(not(unix))]
mod other {
    use std::io;

    /// The console sends ctrl-c to the command as well; it must not end us before that.
    pub(crate) struct Signals;

    impl Signals {
        pub(crate) fn catch() -> io::Result<Self> {
            tokio::spawn(async { while tokio::signal::ctrl_c().await.is_ok() {} });
            Ok(Self)
        }

        pub(crate) async fn pass_on(&mut self, _to: Option<u32>) {
            std::future::pending().await
        }
    }
}
