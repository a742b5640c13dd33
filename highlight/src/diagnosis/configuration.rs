//! The options: whether they are accepted, what they amount to, and where they come from.

use super::{Diagnosis, Finding};
use crate::{
    Config, InitError, assembly,
    config::{self, Resolved},
};

/// Reads a variable of the environment.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Checks what `init` would make of `config`. Returns the settings to ask the server with, unless it is not to be asked.
pub(super) fn resolve(
    config: &Config,
    environment: Lookup<'_>,
    diagnosis: &mut Diagnosis,
) -> Option<Resolved> {
    match config.resolve(environment) {
        Ok(settings) => {
            accepted(&settings, environment, diagnosis);
            settings.enabled.then_some(settings)
        }
        Err(error) => {
            diagnosis.add(refused(error));
            read(environment, diagnosis);
            config.resolve_without_project(environment)
        }
    }
}

/// What accepted settings amount to.
pub(super) fn accepted(settings: &Resolved, environment: Lookup<'_>, diagnosis: &mut Diagnosis) {
    diagnosis.add(if settings.enabled {
        Finding::ok("configuration", assembly::summary(settings))
    } else {
        Finding::warning(
            "configuration",
            "telemetry is switched off: nothing is recorded, and nobody is asked",
            "take out whichever says so: `enabled(false)`, HIGHLIGHT_ENABLED or OTEL_SDK_DISABLED",
        )
    });
    if settings.enabled {
        diagnosis.add(project(settings));
    }
    read(environment, diagnosis);
    diagnosis.extend(settings.warnings.iter().map(|warning| warned(warning)));
}

/// Warnings are written as errors are: what is the case, a colon, the remedy.
fn warned(warning: &str) -> Finding {
    let (message, remedy) =
        warning.rsplit_once(": ").unwrap_or((warning, "see the documentation of `Config`"));
    Finding::warning("configuration", message.to_owned(), remedy.to_owned())
}

fn refused(error: InitError) -> Finding {
    match error {
        InitError::MissingProjectId => Finding::problem(
            "project",
            "no project id is set, and `init` fails without one",
            "pass it to `Config::new`, or set HIGHLIGHT_PROJECT_ID",
        ),
        InitError::InvalidOption { option, source_name, value, remedy } => {
            let check = if option == "project_id" { "project" } else { "configuration" };
            let message = format!("`init` refuses the option `{option}`, set in {source_name}: {value:?}");
            Finding::problem(check, message, remedy)
        }
        InitError::Certificate { path, source } => Finding::problem(
            "configuration",
            format!("the certificates in {} cannot be used: {source}", path.display()),
            "name a readable file in PEM form",
        ),
        other => Finding::problem("configuration", other.to_string(), "see the message"),
    }
}

/// The form was checked with the options; whether it is the right project, nobody says.
fn project(settings: &Resolved) -> Finding {
    let id = &settings.project_id;
    let host = settings.endpoint.host();
    let is_verbose = id.len() < 24 && !id.starts_with("sdk-") && !id.starts_with("mob-");
    if is_verbose && host.ends_with(".launchdarkly.com") {
        return Finding::warning(
            "project",
            format!("{id} has the form of a Highlight project, and {host} is the successor's"),
            "give the SDK key of the environment instead (`Config::launchdarkly`)",
        );
    }
    Finding::ok(
        "project",
        "well-formed; compare it with the project's settings, because the server says nothing against a wrong one",
    )
}

