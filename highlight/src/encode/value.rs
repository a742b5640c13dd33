//! Small pieces of OTLP: values, and what fits.

use std::borrow::Cow;

use opentelemetry::{Array, StringValue};

use super::wire::{Scalar, VALUE, Writer};

/// The server drops truth values, but not their names (C§3.3).
pub(super) fn boolean(boolean: bool) -> Scalar<'static> {
    Scalar::Text(if boolean { "true" } else { "false" })
}

/// The server has no text for what is no number (C§3.3).
pub(super) fn float(number: f64) -> Scalar<'static> {
    match number {
        _ if number.is_finite() => Scalar::Float(number),
        _ if number.is_nan() => Scalar::Text("NaN"),
        f64::INFINITY => Scalar::Text("Infinity"),
        _ => Scalar::Text("-Infinity"),
    }
}

/// Writes an `AnyValue` that is a list.
pub(super) fn list<T>(out: &mut Writer, field: u32, list: &[T], each: impl Fn(&T) -> Scalar<'static>) {
    list_with(out, field, list, |out, element| out.scalar(1, each(element)));
}

/// The same, of what is not a scalar by itself.
pub(super) fn list_with<T>(out: &mut Writer, field: u32, list: &[T], write: impl Fn(&mut Writer, &T)) {
    out.nested(field, VALUE, |out| {
        out.nested(5, VALUE, |out| list.iter().for_each(|element| write(out, element)));
    });
}

/// A list of texts.
pub(super) fn texts<T: Into<StringValue>>(texts: impl IntoIterator<Item = T>) -> opentelemetry::Value {
    opentelemetry::Value::Array(Array::String(texts.into_iter().map(Into::into).collect()))
}

/// At most `limit` bytes of `text`, cut on a character's boundary, the cut marked with `...`.
pub(super) fn cut(text: Cow<'_, str>, limit: usize) -> Cow<'_, str> {
    const MARK: &str = "...";
    if text.len() <= limit {
        return text;
    }
    let mut end = limit.saturating_sub(MARK.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Cow::Owned([&text[..end], MARK].concat())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn cut_text_fits_and_begins_like_the_original(original in ".{0,40}", limit in 3_usize..40) {
            let text = cut(original.as_str().into(), limit);
            prop_assert!(text.len() <= limit);
            if original.len() <= limit {
                prop_assert_eq!(&*text, original.as_str());
            } else {
                let kept = text.strip_suffix("...").unwrap();
                prop_assert!(original.starts_with(kept));
                prop_assert!(limit - text.len() < 4, "cut more than one character too much");
            }
        }
    }
}
