//! What can be reported as an error.

use std::{any::Any, any::type_name, error::Error, iter};

use super::type_of;
use crate::{seen::Fingerprint, stack::Stack, text};

/// Links of a source chain that are reported.
const MAX_CAUSES: usize = 16;

/// What [`consume_error`](crate::consume_error), [`ErrorReport::new`](crate::ErrorReport::new), the spans that may fail and
/// [`ConsumeError`](crate::ConsumeError) take:
///
/// | | with |
/// |---|---|
/// | any type that implements [`Error`] and borrows nothing | its type, causes |
/// | `dyn Error`, also `+ Send` and `+ Send + Sync`, behind a reference or in a `Box` | its causes |
/// | texts: `&str`, `String` | nothing else |
/// | `anyhow::Error` (feature `anyhow`) | its causes, its backtrace |
/// | `eyre::Report` (feature `eyre`) | its causes, its backtrace; that of `color-eyre` with the feature `color-eyre` |
///
/// `Kind` is never written; the compiler finds it. It is there because `Box<dyn Error>` and `anyhow::Error` are no `Error`s themselves,
/// and Rust allows no trait to be implemented both for all errors and for types that might become errors one day.
///
/// The trait is sealed. What else there is to report can be told as a text, as can an error that borrows:
///
/// ```compile_fail,E0277
/// struct OutOfStock;
/// highlight::consume_error(&OutOfStock); // error: `OutOfStock` cannot be reported as an error
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be reported as an error",
    note = "what can: types that implement `std::error::Error`, `dyn Error` in a `Box` or behind a reference, and texts",
    note = "`anyhow::Error` and `eyre::Report` need the feature of `highlight` that is called `anyhow`, `eyre` or `color-eyre`"
)]
pub trait Reportable<Kind>: Sealed<Kind> {}

impl<E: Sealed<Kind> + ?Sized, Kind> Reportable<Kind> for E {}

pub trait Sealed<Kind> {
    fn subject(&self) -> Subject<'_>;
}

// The kinds.
#[derive(Debug)]
pub struct Typed;
#[derive(Debug)]
pub struct Erased;
#[derive(Debug)]
pub struct Text;

impl<E: Error + 'static> Sealed<Typed> for E {
    fn subject(&self) -> Subject<'_> {
        Subject::of(self).typed(type_name::<E>())
    }
}

macro_rules! erased {
    ($($(+ $auto:ident)*;)*) => {
        $(
            impl Sealed<Erased> for dyn Error $(+ $auto)* + '_ {
                fn subject(&self) -> Subject<'_> {
                    Subject::new(What::Error(self))
                }
            }

            // In a box it borrows nothing, so that it can be asked for its type.
            impl Sealed<Erased> for Box<dyn Error $(+ $auto)*> {
                fn subject(&self) -> Subject<'_> {
                    Subject::of(&**self)
                }
            }
        )*
    };
}

erased! {
    ;
    + Send;
    + Send + Sync;
}

macro_rules! texts {
    ($($text:ty),*) => {
        $(
            impl Sealed<Text> for $text {
                fn subject(&self) -> Subject<'_> {
                    Subject::new(What::Text(self))
                }
            }
        )*
    };
}

texts!(str, &str, String);

#[cfg(feature = "anyhow")]
impl Sealed<Erased> for anyhow::Error {
    fn subject(&self) -> Subject<'_> {
        Subject { carried: Some(Carried::Std(self.backtrace())), ..Subject::of(&**self) }
    }
}

#[cfg(feature = "eyre")]
impl Sealed<Erased> for eyre::Report {
    fn subject(&self) -> Subject<'_> {
        Subject { carried: Some(Carried::Eyre(self)), ..Subject::of(&**self) }
    }
}

/// An error at hand.
#[derive(Debug)]
pub struct Subject<'a> {
    what: What<'a>,
    /// The error, if it borrows nothing: of another, the type cannot be asked.
    owned: Option<&'a (dyn Error + 'static)>,
    type_name: Option<&'static str>,
    carried: Option<Carried<'a>>,
}

#[derive(Debug, Clone, Copy)]
enum What<'a> {
    Error(&'a (dyn Error + 'a)),
    Text(&'a str),
}

