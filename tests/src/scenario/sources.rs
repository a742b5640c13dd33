//! Where an error may come from, in every form: each is one error that says what is known of it.

use std::{error::Error, fmt, io};

use anyhow::{Context, Result, ensure};
use highlight::{
    Config, ConsumeError, ErrorAction, ErrorReport, Level, consume_error, http::HandlerError, try_in_span,
    try_start_active_span,
};
use tracing::{Dispatch, error, info_span};
use tracing_subscriber::layer::SubscriberExt;

use super::Scenario;
use crate::{
    cell::{Cell, REQUEST, SESSION},
    framework::Need,
    handler::{Declined, Expired, Reply},
    stored::{Stored, attribute},
};

/// A form of error, and what of it is stored.
struct Source {
    name: &'static str,
    report: fn(),
    event: &'static str,
    type_name: &'static str,
    causes: &'static [(&'static str, &'static str)],
}

const CHECKOUT: &str = "checkout failed";
const DECLINED: (&str, &str) = (Declined::MESSAGE, "Declined");
const EXPIRED: (&str, &str) = (Declined::CAUSE, "Expired");
const TYPED: &str = "conformance::handler::Declined";

const SOURCES: [Source; 17] = [
    Source {
        name: "boxed",
        report: || consume_error(&Box::<dyn Error + Send + Sync>::from(Declined::new())),
        event: DECLINED.0,
        type_name: "Declined",
        causes: &[EXPIRED],
    },
    Source {
        name: "boxed_for_one_thread",
        report: || consume_error(&Box::<dyn Error>::from(Declined::new())),
        event: DECLINED.0,
        type_name: "Declined",
        causes: &[EXPIRED],
    },
    Source {
        name: "erased",
        report: || passed_on(&Declined::new()),
        event: DECLINED.0,
        type_name: "Declined",
        causes: &[EXPIRED],
    },
    Source {
        name: "standard_library_boxed",
        report: || consume_error(&Box::<dyn Error>::from(io::Error::other(Expired))),
        event: EXPIRED.0,
        type_name: "std::io::error::Error",
        causes: &[],
    },
    Source {
        name: "message",
        report: || consume_error("out of stock"),
        event: "out of stock",
        type_name: "",
        causes: &[],
    },
    Source {
        name: "formatted_message",
        report: || consume_error(&format!("{} out of stock", 7)),
        event: "7 out of stock",
        type_name: "",
        causes: &[],
    },
    Source {
        name: "anyhow",
        report: || consume_error(&anyhow::Error::new(Declined::new())),
        event: DECLINED.0,
        type_name: "Declined",
        causes: &[EXPIRED],
    },
    Source {
        name: "anyhow_with_context",
        report: || consume_error(&anyhow::Error::new(Declined::new()).context(CHECKOUT)),
        event: CHECKOUT,
        type_name: "",
        causes: &[DECLINED, EXPIRED],
    },
    Source {
        name: "eyre_with_context",
        report: || consume_error(&eyre::Report::new(Declined::new()).wrap_err(CHECKOUT)),
        event: CHECKOUT,
        type_name: "",
        causes: &[DECLINED, EXPIRED],
    },
    Source {
        name: "result",
        report: || drop(Err::<(), _>(Declined::new()).consume_error()),
        event: DECLINED.0,
        type_name: TYPED,
        causes: &[EXPIRED],
    },
    Source {
        name: "result_of_anyhow_with_title",
        report: || drop(Err::<(), _>(anyhow::Error::new(Declined::new())).consume_error_as(CHECKOUT)),
        event: CHECKOUT,
        type_name: "Declined",
        causes: &[EXPIRED],
    },
    Source {
        name: "option",
        report: || {
            let _ = None::<u32>.consume_error();
        },
        event: "no value of type u32",
        type_name: "",
        causes: &[],
    },
    Source {
        name: "option_with_title",
        report: || {
            let _ = None::<u32>.consume_error_as("a product without a price");
        },
        event: "a product without a price",
        type_name: "",
        causes: &[],
    },
    Source {
        name: "span_of_boxed",
        report: || drop(try_in_span("work", |_| Err::<(), _>(Box::<dyn Error>::from(Declined::new())))),
        event: DECLINED.0,
        type_name: "Declined",
        causes: &[EXPIRED],
    },
    Source {
        name: "span_of_text",
        report: || {
            let _ = try_in_span("work", |_| Err::<(), _>("out of stock"));
        },
        event: "out of stock",
        type_name: "",
        causes: &[],
    },
    Source {
        name: "handler_error_of_anyhow",
        report: || drop(HandlerError::new(anyhow::Error::new(Declined::new()).context(CHECKOUT))),
        event: CHECKOUT,
        type_name: "",
        causes: &[DECLINED, EXPIRED],
    },
    Source {
        name: "handler_error_of_boxed",
        report: || drop(HandlerError::new(Box::<dyn Error + Send + Sync>::from(Declined::new()))),
        event: DECLINED.0,
        type_name: "Declined",
        causes: &[EXPIRED],
    },
];

