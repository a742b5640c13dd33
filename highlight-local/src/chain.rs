//! An error with its causes, on a line.

use std::{error::Error, fmt};

/// Shows `message: cause: its cause`.
#[derive(Debug, Clone, Copy)]
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::StartError;

    #[test]
    fn the_causes_follow_in_order() {
        let address = ([127, 0, 0, 1], 80).into();
        let refused = io::Error::from(io::ErrorKind::PermissionDenied);
        let cause = StartError::AddressRefused { address, source: refused };
        let error = StartError::Thread(io::Error::other(cause));
        let text = Chain(&error).to_string();
        let expected = [
            "cannot start the receiver's thread; ",
            ": cannot listen on 127.0.0.1:80; ",
            ": permission denied",
        ];
        let found: Vec<_> = expected.iter().filter_map(|part| text.find(part)).collect();
        assert!(found.len() == 3 && found.is_sorted(), "{text}");
        assert!(text.ends_with(expected[2]), "{text}");
        assert_eq!(text.matches("permission denied").count(), 1, "{text}");
    }
}
