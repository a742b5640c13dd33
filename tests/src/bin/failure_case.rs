//! Fails in one of the ways in which a program may fail once, or only as a whole. `tests/failures.rs` runs each case in a process of its own.

#![expect(clippy::print_stdout, reason = "printing is what it does")]
#![expect(clippy::panic, reason = "that is what some cases are about")]

use std::{borrow::Cow, error::Error, io, panic, process::ExitCode, thread, time::Duration};

use conformance::case::{self, Case, Outcome};
use highlight::{Config, RequestContext, consume_error, http::HandlerError};

const FLUSH: Duration = Duration::from_secs(60);

const CASES: [Case; 10] = [
    ("anyhow", || reported(|| consume_error(&anyhow_error()))),
    ("anyhow_returned", || reported(|| drop(HandlerError::new(anyhow_error().context("returned"))))),
    ("anyhow_debugged", || reported(|| tracing::error!(error = ?anyhow_error(), "debugged"))),
    ("eyre", || reported(|| consume_error(&eyre_error()))),
    ("color_eyre", color_eyre),
    ("payloads", payloads),
    ("panic_in_destructor", panic_in_destructor),
    ("panic_in_hook", panic_in_hook),
    ("rule_at_a_panic", rule_at_a_panic),
    ("abort", abort),
];

fn main() -> ExitCode {
    case::main(&CASES)
}

fn init() -> Result<highlight::Highlight, Box<dyn Error>> {
    Ok(highlight::init(Config::new("1").service_name("failures"))?)
}

/// In a request of its own, with the guard dropped at the end.
fn reported(report: fn()) -> Outcome {
    let _guard = init()?;
    let context: RequestContext = "session/request".parse()?;
    context.in_scope(report);
    Ok(())
}

/// Where the error arises: not where it is reported.
#[inline(never)]
fn anyhow_error() -> anyhow::Error {
    anyhow::Error::new(io::Error::other("no answer"))
}

#[inline(never)]
fn eyre_error() -> eyre::Report {
    eyre::Report::new(io::Error::other("no answer"))
}

fn color_eyre() -> Outcome {
    color_eyre::config::HookBuilder::default().into_hooks().1.install()?;
    reported(|| consume_error(&eyre_error()))
}

/// Panics with this.
fn catch(payload: impl std::any::Any + Send) {
    let caught = panic::catch_unwind(panic::AssertUnwindSafe(|| panic::panic_any(payload)));
    println!("caught: {}", caught.is_err());
}

fn payloads() -> Outcome {
    let _guard = init()?;
    catch("literal");
    catch("owned".to_owned());
    catch(Cow::Borrowed("either"));
    catch(Box::<dyn Error + Send + Sync>::from(io::Error::other("boxed")));
    catch(anyhow_error());
    catch(42);
    Ok(())
}

struct Falls;

impl Drop for Falls {
    fn drop(&mut self) {
        panic!("the second");
    }
}

/// The second panic ends the process, without a guard being dropped.
fn panic_in_destructor() -> Outcome {
    let _guard = init()?;
    let _falls = Falls;
    panic!("the first");
}

/// So does a panic of another hook.
fn panic_in_hook() -> Outcome {
    panic::set_hook(Box::new(|_| panic!("of the hook")));
    let guard = init()?;
    thread::spawn(|| {
        let _ = panic::catch_unwind(|| panic!("of the thread"));
    })
    .join()
    .map_err(|_| "panicked")?;
    guard.flush(FLUSH)?;
    Ok(())
}

/// The program's rule is none that could stand a panic.
fn rule_at_a_panic() -> Outcome {
    let config = Config::new("1").service_name("failures");
    let _guard = highlight::init(config.error_rule(|_| panic!("of the rule")))?;
    catch("the only one");
    Ok(())
}

/// Compiled with `panic = "abort"` this ends the process at once; otherwise the panic is caught.
fn abort() -> Outcome {
    let _guard = init()?;
    catch("the only one");
    Ok(())
}
