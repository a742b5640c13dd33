//! Reads options from the environment, which is a function: tests never touch the process's own.

use std::{cell::RefCell, fmt::Debug};

use super::{
    error::{CODE, InitError, Remedy},
    mask::{HIDDEN, masked},
    options::{self, OptionDoc},
};

/// The environment of one [`resolve`](super::resolve), and what there was to say about it.
pub(super) struct Env<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    warnings: RefCell<Vec<String>>,
}

impl<'a> Env<'a> {
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup, warnings: RefCell::default() }
    }

    /// The variable's value without spaces around it; empty is the same as not set (OpenTelemetry's rule).
    pub(super) fn get(&self, variable: &str) -> Option<String> {
        (self.lookup)(variable).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The first of the variables that is set, and its value.
    pub(super) fn first(&self, variables: &[&'static str]) -> Option<(&'static str, String)> {
        variables.iter().find_map(|variable| Some((*variable, self.get(variable)?)))
    }

    /// The option's value from the first variable that is set.
    pub(super) fn read<T>(
        &self,
        option: &OptionDoc,
        parse: impl FnOnce(&str) -> Result<T, Remedy>,
    ) -> Result<Option<T>, InitError> {
        self.first(option.env)
            .map(|(variable, value)| {
                parse(&value).map_err(|remedy| InitError::invalid(option.name, variable, &value, remedy))
            })
            .transpose()
    }

    /// A text option: code, else the environment; both pass the same check.
    pub(super) fn text<T>(
        &self,
        option: &OptionDoc,
        code: Option<&str>,
        check: impl FnOnce(&str) -> Result<T, Remedy>,
    ) -> Result<Option<T>, InitError> {
        match code.map(str::trim).filter(|text| !text.is_empty()) {
            Some(text) => {
                check(text).map(Some).map_err(|remedy| InitError::invalid(option.name, CODE, text, remedy))
            }
            None => self.read(option, check),
        }
    }

    /// An option that code gives in its own type: code, else the environment; both pass the same check.
    pub(super) fn value<T: Debug + Copy>(
        &self,
        option: &OptionDoc,
        code: Option<T>,
        parse: impl FnOnce(&str) -> Result<T, Remedy>,
        check: impl Fn(T) -> Result<T, Remedy>,
    ) -> Result<Option<T>, InitError> {
        match code {
            Some(value) => check(value)
                .map(Some)
                .map_err(|remedy| InitError::invalid(option.name, CODE, &format!("{value:?}"), remedy)),
            None => self.read(option, |text| parse(text).and_then(check)),
        }
    }

    pub(super) fn flag(
        &self,
        option: &OptionDoc,
        code: Option<bool>,
        default: bool,
    ) -> Result<bool, InitError> {
        Ok(self.value(option, code, parse_bool, Ok)?.unwrap_or(default))
    }

    /// Something that `init` says once.
    pub(super) fn warn(&self, warning: String) {
        self.warnings.borrow_mut().push(warning);
    }

    pub(super) fn into_warnings(self) -> Vec<String> {
        self.warnings.into_inner()
    }
}

/// The variables of options that are set, as `NAME=value`. What may be a secret, or hold one, is hidden.
pub(crate) fn shown(lookup: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let env = Env::new(lookup);
    let hidden = [options::HEADER.env, options::RESOURCE_ATTRIBUTE.env].concat();
    let variables = options::OPTIONS.iter().flat_map(|option| option.env);
    let show = |variable: &&'static str| {
        let value = env.get(variable)?;
        let value = if hidden.contains(variable) { HIDDEN.to_owned() } else { masked(&value) };
        Some(format!("{variable}={value}"))
    };
    variables.filter_map(show).collect()
}

pub(super) fn parse_bool(text: &str) -> Result<bool, Remedy> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(Remedy::Borrowed("say `true` or `false`")),
    }
}

/// Reads `key=value,key2=value2` with percent-encoded values, the form of `OTEL_RESOURCE_ATTRIBUTES` and
/// `OTEL_EXPORTER_OTLP_HEADERS`. One bad member spoils the list (OpenTelemetry's rule).
pub(super) fn parse_pairs(text: &str) -> Result<Vec<(String, String)>, Remedy> {
    text.split(',')
        .map(str::trim)
        .filter(|member| !member.is_empty())
        .map(|member| {
            let (key, value) = member
                .split_once('=')
                .ok_or("write `key=value`, separated by commas; a comma in a value is `%2C`")?;
            Ok((decode(key.trim())?, decode(value.trim())?))
        })
        .collect()
}

fn decode(text: &str) -> Result<String, Remedy> {
    percent_encoding::percent_decode_str(text)
        .decode_utf8()
        .map(String::from)
        .map_err(|_| Remedy::Borrowed("percent-encode UTF-8 only"))
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn booleans_have_the_usual_spellings() {
        for text in ["true", "TRUE", "1", "yes", "on"] {
            assert_eq!(parse_bool(text), Ok(true), "{text}");
        }
        for text in ["false", "False", "0", "no", "off"] {
            assert_eq!(parse_bool(text), Ok(false), "{text}");
        }
        for text in ["flase", "2", "truefalse", "disabled"] {
            assert!(parse_bool(text).is_err(), "{text}");
        }
    }

    #[test]
    fn blank_variables_are_not_set_and_spaces_do_not_count() {
        let lookup = |name: &str| match name {
            "BLANK" => Some(" \n".to_owned()),
            "PADDED" => Some(" value\n".to_owned()),
            _ => None,
        };
        let env = Env::new(&lookup);
        assert_eq!(env.get("ABSENT"), None);
        assert_eq!(env.get("BLANK"), None);
        assert_eq!(env.first(&["ABSENT", "BLANK", "PADDED"]), Some(("PADDED", "value".to_owned())));
    }

    #[test]
    fn pairs_are_decoded() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            parse_pairs(" team = shop , note=a%2Cb%20%C3%A9=,empty=,"),
            Ok(vec![pair("team", "shop"), pair("note", "a,b é="), pair("empty", "")])
        );
        for text in ["team", "team=shop,note", "note=%FF"] {
            assert!(parse_pairs(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn pairs_survive_their_encoding(pairs in proptest::collection::vec(("\\PC{1,8}", "\\PC{0,8}"), 0..4)) {
            let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            let text: Vec<_> = pairs
                .iter()
                .map(|(key, value)| format!("{}={}", encode(key), encode(value)))
                .collect();
            prop_assert_eq!(parse_pairs(&text.join(",")), Ok(pairs));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
            let _ = parse_pairs(&text);
        }
    }
}
