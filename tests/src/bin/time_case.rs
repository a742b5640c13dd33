//! Ends, or waits for a delivery, in one of the situations a program may be in. `tests/time.rs` runs each in a process of its own,
//! against an endpoint that answers and one that hangs.

#![expect(clippy::print_stdout, reason = "printing is what it does")]

use std::{
    cell::RefCell,
    error::Error,
    panic,
    process::ExitCode,
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use conformance::case::{self, Case, Outcome};
use highlight::{Client, Config, FlushError, Highlight, Level};
use tokio::runtime;

/// The deadline of each call; that of drops comes from the environment.
const SHORT: Duration = Duration::from_millis(200);

const CASES: [Case; 22] = [
    ("drop", dropped),
    ("drop_in_current_thread_runtime", || in_tokio(&mut runtime::Builder::new_current_thread(), dropped)),
    ("drop_in_multi_thread_runtime", || in_tokio(&mut runtime::Builder::new_multi_thread(), dropped)),
    ("drop_in_actix_system", || actix_web::rt::System::new().block_on(async { dropped() })),
    ("drop_in_spawn_blocking", || in_spawn_blocking(dropped)),
    ("drop_while_panicking", drop_while_panicking),
    ("drop_of_a_thread_local", drop_of_a_thread_local),
    ("drop_of_a_thread_local_of_a_thread", drop_of_a_thread_local_of_a_thread),
    ("flush", flush),
    ("flush_in_current_thread_runtime", || in_tokio(&mut runtime::Builder::new_current_thread(), flush)),
    ("flush_in_multi_thread_runtime", || in_tokio(&mut runtime::Builder::new_multi_thread(), flush)),
    ("flush_in_actix_system", || actix_web::rt::System::new().block_on(async { flush() })),
    ("flush_in_spawn_blocking", || in_spawn_blocking(flush)),
    ("flush_in_a_panic_hook", flush_in_a_panic_hook),
    ("flush_async_in_current_thread_runtime", || flush_async(&mut runtime::Builder::new_current_thread())),
    ("flush_async_in_multi_thread_runtime", || flush_async(&mut runtime::Builder::new_multi_thread())),
    ("flush_of_a_static", flush_of_a_static),
    ("shutdown_twice", shutdown_twice),
    ("shutdown_from_threads", shutdown_from_threads),
    ("shutdown_async_in_current_thread_runtime", shutdown_async),
    ("last_client_of_a_request", last_client_of_a_request),
    ("fork", after_a_fork),
];

fn main() -> ExitCode {
    case::main(&CASES)
}

/// Endpoint and deadline of drops come from the environment.
fn init() -> Result<Highlight, Box<dyn Error>> {
    let guard = highlight::init(Config::new("1").service_name("time"))?;
    record();
    Ok(guard)
}

fn record() {
    highlight::log(Level::Info, "recorded", []);
}

fn say(outcome: Result<(), FlushError>) {
    match outcome {
        Ok(()) => println!("delivered"),
        Err(FlushError::Timeout(_)) => println!("timeout"),
        Err(error) => println!("{error:?}"),
    }
}

fn in_tokio(builder: &mut runtime::Builder, case: fn() -> Outcome) -> Outcome {
    builder.enable_all().build()?.block_on(async { case() })
}

fn in_spawn_blocking(case: fn() -> Outcome) -> Outcome {
    runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        tokio::task::spawn_blocking(move || case().map_err(|error| error.to_string())).await??;
        Ok(())
    })
}

fn dropped() -> Outcome {
    drop(init()?);
    Ok(())
}

fn flush() -> Outcome {
    let guard = init()?;
    say(guard.flush(SHORT));
    Ok(())
}

fn flush_async(builder: &mut runtime::Builder) -> Outcome {
    builder.enable_all().build()?.block_on(async {
        let guard = init()?;
        say(guard.flush_async(SHORT).await);
        Ok(())
    })
}