#[track_caller]
fn passed_on(error: &dyn Error) {
    consume_error(error);
}

pub(super) fn rows() -> Vec<Scenario> {
    let sources = SOURCES
        .iter()
        .map(|source| Scenario::new(format!("source::{}", source.name), |cell| stored(cell, source)));
    let others = [
        Scenario::new("source::async_span_of_anyhow", async_span),
        Scenario::new("source::own_backtrace", own_backtrace),
        Scenario::new("source::span_trace", span_trace)
            .subscriber(with_span_traces)
            .needs(Need::SharedRuntime),
        Scenario::new("source::source_context", source_context).config(|config| config.source_context(true)),
        Scenario::new("source::without_stacks", without_stacks).config(|config| config.stack_traces(false)),
        Scenario::new("source::limited_stacks", limited_stacks),
        Scenario::new("source::remapped_paths", remapped_paths)
            .config(|config| config.remap_path_prefix(root(), "/services")),
        Scenario::new("rule::ignored", ignored).config(with_rule),
        Scenario::new("rule::reported_as_log", reported_as_log).config(with_rule),
        Scenario::new("rule::titled", titled).config(with_rule),
        Scenario::new("rule::of_a_log_line", of_a_log_line).config(with_rule),
        Scenario::new("rule::panics", rule_panics).config(|config| config.error_rule(|_| failing_rule())),
    ];
    sources.chain(others).collect()
}

async fn stored(cell: Cell, source: &'static Source) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            (source.report)();
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let (error, _) = stored.error()?;
    ensure!(error.event == source.event, "{:?}", error.event);
    ensure!(error.sent_type == source.type_name, "type {:?}", error.sent_type);
    let payload = |key: &str| error.payload.get(key).map_or("", String::as_str);
    for (n, (text, type_name)) in source.causes.iter().enumerate() {
        ensure!(payload(&format!("exception.causes.{n}")) == *text, "{:#?}", error.payload);
        ensure!(payload(&format!("exception.cause_types.{n}")) == *type_name, "{:#?}", error.payload);
    }
    ensure!(payload(&format!("exception.causes.{}", source.causes.len())).is_empty());
    ensure!(payload("code.file.path").ends_with("scenario/sources.rs"));
    ensure!(payload("thread.id").parse().is_ok_and(|id: u64| id > 0));
    if stored.framework.request_span().contains('{') {
        ensure!(stored.framework.request_span() == format!("GET {}", payload("http.route")));
    }
    is_in_this_file(&stored)
}

fn is_in_this_file(stored: &Stored) -> Result<()> {
    let frame = stored.error()?.0.frames.first().context("no frames")?;
    let file = frame.file.as_deref().unwrap_or_default();
    ensure!(file == "/tests/src/scenario/sources.rs", "the innermost frame is in {file:?}");
    ensure!(frame.line.is_some_and(|line| line > 0));
    Ok(())
}

