//! Says why nothing arrives, from outside of any program.

mod features;
mod graph;
mod manifest;
mod profile;
mod versions;

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::Args;
use highlight::{
    Config, Diagnosis,
    diagnosis::{self, Finding, Verdict},
};

use super::keep::duration;

/// Find out why nothing arrives: ask an endpoint, a service or a project what is wrong.
///
/// Asks the endpoint as a service with this environment would. With `--preflight` or `--manifest-path` it is asked only if it is named.
/// Ends with 0 if there is no problem, 1 if there is, 2 if the options are wrong.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The base URL of the OTLP/HTTP receiver [default: the environment's, or that of this machine]
    endpoint: Option<String>,

    /// The project id, if it is not in the environment.
    #[arg(long, value_name = "ID")]
    project: Option<String>,

    /// Ask the service at this URL what a browser would, before it lets a page send the session along.
    #[arg(long, value_name = "URL", requires = "origin")]
    preflight: Option<String>,

    /// The page's origin, such as `https://shop.example`.
    #[arg(long, value_name = "ORIGIN", requires = "preflight")]
    origin: Option<String>,

    /// Look at the dependencies, features and profile of the project with this `Cargo.toml`.
    #[arg(long, value_name = "PATH")]
    manifest_path: Option<PathBuf>,

    /// How long each of them may take, such as `10s` or `1m`; a number alone is in seconds.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    timeout: Duration,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let diagnosis = diagnose(options);
    let mut out = io::stdout();
    let printed =
        if options.json { writeln!(out, "{}", json(&diagnosis)) } else { write!(out, "{diagnosis}") };
    match printed {
        // Such as `highlight-local doctor | head`: the reader has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    Ok(ExitCode::from(u8::from(diagnosis.verdict() == Verdict::Problem)))
}

fn diagnose(options: &Options) -> Diagnosis {
    let timeout = options.timeout;
    let mut diagnosis = Diagnosis::default();
    let asks_others = options.preflight.is_some() || options.manifest_path.is_some();
    if options.endpoint.is_some() || !asks_others {
        let mut config = Config::new(options.project.as_deref().unwrap_or_default());
        if let Some(endpoint) = &options.endpoint {
            config = config.endpoint(endpoint);
        }
        diagnosis
            .extend(config.diagnose(timeout).into_iter().map(|finding| seen_from_outside(finding, options)));
    }
    if let (Some(service), Some(origin)) = (&options.preflight, &options.origin) {
        diagnosis.extend(diagnosis::preflight(service, origin, timeout));
    }
    if let Some(path) = &options.manifest_path {
        diagnosis.extend(manifest::check(path));
    }
    diagnosis
}

/// What a program would fail with may be in its code: here, only the environment is known.
fn seen_from_outside(finding: Finding, options: &Options) -> Finding {
    let is_given = options.project.is_some() || std::env::var_os("HIGHLIGHT_PROJECT_ID").is_some();
    if finding.check() == "project" && finding.verdict() == Verdict::Problem && !is_given {
        return Finding::warning(
            "project",
            "not checked: the environment names no project",
            "if the program's code does, check it with `--project ID`; else set HIGHLIGHT_PROJECT_ID",
        );
    }
    finding
}

fn json(diagnosis: &Diagnosis) -> serde_json::Value {
    let finding = |finding: &Finding| {
        serde_json::json!({
            "check": finding.check(),
            "verdict": finding.verdict().as_str(),
            "message": finding.message(),
            "remedy": finding.remedy(),
        })
    };
    let findings: Vec<_> = diagnosis.findings().iter().map(finding).collect();
    serde_json::json!({ "verdict": diagnosis.verdict().as_str(), "findings": findings })
}
