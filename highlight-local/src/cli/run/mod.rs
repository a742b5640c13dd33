//! Starts a command that sends here, and shows what it sends.

mod environment;
mod signals;

use std::{
    ffi::OsString,
    future::ready,
    io::{self, IsTerminal, Write},
    net::{IpAddr, Ipv4Addr},
    process::{ExitCode, ExitStatus},
    time::Duration,
};

use clap::Args;
use highlight_local::{LiveLine, Position, Store, Timeline, terminal::Chain};
use tokio::process::{Child, Command};

use super::{
    keep::{Keep, duration},
    receive::{self, Receive},
    show::Show,
};
use environment::Endpoints;
use signals::Signals;

/// Start a command that sends its telemetry here, and show only that.
///
/// The command's standard streams are its own; what is printed about its telemetry goes to standard error, each line
/// behind a bar. It gets `HIGHLIGHT_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_PROTOCOL` (http/protobuf,
/// or grpc if the environment says so), `HIGHLIGHT_PROJECT_ID=1` if none is set, and `HIGHLIGHT_LOCAL_URL`, so that
/// `highlight-local sessions` and the like in it ask here. Signals are passed on.
///
/// Ends as the command does: with its status, or 128 and the number of the signal that ended it; with 127 if there is
/// no such command, 126 if it cannot be started, 125 if nothing can be received.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The port to receive at; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,

    /// The port for OTLP over gRPC; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    grpc_port: u16,

    #[command(flatten)]
    show: Show,

    #[command(flatten)]
    keep: Keep,

    /// Pass every request on, unchanged, to the OTLP/HTTP server at this address.
    #[arg(long, value_name = "URL")]
    forward: Option<String>,

    /// Record what the browser client sends with its `backendUrl` set to `/public` here.
    #[arg(long)]
    replay: bool,

    /// Print the whole timeline at the end.
    #[arg(long)]
    timeline: bool,

    /// Do not print what arrives as it does.
    #[arg(long, short)]
    quiet: bool,

    /// How long to wait, after the command's end, for what it left running to close its connections, such as `500ms` or `2s`; a
    /// number alone is in seconds.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    wait: Duration,

    /// The command and its arguments.
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

const NOT_RECEIVING: u8 = 125;
const NOT_STARTED: u8 = 126;
const NOT_FOUND: u8 = 127;

pub(crate) fn run(options: Options) -> ExitCode {
    match receive_and_run(options) {
        Ok(code) => code,
        Err(error) => {
            say(&Chain(&*error).to_string());
            ExitCode::from(NOT_RECEIVING)
        }
    }
}

/// Nobody reads standard error? The command runs all the same.
fn say(text: &str) {
    let _ = io::stderr().write_all(format!("highlight-local: {text}\n").as_bytes());
}

fn receive_and_run(options: Options) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let settings = Receive {
        port: options.port,
        listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
        show: options.show,
        keep: options.keep,
        grpc_port: options.grpc_port,
        no_grpc: false,
        forward: options.forward,
        replay: options.replay,
        timeline: options.timeline,
    };
    let archive = settings.keep.archive();
    let receiver = receive::start(&settings, &archive)?;
    let store = receiver.store();
    let archive = archive.start(&store)?;
    let server = settings.show.start(&archive, settings.port)?;
    let (http, grpc) = (receiver.endpoint(), receiver.grpc_endpoint());
    let api = format!("http://{}", server.address());
    let endpoints = Endpoints { http: &http, grpc: grpc.as_deref(), api: &api };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let mut live = Live { store: store.clone(), position: Position::default(), quiet: options.quiet };
    let status = runtime.block_on(async {
        // Before the command is there, so that none is missed.
        let signals = Signals::catch()?;
        let child = match prepare(&options.command, endpoints).spawn() {
            Ok(child) => child,
            Err(error) => return Ok(Err(error)),
        };
        if !options.quiet {
            say(&format!("receives at {http}, see it at {api}"));
        }
        run_to_end(child, signals, &mut live).await.map(Ok)
    })?;
    let status = match status {
        Ok(status) => status,
        Err(error) => return Ok(not_started(&options.command, &error)),
    };
    if !receiver.drain(options.wait) && !options.quiet {
        say(
            "something that the command left running still has a connection; what it sends from now on is not shown",
        );
    }
    runtime.block_on(live.rest());
    if settings.timeline {
        let text = Timeline::new(&store.snapshot()).color(io::stderr().is_terminal()).to_string();
        let _ = io::stderr().write_all(text.as_bytes());
    }
    Ok(ExitCode::from(code_of(status)))
}

fn prepare(command: &[OsString], endpoints: Endpoints<'_>) -> Command {
    let mut words = command.iter();
    let mut prepared = Command::new(words.next().unwrap_or(&OsString::new()));
    prepared.args(words);
    let get = |name: &str| std::env::var_os(name);
    for (name, value) in environment::changes(endpoints, get) {
        match value {
            Some(value) => prepared.env(name, value),
            None => prepared.env_remove(name),
        };
    }
    if let Some(name) = environment::switched_off(get) {
        say(&format!("{name} switches telemetry off; nothing will arrive"));
    }
    prepared
}

async fn run_to_end(mut child: Child, mut signals: Signals, live: &mut Live) -> io::Result<ExitStatus> {
    loop {
        let id = child.id();
        tokio::select! {
            status = child.wait() => return status,
            () = signals.pass_on(id) => {}
            () = live.next() => {}
        }
    }
}

fn not_started(command: &[OsString], error: &io::Error) -> ExitCode {
    let name = command.first().map(|name| name.to_string_lossy()).unwrap_or_default();
    say(&format!("cannot start {name}: {error}"));
    ExitCode::from(if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_STARTED })
}

#[cfg(unix)]
fn code_of(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

#[cfg(not(unix))]
fn code_of(status: ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

/// What arrives, as it does.
struct Live {
    store: Store,
    position: Position,
    quiet: bool,
}

impl Live {
    /// Waits for rows and prints them; may be dropped while it waits.
    async fn next(&mut self) {
        let rows = self.store.next_rows(&mut self.position).await;
        if self.quiet {
            return;
        }
        let color = io::stderr().is_terminal();
        // All at once, so that no line of the command's gets in between.
        let text: String = rows
            .iter()
            .map(|row| format!("| {}\n", LiveLine::new(row).color(color)))
            .collect::<Vec<_>>()
            .concat();
        let _ = io::stderr().write_all(text.as_bytes());
    }

    /// What is there and not printed yet.
    async fn rest(&mut self) {
        tokio::select! {
            biased;
            () = self.next() => {}
            () = ready(()) => {}
        }
    }
}