async fn async_span(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            let work = async |_| Err::<(), _>(anyhow::anyhow!("no answer"));
            drop(try_start_active_span("work", work).await);
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    ensure!(stored.error()?.0.event == "no answer" && stored.span("work")?.status_code == "Error");
    is_in_this_file(&stored)
}

/// Shows by `Debug` what an error of `anyhow` shows when backtraces are switched on, which is a matter of the whole process:
/// `tests/failures.rs` does that.
struct WithBacktrace;

impl fmt::Debug for WithBacktrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no answer\n\nCaused by:\n    timed out\n\nStack backtrace:\n")?;
        f.write_str(
            "   0: anyhow::error::<impl anyhow::Error>::msg\n             at /x/anyhow/src/lib.rs:9:1\n",
        )?;
        f.write_str("   1: shop::gateway::charge\n             at /build/shop/src/gateway.rs:42:9\n")
    }
}

async fn own_backtrace(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            error!(error = ?WithBacktrace, "checkout failed");
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let (error, _) = stored.error()?;
    ensure!(error.event == "no answer", "{:?}", error.event);
    let frames: Vec<_> = error
        .frames
        .iter()
        .map(|frame| (frame.function.as_deref(), frame.file.as_deref(), frame.line))
        .collect();
    ensure!(
        frames == [(Some("shop::gateway::charge"), Some("/build/shop/src/gateway.rs"), Some(42))],
        "{frames:#?}"
    );
    ensure!(attribute(&error.payload, "code.file.path")?.ends_with("scenario/sources.rs"));
    Ok(())
}

fn with_span_traces() -> Dispatch {
    let subscriber = tracing_subscriber::registry().with(tracing_error::ErrorLayer::default());
    subscriber.with(highlight::layer()).into()
}

async fn span_trace(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            info_span!("charge", cents = 4200).in_scope(|| consume_error(&Declined::new()));
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let trace = attribute(&stored.error()?.0.payload, "error.span_trace")?.to_owned();
    ensure!(trace.contains("sources::charge") && trace.contains("cents=4200"), "{trace}");
    Ok(())
}

async fn source_context(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            consume_error(&Declined::new()); // this very line
            Reply::ok()
        })
        .await?;
    let (error, _) = stored.error()?;
    let frames = attribute(&error.payload, "exception.structured_stacktrace")?;
    let own = frames.split("},{").next().unwrap_or_default();
    for part in [
        r#"[{"fileName":"/tests/src/scenario/sources.rs","lineNumber":"#,
        r#""functionName":"conformance::scenario::sources::source_context"#,
        r#""linesBefore":""#,
        r#""lineContent":"            consume_error(&Declined::new()); // this very line""#,
        r#""linesAfter":"            Reply::ok()\n        })\n        .await?;\n"#,
    ] {
        ensure!(own.contains(part), "{part} in {own}");
    }
    is_in_this_file(&stored)
}

async fn without_stacks(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            consume_error(&Declined::new());
            Reply::ok()
        })
        .await?;
    ensure!(stored.error()?.0.frames.len() == 1, "the place alone");
    is_in_this_file(&stored)
}

/// More errors than stacks are taken in a moment: all are stored, the last with their place alone.
async fn limited_stacks(cell: Cell) -> Result<()> {
    const ERRORS: usize = 150;
    let (_, stored) = cell
        .answer(|_| async {
            for n in 0..ERRORS {
                consume_error(&format!("failure {n}"));
            }
            Reply::ok()
        })
        .await?;
    let errors = &stored.rows.errors;
    ensure!(errors.len() == ERRORS, "{} errors", errors.len());
    let alone = |frames: &[_]| frames.len() == 1;
    ensure!(errors.iter().all(|error| !error.frames.is_empty()));
    ensure!(!alone(&errors[0].frames) && alone(&errors[ERRORS - 1].frames));
    Ok(())
}

