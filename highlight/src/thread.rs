//! The thread that something happens on, in the words of the semantic conventions.

use std::sync::Arc;

use opentelemetry::KeyValue;

/// Adds the thread's number and name.
pub(crate) fn describe(attributes: &mut Vec<KeyValue>) {
    if attributes.iter().any(|attribute| attribute.key.as_str() == "thread.id") {
        return;
    }
    // Gone while the thread ends.
    let _ = THREAD.try_with(|(id, name)| {
        attributes.push(KeyValue::new("thread.id", *id));
        if let Some(name) = name {
            attributes.push(KeyValue::new("thread.name", Arc::clone(name)));
        }
    });
}

thread_local! {
    /// Number and name of this thread. The number is to be had only as text, which is read once.
    static THREAD: (i64, Option<Arc<str>>) = {
        let thread = std::thread::current();
        let digits: String = format!("{:?}", thread.id()).chars().filter(char::is_ascii_digit).collect();
        (digits.parse().unwrap_or_default(), thread.name().map(Into::into))
    };
}
