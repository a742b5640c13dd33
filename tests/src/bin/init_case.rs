//! Starts the SDK in one of the ways a program may, and prints what came of it. `tests/init.rs` runs each case in a process of its own.

#![expect(clippy::print_stdout, reason = "printing is what it does")]

use std::{error::Error, process::ExitCode, sync::Barrier, thread, time::Duration};

use conformance::case::{self, Case, Outcome};
use highlight::{Client, Config, Highlight, RequestContext, SpanBuilder, consume_error, in_span};
use tokio::{runtime, task::yield_now};
use tracing_subscriber::{fmt, layer::SubscriberExt};

const FLUSH: Duration = Duration::from_secs(60);

const CASES: [Case; 34] = [
    ("alone", alone),
    ("twice", twice),
    ("again_after_the_guard", again_after_the_guard),
    ("disabled_beside_another", disabled_beside_another),
    ("after_a_subscriber_with_the_layer", after_a_subscriber_with_the_layer),
    ("after_a_subscriber_without_the_layer", after_a_subscriber_without_the_layer),
    ("raced_after_a_subscriber_without_the_layer", raced_after_a_subscriber_without_the_layer),
    ("under_a_threads_own_subscriber", under_a_threads_own_subscriber),
    ("under_a_threads_own_without_the_layer", under_a_threads_own_without_the_layer),
    ("before_a_subscriber", before_a_subscriber),
    ("after_a_logger", after_a_logger),
    ("after_tracing_log", after_tracing_log),
    ("log_bridge", log_bridge),
    ("explicit_parents", explicit_parents),
    ("in_multi_thread_runtime", || in_runtime(&mut runtime::Builder::new_multi_thread())),
    ("in_current_thread_runtime", || in_runtime(&mut runtime::Builder::new_current_thread())),
    ("late_log", || late(|| tracing::info!("too late"))),
    ("late_span", || late(|| in_span("too late", drop))),
    ("late_error", || late(|| consume_error(&std::fmt::Error))),
    ("late_under_threads_own_subscribers", late_under_threads_own_subscribers),
    ("early_event", || early(|| tracing::info!("too early"))),
    ("early_tracing_span", || early(|| drop(tracing::info_span!("too early")))),
    ("early_span", || early(|| in_span("too early", drop))),
    ("early_log", || early(|| highlight::log(highlight::Level::Info, "too early", []))),
    ("early_error", || early(|| consume_error(&std::fmt::Error))),
    ("early_metric", || early(|| highlight::metrics::record_incr("early.count", []))),
    ("early_detail", || early(|| tracing::debug!("no loss"))),
    ("let_underscore", let_underscore),
    ("serves_on", serves_on),
    ("ends", ends),
    ("panics", panics),
    ("panics_in_thread", panics_in_thread),
    ("global_tracer", global_tracer),
    ("bare_spawn", bare_spawn),
];

fn main() -> ExitCode {
    case::main(&CASES)
}

/// Endpoint and switches come from the environment.
fn config() -> Config {
    Config::new("1").service_name("init")
}

fn init() -> Result<Highlight, Box<dyn Error>> {
    let guard = highlight::init(config())?;
    println!("setup: {:?}", guard.tracing_setup());
    Ok(guard)
}

/// One of everything.
fn say_all() {
    tracing::info!("from tracing");
    log::info!("from log");
    let _entered = tracing::info_span!("their span").entered();
    in_span("our span", |_| highlight::log(highlight::Level::Info, "from us", []));
    consume_error(&std::fmt::Error);
}

fn alone() -> Outcome {
    let _guard = init()?;
    say_all();
    Ok(())
}

fn twice() -> Outcome {
    let _guard = init()?;
    match highlight::init(config()) {
        Ok(_) => println!("second: Ok"),
        Err(error) => println!("second: {error}"),
    }
    say_all();
    Ok(())
}

fn again_after_the_guard() -> Outcome {
    for _ in 0..2 {
        let _guard = init()?;
        say_all();
    }
    Ok(())
}