/// Where this workspace was compiled, as the compiler names it.
fn root() -> &'static str {
    env!("CARGO_MANIFEST_DIR").strip_suffix("/tests").unwrap_or_default()
}

async fn remapped_paths(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            consume_error(&Declined::new());
            Reply::ok()
        })
        .await?;
    let file = stored.error()?.0.frames.first().and_then(|frame| frame.file.as_deref());
    ensure!(file == Some("/services/tests/src/scenario/sources.rs"), "{file:?}");
    Ok(())
}

fn with_rule(config: Config) -> Config {
    config.error_rule(|error| {
        if error.find::<Expired>().is_some() {
            return ErrorAction::Ignore;
        }
        match error.find::<io::Error>().map(io::Error::kind) {
            Some(io::ErrorKind::TimedOut) => ErrorAction::Log(Level::Warn),
            Some(_) => ErrorAction::Title("the gateway failed".into()),
            None if error.message() == "of no interest" => ErrorAction::Ignore,
            None => ErrorAction::Report,
        }
    })
}

async fn ignored(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            let error = anyhow::Error::new(Declined::new()).context(CHECKOUT);
            consume_error(&error);
            // Known by now, though its text does not tell its type.
            error!(error = %error, "the line stays");
            Reply::ok()
        })
        .await?;
    stored.no_error()?;
    ensure!(stored.log("the line stays")?.level == "error" && stored.rows.logs.len() == 1);
    ensure!(stored.request_span()?.status_code == "Error", "the line's error has failed the span");
    ensure!(stored.stats.suppressed == 2, "suppressed {}", stored.stats.suppressed);
    Ok(())
}

async fn reported_as_log(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            let error = io::Error::new(io::ErrorKind::TimedOut, "timed out after 3 s");
            ErrorReport::new(&error).attribute("order.id", 7).consume();
            consume_error(&error);
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    stored.no_error()?;
    let log = stored.log("timed out after 3 s")?;
    ensure!(log.level == "warn" && stored.rows.logs.len() == 1);
    ensure!(attribute(&log.attributes, "error.type")? == "std::io::error::Error");
    ensure!(attribute(&log.attributes, "order.id")? == "7");
    ensure!(attribute(&log.attributes, "code.file.path")?.ends_with("scenario/sources.rs"));
    ensure!(stored.request_span()?.status_code == "Unset", "a log line does not fail a span");
    ensure!(stored.stats.suppressed == 1);
    Ok(())
}

async fn titled(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            consume_error(&io::Error::other("order 7: no answer"));
            ErrorReport::new(&io::Error::other("order 8: no answer")).title("its own").consume();
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let events: Vec<_> = stored.rows.errors.iter().map(|error| error.event.as_str()).collect();
    ensure!(events == ["the gateway failed", "its own"], "{events:?}");
    ensure!(attribute(&stored.rows.errors[0].payload, "error.message")? == "order 7: no answer");
    Ok(())
}

async fn of_a_log_line(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            error!(error = "of no interest", "a line");
            error!(error = &Declined::new() as &dyn Error, "another");
            let late = io::Error::from(io::ErrorKind::TimedOut);
            error!(error = &late as &dyn Error, "a third");
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    stored.no_error()?;
    ensure!(stored.log("a line")?.level == "error" && stored.log("another")?.level == "error");
    ensure!(stored.log("a third")?.level == "warn" && stored.rows.logs.len() == 3);
    ensure!(stored.request_span()?.status_code == "Unset");
    Ok(())
}

#[expect(clippy::panic, reason = "that is the scenario")]
fn failing_rule() -> ErrorAction {
    panic!("{}", super::EXPECTED_PANIC)
}

async fn rule_panics(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            consume_error(&Declined::new());
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let mut events: Vec<_> = stored.rows.errors.iter().map(|error| error.event.as_str()).collect();
    events.sort_unstable();
    ensure!(events == [super::EXPECTED_PANIC, Declined::MESSAGE], "{events:?}");
    Ok(())
}