/// What carries the backtrace of the place where the error arose.
#[derive(Debug)]
enum Carried<'a> {
    #[cfg(feature = "anyhow")]
    Std(&'a std::backtrace::Backtrace),
    #[cfg(feature = "eyre")]
    Eyre(&'a eyre::Report),
    /// Without these features nothing does.
    #[expect(dead_code, reason = "keeps the lifetime in use without them")]
    Nothing(std::convert::Infallible, std::marker::PhantomData<&'a ()>),
}

impl<'a> Subject<'a> {
    fn new(what: What<'a>) -> Self {
        Self { what, owned: None, type_name: None, carried: None }
    }

    pub(crate) fn of(error: &'a (dyn Error + 'static)) -> Self {
        Self { owned: Some(error), ..Self::new(What::Error(error)) }
    }

    pub(crate) fn text(text: &'a str) -> Self {
        Self::new(What::Text(text))
    }

    /// The error of `anyhow` or `eyre` that `value` is: in a box, it would lose its backtrace.
    pub(crate) fn downcast(value: &'a dyn Any) -> Option<Self> {
        #[cfg(feature = "anyhow")]
        if let Some(error) = value.downcast_ref::<anyhow::Error>() {
            return Some(error.subject());
        }
        #[cfg(feature = "eyre")]
        if let Some(error) = value.downcast_ref::<eyre::Report>() {
            return Some(error.subject());
        }
        let _ = value;
        None
    }

    pub(crate) fn typed(mut self, type_name: &'static str) -> Self {
        self.type_name = Some(type_name);
        self
    }

    pub(crate) fn message(&self) -> String {
        match self.what {
            What::Error(error) => text::of(error),
            What::Text(text) => text::of(text),
        }
    }

    /// The type's name, with its path where that is known.
    pub(crate) fn type_name(&self) -> Option<String> {
        let What::Error(error) = self.what else { return None };
        let known = self.type_name.or_else(|| self.owned.and_then(type_of::known));
        known.map(str::to_owned).or_else(|| type_of::shown_by_debug(error))
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        match self.what {
            What::Error(error) => Fingerprint::of(error),
            What::Text(text) => Fingerprint::of_text(text),
        }
    }

    /// The source chain, outermost first.
    pub(crate) fn causes(&self) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
        let first = match self.what {
            What::Error(error) => error.source(),
            What::Text(_) => None,
        };
        iter::successors(first, |&cause| cause.source()).take(MAX_CAUSES)
    }

    /// The error, if its type can be asked for, and the source chain.
    pub(crate) fn links(&self) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
        self.owned.into_iter().chain(self.causes())
    }

    /// Whether the error may carry a stack: to look is to render it.
    pub(crate) fn carries_stack(&self) -> bool {
        self.carried.is_some()
    }

    /// The stack that the error carries, from where it arose.
    pub(crate) fn stack(&self) -> Option<Stack> {
        match self.carried.as_ref()? {
            #[cfg(feature = "anyhow")]
            Carried::Std(backtrace) => of_std(backtrace),
            #[cfg(feature = "eyre")]
            Carried::Eyre(report) => of_eyre(report),
            Carried::Nothing(never, _) => match *never {},
        }
    }

    /// The `tracing` spans that the error passed through, else those that are current.
    #[cfg(feature = "tracing-error")]
    pub(crate) fn span_trace(&self) -> Option<String> {
        use tracing_error::{ExtractSpanTrace, SpanTrace, SpanTraceStatus};

        let captured =
            |trace: &SpanTrace| (trace.status() == SpanTraceStatus::CAPTURED).then(|| text::of(trace));
        #[cfg(feature = "color-eyre")]
        if let Some(Carried::Eyre(report)) = &self.carried {
            let handler = report.handler().downcast_ref::<color_eyre::Handler>();
            if let Some(trace) = handler.and_then(color_eyre::Handler::span_trace).and_then(captured) {
                return Some(trace);
            }
        }
        let carried = self.links().find_map(|link| link.span_trace().and_then(captured));
        carried.or_else(|| captured(&SpanTrace::capture()))
    }
}

/// As text, since that is all that the standard library gives; with absolute paths, whatever the current directory.
#[cfg(feature = "anyhow")]
fn of_std(backtrace: &std::backtrace::Backtrace) -> Option<Stack> {
    let captured = backtrace.status() == std::backtrace::BacktraceStatus::Captured;
    captured.then(|| Stack::Printed(text::of(format_args!("{backtrace:#}"))))
}

#[cfg(feature = "eyre")]
fn of_eyre(report: &eyre::Report) -> Option<Stack> {
    #[cfg(feature = "color-eyre")]
    if let Some(handler) = report.handler().downcast_ref::<color_eyre::Handler>() {
        return handler.backtrace().cloned().map(Stack::Carried);
    }
    // `eyre`'s own handler shows its backtrace to nobody but `Debug`.
    Stack::in_debug_text(&text::of_debug(report))
}