/// What the process-wide client does not take, one of the program's own does that starts later. Requests are the program's in any case.
fn disabled_beside_another() -> Outcome {
    let _guard = highlight::init(config().enabled(false).console(false))?;
    say_all();
    let request: RequestContext = "session1/request1".parse()?;
    let of_request = || SpanBuilder::new("our span").request_context(&request);
    of_request().in_span(|span| println!("{}, {}", RequestContext::current(), span.is_recording()));
    let awaited = of_request().start_active_span(async |_| {
        yield_now().await;
        println!("{}", RequestContext::current());
    });
    runtime::Builder::new_current_thread().build()?.block_on(awaited);
    request.in_scope(|| in_span("our span", |_| println!("{}", RequestContext::current())));
    let client = Client::new(config())?;
    client.in_scope(say_all);
    client.flush(FLUSH)?;
    Ok(())
}

fn after_a_subscriber_with_the_layer() -> Outcome {
    let console = fmt::layer().with_writer(std::io::stderr);
    let subscriber = tracing_subscriber::registry().with(console).with(highlight::layer());
    tracing::subscriber::set_global_default(subscriber)?;
    alone()
}

fn after_a_subscriber_without_the_layer() -> Outcome {
    let console = fmt::layer().with_writer(std::io::stderr);
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(console))?;
    alone()
}

/// Of the threads that start it at once, one does.
fn raced_after_a_subscriber_without_the_layer() -> Outcome {
    let console = fmt::layer().with_writer(std::io::stderr);
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(console))?;
    let guards = on_many_threads(|| highlight::init(config()).ok());
    println!("started: {}", guards.iter().flatten().count());
    Ok(())
}

fn under_a_threads_own_without_the_layer() -> Outcome {
    let console = fmt::layer().with_writer(std::io::stderr);
    let _scoped = tracing::subscriber::set_default(tracing_subscriber::registry().with(console));
    let _guard = init()?;
    tracing::info!("lost");
    thread::spawn(say_all).join().map_err(|_| "panicked")?;
    Ok(())
}

fn under_a_threads_own_subscriber() -> Outcome {
    let _scoped = tracing::subscriber::set_default(tracing_subscriber::registry().with(highlight::layer()));
    let _guard = init()?;
    thread::spawn(say_all).join().map_err(|_| "panicked")?;
    Ok(())
}

fn before_a_subscriber() -> Outcome {
    let _guard = init()?;
    match tracing::subscriber::set_global_default(tracing_subscriber::registry()) {
        Ok(()) => println!("theirs: Ok"),
        Err(_) => println!("theirs: refused"),
    }
    say_all();
    Ok(())
}

/// A logger that has nothing to do with `tracing`.
struct Printer;

impl log::Log for Printer {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if record.target() == module_path!() {
            println!("logger: {}", record.args());
        }
    }

    fn flush(&self) {}
}

fn after_a_logger() -> Outcome {
    log::set_logger(&Printer)?;
    log::set_max_level(log::LevelFilter::Info);
    alone()
}

fn after_tracing_log() -> Outcome {
    tracing_log::LogTracer::init()?;
    alone()
}

fn log_bridge() -> Outcome {
    let _guard = init()?;
    let context: RequestContext = "session/request".parse()?;
    context.in_scope(|| {
        let error = std::fmt::Error;
        log::error!(error:% = error, order = 7; "checkout failed");
        log::error!("no error");
        log::info!(paid = true; "paid");
        // Reported already: a line, and no second error.
        log::error!(error:% = error; "again");
    });
    Ok(())
}

/// On a thread that knows nothing of the request, while another thread has a subscriber of its own.
fn explicit_parents() -> Outcome {
    let _guard = init()?;
    let context: RequestContext = "session/request".parse()?;
    let work = context.in_scope(|| tracing::info_span!("work"));
    let _scoped = tracing::subscriber::set_default(tracing_subscriber::registry());
    let elsewhere = thread::spawn(move || {
        tracing::info!(parent: &work, "about the work");
        tracing::info_span!(parent: &work, "below").in_scope(|| tracing::info!("inside"));
    });
    elsewhere.join().map_err(|_| "panicked")?;
    Ok(())
}

