//! Panics are errors too: of severity `fatal`, with session, request and stack.

use std::{
    any::Any,
    borrow::Cow,
    cell::Cell,
    panic::{self, PanicHookInfo},
    sync::Once,
    thread,
};

use crate::{Client, ErrorReport, Level, error::Subject, http::BoxError, stack::Place};

/// Makes panics errors of severity `fatal`, with the session, request and span in which they happen.
///
/// [`init`](crate::init) does this by itself ([`Config::panic_hook`](crate::Config::panic_hook)); a program that works with a
/// [`Client`] only calls it once. The hook reports to the client that is current where the panic happens, and
/// then calls the hook that was there before. Calling this again does nothing.
///
/// It waits for nothing, except where the process ends with the panic, before any guard could be dropped: compiled with `panic = "abort"`, or
/// when a destructor panics during another panic. There it delivers, for at most [`shutdown_timeout`](crate::Config::shutdown_timeout).
pub fn install_panic_hook() {
    static INSTALLED: Once = Once::new();
    // Hooks cannot be changed while panicking.
    if thread::panicking() {
        return;
    }
    INSTALLED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            report(info);
            previous(info);
        }));
    });
}

fn report(info: &PanicHookInfo<'_>) {
    thread_local!(static REPORTING: Cell<bool> = const { Cell::new(false) });
    // A panic while reporting one would end the process.
    let entered = REPORTING.try_with(|reporting| !reporting.replace(true)).unwrap_or(false);
    if !entered {
        return;
    }
    if let Some(client) = Client::recording().filter(|client| client.settings().panic_hook) {
        let place = info.location().map(|at| Place { file: at.file().to_owned().into(), line: at.line() });
        let report = report_of(info.payload()).level(Level::Fatal).target("panic").place(place);
        // The hook that was there before shows it on the console.
        let _ = report.consume_with(&client);
        if is_the_end(info) {
            // Nothing is unwound, so no guard will be dropped. What is lost is counted, for nobody to read.
            let _ = client.flush(client.settings().shutdown_timeout);
        }
    }
    let _ = REPORTING.try_with(|reporting| reporting.set(false));
}

fn report_of(payload: &dyn Any) -> ErrorReport {
    let boxed = || payload.downcast_ref::<BoxError>().map(|error| Subject::of(&**error));
    let error = Subject::downcast(payload).or_else(boxed);
    let subject = error.unwrap_or_else(|| {
        Subject::text(text(payload).unwrap_or("panic with a payload that is neither text nor error"))
    });
    ErrorReport::of_panic(&subject)
}

fn text(payload: &dyn Any) -> Option<&str> {
    let literal = payload.downcast_ref::<&'static str>().copied();
    let owned = || payload.downcast_ref::<String>().map(String::as_str);
    literal.or_else(owned).or_else(|| payload.downcast_ref::<Cow<'static, str>>().map(|text| &**text))
}

/// Whether the process ends with this hook. That the main thread panics does not mean it: the panic may be that of a task
/// which a runtime runs there, and catches. If it is not caught, `main` drops the guard on its way.
fn is_the_end(info: &PanicHookInfo<'_>) -> bool {
    cfg!(panic = "abort") || must_not_unwind(info)
}

/// Whether this is the panic that the compiler puts where none may pass: in a destructor while another panic is under way, and
/// at the border to C.
fn must_not_unwind(info: &PanicHookInfo<'_>) -> bool {
    const MESSAGES: [&str; 2] =
        ["panic in a destructor during cleanup", "panic in a function that cannot unwind"];
    let by_compiler = info.location().is_some_and(|at| at.file().ends_with("core/src/panicking.rs"));
    by_compiler && text(info.payload()).is_some_and(|text| MESSAGES.contains(&text))
}
