//! Receives and prints, until it is stopped.

use std::{
    io::{self, IsTerminal, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use clap::Args;
use highlight_local::{
    DEFAULT_GRPC_PORT, DEFAULT_PORT, Forward, LiveLine, Position, Receiver, Store, Timeline, api,
    archive::ArchiveBuilder,
    replay::{RecordingLimits, Recordings},
    terminal::Chain,
};

use super::{keep::Keep, show::Show};

#[derive(Debug, Args)]
pub(crate) struct Receive {
    /// The port to listen on; 0 takes a free one.
    #[arg(long, env = "HIGHLIGHT_LOCAL_PORT", default_value_t = DEFAULT_PORT)]
    pub(crate) port: u16,

    /// The address to listen on. Anyone who can reach it can send to it.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub(crate) listen: IpAddr,

    #[command(flatten)]
    pub(crate) show: Show,

    #[command(flatten)]
    pub(crate) keep: Keep,

    /// The port for OTLP over gRPC; 0 takes a free one. If it is taken, the rest works.
    #[arg(long, env = "HIGHLIGHT_LOCAL_GRPC_PORT", default_value_t = DEFAULT_GRPC_PORT)]
    pub(crate) grpc_port: u16,

    /// Do not listen for OTLP over gRPC.
    #[arg(long)]
    pub(crate) no_grpc: bool,

    /// Pass every request on, unchanged, to the OTLP/HTTP server at this address.
    #[arg(long, value_name = "URL", env = "HIGHLIGHT_LOCAL_FORWARD")]
    pub(crate) forward: Option<String>,

    /// Record what the browser client sends with its `backendUrl` set to `/public` here.
    #[arg(long)]
    pub(crate) replay: bool,

    /// Print the whole timeline at the end.
    #[arg(long)]
    pub(crate) timeline: bool,
}

pub(crate) fn run(options: &Receive) -> Result<(), Box<dyn std::error::Error>> {
    let archive = options.keep.archive();
    let receiver = start(options, &archive)?;
    // It is dropped before the receiver and writes what has come until then.
    let archive = archive.start(&receiver.store())?;
    let server = options.show.start(&archive, options.port)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    match runtime.block_on(print_until_stopped(options, &receiver, &server)) {
        // Such as `highlight-local | head`: the reader has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => Ok(outcome?),
    }
}

pub(crate) fn start(
    options: &Receive,
    archive: &ArchiveBuilder,
) -> Result<Receiver, Box<dyn std::error::Error>> {
    let mut builder = Receiver::builder().address(SocketAddr::new(options.listen, options.port));
    if !options.no_grpc {
        builder = builder.grpc(SocketAddr::new(options.listen, options.grpc_port));
    }
    if let Some(url) = &options.forward {
        // Nobody reads standard error then: what is received is shown all the same.
        let tell = |state: &_| drop(writeln!(io::stderr(), "highlight-local: {state}"));
        builder = builder.forward(Forward::to(url)?.on_change(tell));
    }
    if options.replay {
        builder = builder
            .recordings(Recordings::with_sink(RecordingLimits::default(), archive.recording_writer()?));
    }
    Ok(builder.start()?)
}

/// What else it listens for, and what becomes of it.
fn describe(options: &Receive, receiver: &Receiver, out: &mut impl Write) -> io::Result<()> {
    match (receiver.grpc_endpoint(), receiver.grpc_error()) {
        (Some(endpoint), _) => writeln!(out, "OTLP over gRPC goes to {endpoint}")?,
        (None, Some(error)) => writeln!(out, "no OTLP over gRPC: {}", Chain(error))?,
        (None, None) => {}
    }
    if let Some(url) = &options.forward {
        writeln!(out, "all of it is passed on to {url}")?;
    }
    if options.replay {
        writeln!(
            out,
            "sessions are recorded; the client's backendUrl is {}/public",
            endpoint_to_set(receiver)
        )?;
    }
    Ok(())
}

async fn print_until_stopped(options: &Receive, receiver: &Receiver, server: &api::Server) -> io::Result<()> {
    let mut out = io::stdout();
    let color = out.is_terminal();
    // Before the first line is out, so that whoever waits for it can already stop us.
    let stopped = stop_signal()?;
    let store = receiver.store();
    writeln!(out, "highlight-local listens on {}", receiver.endpoint())?;
    writeln!(out, "send to it with HIGHLIGHT_OTLP_ENDPOINT={}", endpoint_to_set(receiver))?;
    writeln!(
        out,
        "see it at http://{}/ or ask with the commands sessions, trace, errors, tail",
        server.address()
    )?;
    describe(options, receiver, &mut out)?;
    writeln!(out, "stop it with ctrl-c")?;
    tokio::select! {
        printed = print_rows(&store, &mut out, color) => printed?,
        () = stopped => {}
    }
    if options.timeline {
        write!(out, "\n{}", Timeline::new(&store.snapshot()).color(color))?;
    }
    out.flush()
}

/// The familiar name, where it leads here.
fn endpoint_to_set(receiver: &Receiver) -> String {
    let address = receiver.address();
    if address.ip().is_loopback() || address.ip().is_unspecified() {
        format!("http://localhost:{}", address.port())
    } else {
        receiver.endpoint()
    }
}

async fn print_rows(store: &Store, out: &mut impl Write, color: bool) -> io::Result<()> {
    let mut position = Position::default();
    loop {
        for row in store.next_rows(&mut position).await {
            writeln!(out, "{}", LiveLine::new(&row).color(color))?;
        }
        out.flush()?;
    }
}

/// Ends on ctrl-c, and on SIGTERM where there is one.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        // If ctrl-c cannot be listened for, it ends the program by itself.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
