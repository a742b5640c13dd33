//! Errors reported in passing.

use std::{any::type_name, borrow::Cow};

use super::{ErrorReport, reportable::Reportable};

/// Reports the error of a [`Result`], or that an [`Option`] has no value, and hands the value on.
///
/// ```
/// use highlight::ConsumeError;
///
/// # fn price(text: &str) -> Option<u32> {
/// // Reported here, with this line, and otherwise got over.
/// let cents: u32 = text.parse().consume_error().unwrap_or(0);
/// # (cents > 0).then_some(cents)
/// # }
/// # fn total(prices: &std::collections::HashMap<&str, u32>) -> Option<u32> {
/// // Under a title, by which the server groups it.
/// let price = prices.get("tea").consume_error_as("a product without a price")?;
/// # Some(*price)
/// # }
/// ```
///
/// The error is reported as by [`consume_error`](crate::consume_error): what happens to it later, on its way up, is suppressed. `Kind` is never
/// written ([`Reportable`]). The trait is sealed.
#[expect(
    clippy::return_self_not_must_use,
    reason = "a `Result` says it itself, and a `None` may be of no use"
)]
pub trait ConsumeError<Kind>: Sized + Sealed<Kind> {
    /// Reports the error with its own message. Of an `Option`, the message says what type of value there was not.
    #[track_caller]
    fn consume_error(self) -> Self;

    /// Reports the error under a [title](ErrorReport::title). Of an `Option`, it is the message.
    #[track_caller]
    fn consume_error_as(self, title: impl Into<Cow<'static, str>>) -> Self;
}

pub trait Sealed<Kind> {}

impl<T, E: Reportable<Kind>, Kind> Sealed<Kind> for Result<T, E> {}

impl<T> Sealed<Missing> for Option<T> {}

impl<T, E: Reportable<Kind>, Kind> ConsumeError<Kind> for Result<T, E> {
    #[track_caller]
    fn consume_error(self) -> Self {
        if let Err(error) = &self {
            ErrorReport::new(error).consume();
        }
        self
    }

    #[track_caller]
    fn consume_error_as(self, title: impl Into<Cow<'static, str>>) -> Self {
        if let Err(error) = &self {
            ErrorReport::new(error).title(title).consume();
        }
        self
    }
}

/// The kind of what is missing.
#[derive(Debug)]
pub struct Missing;

impl<T> ConsumeError<Missing> for Option<T> {
    #[track_caller]
    fn consume_error(self) -> Self {
        if self.is_none() {
            ErrorReport::new(&format!("no value of type {}", type_name::<T>())).consume();
        }
        self
    }

    #[track_caller]
    fn consume_error_as(self, title: impl Into<Cow<'static, str>>) -> Self {
        if self.is_none() {
            ErrorReport::new(&*title.into()).consume();
        }
        self
    }
}