#[expect(clippy::panic, reason = "that is the case")]
fn drop_while_panicking() -> Outcome {
    let thread = thread::Builder::new().spawn(|| {
        let _guard = init().map_err(|error| error.to_string());
        panic!("out of order")
    })?;
    println!("thread: {}", thread.join().is_ok());
    Ok(())
}

thread_local!(static KEPT: RefCell<Option<Highlight>> = const { RefCell::new(None) });

/// The main thread's are dropped after `main`.
fn drop_of_a_thread_local() -> Outcome {
    let guard = init()?;
    KEPT.with_borrow_mut(|kept| *kept = Some(guard));
    Ok(())
}

fn drop_of_a_thread_local_of_a_thread() -> Outcome {
    thread::spawn(|| drop_of_a_thread_local().map_err(|error| error.to_string()))
        .join()
        .map_err(|_| "panicked")??;
    Ok(())
}

#[expect(clippy::panic, reason = "that is the case")]
fn flush_in_a_panic_hook() -> Outcome {
    let guard = init()?;
    let client = guard.client().clone();
    panic::set_hook(Box::new(move |_| say(client.flush(SHORT))));
    let panicked = panic::catch_unwind(|| panic!("out of order"));
    println!("panicked: {}", panicked.is_err());
    Ok(())
}

/// Rust drops no statics: what is not flushed before the end is lost, and nothing waits for it.
fn flush_of_a_static() -> Outcome {
    static GUARD: OnceLock<Highlight> = OnceLock::new();
    let guard = init()?;
    say(GUARD.get_or_init(|| guard).flush(SHORT));
    Ok(())
}

fn shutdown_twice() -> Outcome {
    let guard = init()?;
    let client = guard.client().clone();
    say(client.shutdown(SHORT));
    say(client.shutdown(Duration::MAX));
    say(guard.shutdown(Duration::MAX));
    Ok(())
}

fn shutdown_from_threads() -> Outcome {
    let guard = init()?;
    let client = guard.client();
    thread::scope(|scope| {
        let flushing = (0..8).map(|_| scope.spawn(|| client.flush(SHORT)));
        let stopping = (0..8).map(|_| scope.spawn(|| client.shutdown(SHORT)));
        let calls: Vec<_> = flushing.chain(stopping).collect();
        for call in calls {
            say(call.join().unwrap_or(Err(FlushError::NoThread)));
        }
    });
    Ok(())
}

fn shutdown_async() -> Outcome {
    runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let guard = init()?;
        say(guard.shutdown_async(SHORT).await);
        Ok(())
    })
}

/// The deadline of its drop is longer than the test's patience: a request must not wait for it.
fn last_client_of_a_request() -> Outcome {
    let config = Config::new("1").service_name("time").shutdown_timeout(Duration::from_secs(3600));
    let client = Client::new(config)?;
    let request = client.in_scope(|| {
        let request = highlight::RequestContext::current();
        record();
        request
    });
    let work = client.scope(async move {
        record();
        drop(request);
    });
    drop(client);
    runtime::Builder::new_current_thread().build()?.block_on(work);
    println!("the request has ended");
    // The program goes on; the worker delivers behind its back.
    thread::sleep(SHORT);
    Ok(())
}

#[cfg(unix)]
fn after_a_fork() -> Outcome {
    let guard = init()?;
    match fork::fork() {
        Ok(fork::Fork::Child) => {
            let start = Instant::now();
            record();
            println!("child: {:?} {:?}", guard.flush(Duration::MAX), guard.client().shutdown(Duration::MAX));
            drop(guard);
            println!("child: prompt {}", start.elapsed() < Duration::from_secs(60));
            // A client of its own.
            drop(init()?);
            Ok(())
        }
        Ok(fork::Fork::Parent(child)) => {
            drop(guard);
            fork::waitpid(child).map_err(|code| format!("waitpid: {code}"))?;
            Ok(())
        }
        Err(code) => Err(format!("fork: {code}").into()),
    }
}

#[cfg(not(unix))]
fn after_a_fork() -> Outcome {
    dropped()
}