fn read(environment: Lookup<'_>, diagnosis: &mut Diagnosis) {
    let variables = config::shown_environment(environment);
    diagnosis.add(Finding::ok(
        "environment",
        if variables.is_empty() {
            "no variable that is read is set".to_owned()
        } else {
            variables.join(", ")
        },
    ));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::Verdict;

    fn diagnose(config: &Config, variables: &[(&str, &str)]) -> (Diagnosis, Option<Resolved>) {
        let environment = |name: &str| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let mut diagnosis = Diagnosis::default();
        let settings = resolve(config, &environment, &mut diagnosis);
        (diagnosis, settings)
    }

    fn worst(diagnosis: &Diagnosis) -> &Finding {
        diagnosis.findings().iter().max_by_key(|finding| finding.verdict()).unwrap()
    }

    #[test]
    fn what_init_would_refuse_is_a_problem_and_the_server_is_asked_all_the_same() {
        let table = [
            (Config::from_env(), &[][..], "project", "HIGHLIGHT_PROJECT_ID"),
            (Config::new("asdf"), &[], "project", "1jdkoe52"),
            (Config::from_env(), &[("HIGHLIGHT_PROJECT_ID", "<id>")], "project", "1jdkoe52"),
        ];
        for (config, variables, check, remedy) in table {
            let (diagnosis, settings) = diagnose(&config, variables);
            let finding = worst(&diagnosis);
            assert_eq!((finding.check(), finding.verdict()), (check, Verdict::Problem), "{diagnosis}");
            assert!(finding.remedy().unwrap().contains(remedy), "{diagnosis}");
            assert!(settings.is_some(), "{diagnosis}");
        }
        let (diagnosis, settings) = diagnose(&Config::new("1").endpoint("localhost:4318"), &[]);
        assert_eq!(worst(&diagnosis).check(), "configuration");
        assert!(worst(&diagnosis).remedy().unwrap().contains("scheme"), "{diagnosis}");
        assert!(settings.is_none(), "there is nobody to ask");
        let (diagnosis, _) = diagnose(&Config::new("1").certificate("/absent.pem"), &[]);
        assert!(worst(&diagnosis).message().contains("/absent.pem"), "{diagnosis}");
    }

    #[test]
    fn the_environment_is_shown_without_secrets() {
        let (diagnosis, _) = diagnose(
            &Config::from_env(),
            &[
                ("HIGHLIGHT_PROJECT_ID", "sdk-0d1f7a10-9c0e-4f4c-8a55-0123456789ab"),
                ("HIGHLIGHT_OTLP_HEADERS", "authorization=hunter2"),
                ("OTEL_RESOURCE_ATTRIBUTES", "team=hunter2"),
                ("HIGHLIGHT_SERVICE_NAME", "checkout"),
                ("OTEL_BSP_MAX_QUEUE_SIZE", "7"),
            ],
        );
        let text = diagnosis.to_string();
        for shown in [
            "HIGHLIGHT_PROJECT_ID=sdk-[hidden]",
            "HIGHLIGHT_OTLP_HEADERS=[hidden]",
            "OTEL_RESOURCE_ATTRIBUTES=[hidden]",
            "HIGHLIGHT_SERVICE_NAME=checkout",
            "without effect here",
            "-> OTEL_BSP_MAX_QUEUE_SIZE",
        ] {
            assert!(text.contains(shown), "{shown}: {text}");
        }
        assert!(!text.contains("hunter2") && !text.contains("0d1f7a10"), "{text}");
        assert_eq!(diagnosis.verdict(), Verdict::Warning, "{text}");
    }

    #[test]
    fn a_client_that_is_switched_off_asks_nobody() {
        let (diagnosis, settings) = diagnose(&Config::new("1"), &[("HIGHLIGHT_ENABLED", "false")]);
        assert!(settings.is_none());
        assert!(worst(&diagnosis).message().contains("switched off"), "{diagnosis}");
    }

    #[test]
    fn a_highlight_project_at_the_successor_is_suspicious() {
        let endpoint = "https://otel.observability.app.launchdarkly.com:4318";
        for (id, verdict) in [
            ("1jdkoe52", Verdict::Warning),
            ("sdk-0d1f7a10-9c0e-4f4c-8a55-0123456789ab", Verdict::Ok),
            ("5f2f0ffea4b5a60b3c1f2d3e", Verdict::Ok),
        ] {
            let (diagnosis, _) = diagnose(&Config::new(id).endpoint(endpoint), &[]);
            assert_eq!(diagnosis.verdict(), verdict, "{diagnosis}");
        }
    }
}
