//! The way out: the layer for clients.

mod body;
mod future;
mod layer;

pub use self::{
    body::HighlightClientBody,
    future::HighlightClientFuture,
    layer::{HighlightClientLayer, HighlightClientService},
};

/// The value of `error.type`: the error's type, unless that is erased.
fn error_type<E>() -> &'static str {
    let name = std::any::type_name::<E>();
    let is_erased = name.starts_with("alloc::") || name.starts_with('&');
    if is_erased { "_OTHER" } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_types_are_named_unless_erased() {
        assert_eq!(error_type::<std::io::Error>(), "std::io::error::Error");
        assert_eq!(error_type::<Box<dyn std::error::Error + Send + Sync>>(), "_OTHER");
        assert_eq!(error_type::<&str>(), "_OTHER");
    }
}