fn in_runtime(builder: &mut runtime::Builder) -> Outcome {
    builder.enable_all().build()?.block_on(async {
        let guard = init()?;
        let work = async {
            say_all();
            tokio::task::yield_now().await;
        };
        highlight::spawn(work).await?;
        guard.flush_async(FLUSH).await?;
        println!("flushed: {}", guard.stats().exported > 0);
        tracing::info!("delivered by the guard");
        Ok(())
    })
}

fn late(record: fn()) -> Outcome {
    let guard = init()?;
    tracing::info!("in time");
    drop(guard);
    on_many_threads(record);
    Ok(())
}

/// Where a thread has its own subscriber, `tracing` passes on no event that is made within an event.
fn late_under_threads_own_subscribers() -> Outcome {
    let guard = init()?;
    tracing::info!("in time");
    drop(guard);
    on_many_threads(|| {
        let subscriber = tracing_subscriber::registry().with(highlight::layer());
        tracing::subscriber::with_default(subscriber, || tracing::info!("too late"));
    });
    Ok(())
}

/// Twice started, after something was recorded: the second has nothing to say of it.
fn early(record: fn()) -> Outcome {
    let console = fmt::layer().with_writer(std::io::stderr);
    let subscriber = tracing_subscriber::registry().with(console).with(highlight::layer());
    tracing::subscriber::set_global_default(subscriber)?;
    on_many_threads(record);
    again_after_the_guard()
}

/// At once, as far as possible, and several times on each.
fn on_many_threads<T: Send>(work: impl Fn() -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(8);
    let (work, barrier) = (&work, &barrier);
    thread::scope(|scope| {
        let thread = || {
            scope.spawn(|| {
                barrier.wait();
                [work(), work(), work()]
            })
        };
        let threads: Vec<_> = (0..8).map(|_| thread()).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).flatten().collect()
    })
}

fn let_underscore() -> Outcome {
    let _ = init()?;
    for _ in 0..3 {
        tracing::info!("lost");
    }
    Ok(())
}

/// Nobody answers at the endpoint: the program notices nothing.
fn serves_on() -> Outcome {
    let guard = init()?;
    for _ in 0..3 {
        say_all();
        println!("flushed: {}", guard.flush(FLUSH).is_ok());
    }
    Ok(())
}

/// Ends with something left to deliver.
fn ends() -> Outcome {
    alone()
}

#[expect(clippy::panic, reason = "that is the case")]
fn panics() -> Outcome {
    let _guard = init()?;
    let context: RequestContext = "session/request".parse()?;
    context.in_scope(|| panic!("out of order"))
}

#[expect(clippy::panic, reason = "that is the case")]
fn panics_in_thread() -> Outcome {
    let _guard = init()?;
    let thread = thread::Builder::new().name("worker".to_owned()).spawn(|| panic!("out of order"))?;
    println!("thread: {}", thread.join().is_ok());
    Ok(())
}

fn global_tracer() -> Outcome {
    use highlight::otel::opentelemetry::{
        global,
        trace::{Span, Tracer},
    };
    let _guard = init()?;
    let library = global::tracer("library");
    library.start("of a library").end();
    let context: RequestContext = "session/request".parse()?;
    context.in_scope(|| library.start("within a request").end());
    Ok(())
}

fn bare_spawn() -> Outcome {
    let _guard = init()?;
    let context: RequestContext = "session/request".parse()?;
    runtime::Builder::new_multi_thread().build()?.block_on(async {
        context
            .scope(async {
                highlight::spawn(async { in_span("kept work", |_| tracing::info!("kept")) }).await?;
                tokio::spawn(async { in_span("lost work", |_| tracing::info!("lost")) }).await
            })
            .await
    })?;
    Ok(())
}
