//! The rows of the table.

mod concurrency;
mod connections;
mod context;
mod crowd;
mod departure;
mod erased;
mod errors;
mod filters;
mod foreign;
mod grpc;
mod headers;
mod hops;
mod http;
mod identity;
mod neighbours;
mod once;
mod panics;
mod parents;
mod privacy;
mod sampling;
mod sources;
mod spans;
mod spellings;
mod streaming;
mod work;

use std::{
    future::Future,
    panic::{self, AssertUnwindSafe},
    pin::Pin,
    sync::Once,
};

use anyhow::{Context, Result, anyhow};
use highlight::Config;
use tokio::runtime;
use tracing::{Dispatch, dispatcher, subscriber};
use tracing_subscriber::layer::SubscriberExt;

use crate::{
    Framework,
    cell::{Cell, HANG},
    framework::Need,
    handler::EXPECTED_PANIC,
};

/// A row: what is done, and what must then be stored.
pub struct Scenario {
    name: String,
    needs: Vec<Need>,
    impossible: Option<&'static str>,
    config: fn(Config) -> Config,
    subscriber: Option<fn() -> Dispatch>,
    script: Script,
}

type Script = Box<dyn Fn(Cell) -> Pin<Box<dyn Future<Output = Result<()>>>> + Send + Sync>;

/// What a cell says.
#[derive(Debug)]
pub enum Verdict {
    /// All is stored as it must be.
    Passed,
    /// It cannot be had, for this reason; what happens instead is as it must be.
    Impossible(&'static str),
    /// The framework has no such thing, for this reason.
    NotApplicable(&'static str),
    /// Something is not as it must be.
    Failed(anyhow::Error),
}

/// All rows, each concept with its own.
#[must_use]
pub fn groups() -> Vec<(&'static str, Vec<Scenario>)> {
    vec![
        ("The request is current", context::rows()),
        ("Spans", spans::rows()),
        ("Explicit parents", parents::rows()),
        ("Spans of OpenTelemetry itself", foreign::rows()),
        ("Work elsewhere", work::rows()),
        ("At the same time", concurrency::rows()),
        ("Crowds", crowd::rows()),
        ("Connections", connections::rows()),
        ("Bodies", streaming::rows()),
        ("Clients that go away", departure::rows()),
        ("Panics", panics::rows()),
        ("Errors", errors::rows()),
        ("Errors of `anyhow` and `eyre`", erased::rows()),
        ("Where errors come from", sources::rows()),
        ("Spellings of errors in logs", spellings::rows()),
        ("Once per failure", once::rows()),
        ("Other middleware", neighbours::rows()),
        ("Who is served", identity::rows()),
        ("Sampling", sampling::rows()),
        ("Filters and consoles", filters::rows()),
        ("Headers", headers::rows()),
        ("From service to service", hops::rows()),
        ("Privacy", privacy::rows()),
        ("HTTP", http::rows()),
        ("gRPC", grpc::rows()),
    ]
}

/// All rows.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    groups().into_iter().flat_map(|(_, rows)| rows).collect()
}

impl Scenario {
    /// A row for all frameworks, with the default configuration.
    fn new<F>(name: impl Into<String>, script: impl Fn(Cell) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<()>> + 'static,
    {
        Self {
            name: name.into(),
            needs: Vec::new(),
            impossible: None,
            config: |config| config,
            subscriber: None,
            script: Box::new(move |cell| Box::pin(script(cell))),
        }
    }

    /// Only where there is a server.
    fn server_only(self) -> Self {
        self.needs(Need::Server)
    }

    /// Only where the server's span is told in HTTP's terms.
    fn http_only(self) -> Self {
        self.needs(Need::Http)
    }

    /// Only where there is such a thing.
    fn needs(mut self, need: Need) -> Self {
        self.needs.push(need);
        self
    }

    /// What one might wish for, and nobody can have: the row says what happens instead.
    fn impossible(mut self, reason: &'static str) -> Self {
        self.impossible = Some(reason);
        self
    }

    fn config(mut self, config: fn(Config) -> Config) -> Self {
        self.config = config;
        self
    }

    /// On one thread, with a `tracing` subscriber of its own.
    fn subscriber(mut self, subscriber: fn() -> Dispatch) -> Self {
        self.subscriber = Some(subscriber);
        self
    }

    /// The row's heading.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the cell says if it does not fail.
    #[must_use]
    pub fn expected(&self, framework: &dyn Framework) -> Verdict {
        let lacking = self.needs.iter().find_map(|need| framework.lacks(*need));
        match (lacking, self.impossible) {
            (Some(reason), _) => Verdict::NotApplicable(reason),
            (None, Some(reason)) => Verdict::Impossible(reason),
            (None, None) => Verdict::Passed,
        }
    }

    /// Runs the cell.
    #[must_use]
    pub fn run(&self, framework: &'static dyn Framework) -> Verdict {
        let expected = self.expected(framework);
        if matches!(expected, Verdict::NotApplicable(_)) {
            return expected;
        }
        prepare_process();
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| self.run_cell(framework)));
        match outcome {
            Ok(Ok(())) => expected,
            Ok(Err(error)) => Verdict::Failed(error),
            Err(_) => Verdict::Failed(anyhow!("the cell panicked")),
        }
    }

    fn run_cell(&self, framework: &'static dyn Framework) -> Result<()> {
        let cell = Cell::new(framework, self.config)?;
        let script = (self.script)(cell);
        let script = async { tokio::time::timeout(HANG, script).await.context("the cell hangs")? };
        match self.subscriber {
            None => {
                let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
                runtime.block_on(script)
            }
            Some(subscriber) => {
                let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
                dispatcher::with_default(&subscriber(), || runtime.block_on(script))
            }
        }
    }
}

impl std::fmt::Debug for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Scenario").field(&self.name).finish()
    }
}

/// What exists once per process: a subscriber with nothing but our layer, a logger that hands on to it, and the panic hook. There is
/// no process-wide client: what lost its cell would not be recorded.
fn prepare_process() {
    static PREPARED: Once = Once::new();
    PREPARED.call_once(|| {
        // If one of them is there already, the cells that need it fail.
        let _ = subscriber::set_global_default(tracing_subscriber::registry().with(highlight::layer()));
        let _ = tracing_log::LogTracer::init();
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let expected = info.payload().downcast_ref::<String>().is_some_and(|text| text == EXPECTED_PANIC)
                || info.payload().is::<panics::NoText>();
            if !expected {
                print(info);
            }
        }));
        highlight::install_panic_hook();
    });
}
