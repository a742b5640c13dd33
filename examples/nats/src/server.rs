//! A NATS server for the time of the demo.

use std::{
    env,
    io::{self, ErrorKind},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// `nats-server` starts in milliseconds.
const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) enum Server {
    Running { url: String },
    Started { url: String, process: Child },
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    #[error("there is no NATS server: set NATS_URL, or install one (Debian: apt-get install nats-server)")]
    NotInstalled,
    #[error("nats-server did not start: {0}")]
    NotStarted(#[from] io::Error),
}

impl Server {
    /// The one that `NATS_URL` names, or one started for this on a free port.
    pub(crate) fn find() -> Result<Self, ServerError> {
        if let Ok(url) = env::var("NATS_URL") {
            return Ok(Self::Running { url });
        }
        let dir = TempDir::new()?;
        let mut process = spawn(dir.path())?;
        match wait_for_url(dir.path(), &mut process) {
            Ok(url) => Ok(Self::Started { url, process }),
            Err(error) => {
                stop(&mut process);
                Err(error.into())
            }
        }
    }

    pub(crate) fn url(&self) -> &str {
        match self {
            Self::Running { url } | Self::Started { url, .. } => url,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Self::Started { process, .. } = self {
            stop(process);
        }
    }
}

fn stop(process: &mut Child) {
    // It may have ended by itself.
    let _ = process.kill();
    let _ = process.wait();
}

fn spawn(dir: &Path) -> Result<Child, ServerError> {
    // Debian installs it where the PATH of a user need not look.
    for program in ["nats-server", "/usr/sbin/nats-server"] {
        let mut command = Command::new(program);
        // Port -1 is a free one, which the server writes into a file.
        command.args(["--addr", "127.0.0.1", "--port", "-1", "--ports_file_dir"]).arg(dir);
        match command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            started => return Ok(started?),
        }
    }
    Err(ServerError::NotInstalled)
}

fn wait_for_url(dir: &Path, process: &mut Child) -> io::Result<String> {
    let started = Instant::now();
    while started.elapsed() < DEADLINE {
        if let Some(status) = process.try_wait()? {
            return Err(io::Error::other(format!("it ended with {status}")));
        }
        if let Some(url) = published_url(dir)? {
            return Ok(url);
        }
        thread::sleep(Duration::from_millis(10));
    }
    Err(ErrorKind::TimedOut.into())
}

/// The URL in the ports file, once it is there and complete.
fn published_url(dir: &Path) -> io::Result<Option<String>> {
    let Some(file) = dir.read_dir()?.next() else { return Ok(None) };
    let ports: serde_json::Value = serde_json::from_slice(&std::fs::read(file?.path())?).unwrap_or_default();
    Ok(ports["nats"][0].as_str().map(ToOwned::to_owned))
}
