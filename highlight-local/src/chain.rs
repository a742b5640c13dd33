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
    fn each_cause_is_told_once() {
        let refused = io::Error::from(io::ErrorKind::PermissionDenied);
        let address = ([127, 0, 0, 1], 80).into();
        let error = StartError::AddressRefused { address, source: refused };
        let text = Chain(&error).to_string();
        assert!(text.starts_with("cannot listen on 127.0.0.1:80; choose"), "{text}");
        assert_eq!(text.matches("permission denied").count(), 1, "{text}");
        assert!(text.ends_with(": permission denied"), "{text}");
    }
}
