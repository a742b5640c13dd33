//! Panics are errors too: of severity `fatal`, with session, request and stack.

use std::{
    cell::Cell,
    panic::{self, PanicHookInfo},
    sync::Once,
    thread,
};

use crate::{Client, ErrorReport, Level, stack::Place};

/// Makes panics errors of severity `fatal`, with the session, request and span in which they happen.
///
/// [`init`](crate::init) does this by itself ([`Config::panic_hook`](crate::Config::panic_hook)); a program that works with a
/// [`Client`] only calls it once. The hook reports to the client that is current where the panic happens, and
/// then calls the hook that was there before. Calling this again does nothing.
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
        let thread = thread::current();
        let place = info.location().map(|at| Place { file: at.file().to_owned().into(), line: at.line() });
        let report =
            ErrorReport::from_message(message(info).unwrap_or("panic with a payload that is no text"))
                .level(Level::Fatal)
                .typed(Some("panic"))
                .target("panic")
                .attribute("thread.name", thread.name().unwrap_or("<unnamed>").to_owned())
                .place(place);
        // The hook that was there before shows it on the console.
        let _ = report.consume_with(&client);
    }
    let _ = REPORTING.try_with(|reporting| reporting.set(false));
}

fn message<'a>(info: &'a PanicHookInfo<'_>) -> Option<&'a str> {
    let payload = info.payload();
    let literal = payload.downcast_ref::<&'static str>().copied();
    literal.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}
