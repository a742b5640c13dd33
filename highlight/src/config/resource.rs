//! Attributes of the resource, and the options that can be given as one of them.

use std::collections::BTreeMap;

use super::{
    Config, InitError,
    env::{Env, parse_pairs},
    error::{CODE, Remedy},
    options::{self, OptionDoc},
};

/// `OTEL_RESOURCE_ATTRIBUTES` and the attributes that code adds. Keys that are options of their own are taken out.
pub(super) struct Resource {
    code: BTreeMap<String, String>,
    env: BTreeMap<String, String>,
}

impl Resource {
    pub(super) fn read(config: &Config, env: &Env<'_>) -> Result<Self, InitError> {
        let option = &options::RESOURCE_ATTRIBUTE;
        if config.resource_attributes.keys().any(|key| key.trim().is_empty()) {
            let remedy = Remedy::Borrowed("give every attribute a key");
            return Err(InitError::invalid(option.name, CODE, "", remedy));
        }
        let pairs = env.read(option, |text| {
            let pairs = parse_pairs(text)?;
            if pairs.iter().any(|(key, _)| key.is_empty()) {
                return Err(Remedy::Borrowed("give every attribute a key: `key=value`"));
            }
            Ok(pairs)
        })?;
        Ok(Self {
            code: config.resource_attributes.clone(),
            env: pairs.unwrap_or_default().into_iter().collect(),
        })
    }

    /// A text option that has keys here: its method, these keys in code, its variables, these keys in the environment.
    pub(super) fn option(&mut self, option: &OptionDoc, code: Option<&str>, env: &Env<'_>) -> Option<String> {
        let in_code = take(&mut self.code, option);
        let in_env = take(&mut self.env, option);
        code.map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
            .or(in_code)
            .or_else(|| env.first(option.env).map(|(_, value)| value))
            .or(in_env)
    }

    pub(super) fn take(&mut self, option: &OptionDoc) -> Option<String> {
        let in_env = take(&mut self.env, option);
        take(&mut self.code, option).or(in_env)
    }

    pub(super) fn into_attributes(self) -> BTreeMap<String, String> {
        let mut attributes = self.env;
        attributes.extend(self.code);
        attributes
    }
}

/// Removes all keys of the option; the first one with a value counts.
fn take(attributes: &mut BTreeMap<String, String>, option: &OptionDoc) -> Option<String> {
    let mut found = None;
    for key in option.resource {
        let value = attributes.remove(*key).filter(|value| !value.is_empty());
        found = found.or(value);
    }
    found
}
