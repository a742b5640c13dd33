//! Records of the `log` crate.

use std::{borrow::Cow, cell::Cell};

use log::{LevelFilter, Log, Metadata, Record, kv};

use super::event::{Fields, Origin};
use crate::{Client, Level, text};

/// The logger that `init` sets if the program has none.
///
/// It takes records with their key-values, and passes them on to the `tracing` subscriber, so that the console shows them.
#[derive(Debug)]
struct Bridge;

/// Sets the bridge as the program's logger; says whether it could.
pub(crate) fn install(max_level: tracing::level_filters::LevelFilter) -> bool {
    let installed = log::set_boxed_logger(Box::new(Bridge)).is_ok();
    if installed {
        log::set_max_level(level_filter(max_level));
    }
    installed
}

thread_local!(static FORWARDING: Cell<bool> = const { Cell::new(false) });

/// Whether the current `tracing` event is a record that the bridge passes on to the other layers.
pub(super) fn is_forwarding() -> bool {
    FORWARDING.try_with(Cell::get).unwrap_or(false)
}

impl Log for Bridge {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        Client::current()
            .is_some_and(|client| client.filter().enabled(metadata.target(), tracing_level(metadata.level())))
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        // What a layer logs while it shows a record is shown, not recorded: it would have no end.
        if let Some(client) = Client::recording().filter(|_| !is_forwarding()) {
            let mut fields = Fields::new(record.level() == log::Level::Error);
            // A visitor that never fails.
            let _ = record.key_values().visit(&mut fields);
            fields.set_message(text::of(record.args()));
            let target: Cow<'static, str> = Cow::Owned(record.target().to_owned());
            fields.place(Origin {
                target: target.clone(),
                module: known(record.module_path_static(), record.module_path()),
                file: known(record.file_static(), record.file()),
                line: record.line(),
            });
            fields.record(&client, Level::from(record.level()), target, "");
        }
        forward(record);
    }

    fn flush(&self) {}
}

/// A text that the compiler knows is not copied.
fn known(constant: Option<&'static str>, text: Option<&str>) -> Option<Cow<'static, str>> {
    constant.map(Cow::Borrowed).or_else(|| text.map(|text| Cow::Owned(text.to_owned())))
}

/// Shows the record to the program's `tracing` layers.
fn forward(record: &Record<'_>) {
    let _forwarding = Forwarding::begin();
    // A console that cannot be written to is the subscriber's matter.
    let _ = tracing_log::format_trace(record);
}

/// While it lives, what arrives by way of `tracing` on this thread has been recorded.
struct Forwarding {
    before: bool,
}

impl Forwarding {
    fn begin() -> Self {
        // Layers may log in turn.
        Self { before: FORWARDING.try_with(|forwarding| forwarding.replace(true)).unwrap_or_default() }
    }
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        let _ = FORWARDING.try_with(|forwarding| forwarding.set(self.before));
    }
}

impl<'kvs> kv::VisitSource<'kvs> for Fields {
    fn visit_pair(&mut self, key: kv::Key<'kvs>, value: kv::Value<'kvs>) -> Result<(), kv::Error> {
        if let Some(number) = value.to_i64() {
            self.add(key.as_str().to_owned(), number);
        } else if let Some(number) = value.to_f64() {
            self.add(key.as_str().to_owned(), number);
        } else if let Some(truth) = value.to_bool() {
            self.add(key.as_str().to_owned(), truth);
        } else {
            self.add_text(key.as_str().to_owned(), text::of(value));
        }
        Ok(())
    }
}

fn tracing_level(level: log::Level) -> tracing::Level {
    match level {
        log::Level::Error => tracing::Level::ERROR,
        log::Level::Warn => tracing::Level::WARN,
        log::Level::Info => tracing::Level::INFO,
        log::Level::Debug => tracing::Level::DEBUG,
        log::Level::Trace => tracing::Level::TRACE,
    }
}

fn level_filter(level: tracing::level_filters::LevelFilter) -> LevelFilter {
    level.into_level().map_or(LevelFilter::Off, |level| match level {
        tracing::Level::ERROR => LevelFilter::Error,
        tracing::Level::WARN => LevelFilter::Warn,
        tracing::Level::INFO => LevelFilter::Info,
        tracing::Level::DEBUG => LevelFilter::Debug,
        tracing::Level::TRACE => LevelFilter::Trace,
    })
}
