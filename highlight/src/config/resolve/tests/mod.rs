//! How code, environment and defaults become settings.

mod precedence;
mod refused;
mod table;

use std::collections::{BTreeSet, HashMap};

use tracing::Level;

use super::*;
use crate::config::options::{IGNORED, OPTIONS, PLATFORM_VERSIONS};

const CA_PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/config/testdata/ca.pem");

fn project() -> Config {
    Config::new("1jdkoe52")
}

fn resolve(config: &Config, env: &[(&str, &str)]) -> Result<Resolved, InitError> {
    let env: HashMap<_, _> = env.iter().copied().collect();
    config.resolve(&|name| env.get(name).map(|value| (*value).to_owned()))
}

#[track_caller]
fn resolved(config: &Config, env: &[(&str, &str)]) -> Resolved {
    match resolve(config, env) {
        Ok(resolved) => resolved,
        Err(error) => panic!("{env:?}: {error}"),
    }
}

#[track_caller]
fn refused(config: &Config, env: &[(&str, &str)]) -> InitError {
    match resolve(config, env) {
        Ok(resolved) => panic!("{config:?} and {env:?} became {resolved:?}"),
        Err(error) => error,
    }
}

fn millis(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
