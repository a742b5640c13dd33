//! OpenTelemetry's own variables, where their meaning is not that of an option of ours.

use super::{
    InitError,
    env::Env,
    options::{self, OptionDoc},
    rates::{check_rate, parse_rate},
};

/// `true` alone disables, in any case; OpenTelemetry wants a warning for what is not a boolean.
pub(super) fn is_disabled(env: &Env<'_>) -> bool {
    env.get(options::OTEL_DISABLED).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// The rate that OpenTelemetry's variables ask for. Samplers that are no rate are left to their own SDKs.
pub(super) fn sample_rate(env: &Env<'_>) -> Result<Option<f64>, InitError> {
    let Some(sampler) = env.get(options::OTEL_SAMPLER) else {
        return Ok(None);
    };
    let name = sampler.to_ascii_lowercase();
    match name.strip_prefix("parentbased_").unwrap_or(&name) {
        "always_on" => Ok(Some(1.0)),
        "always_off" => Ok(Some(0.0)),
        "traceidratio" => {
            let rate = OptionDoc { env: &[options::OTEL_SAMPLER_ARG], ..options::SAMPLE_RATE };
            env.value(&rate, None, parse_rate, check_rate)
        }
        _ => {
            env.warn(format!(
                "{}={sampler} is not supported and has no effect: set HIGHLIGHT_SAMPLE_RATE",
                options::OTEL_SAMPLER
            ));
            Ok(None)
        }
    }
}

pub(super) fn warn_of_ignored(env: &Env<'_>) {
    let speaks_our_protocol = |variable: &str, value: &str| {
        variable == options::OTEL_PROTOCOL && value.eq_ignore_ascii_case("http/protobuf")
    };
    let ignored: Vec<_> = options::IGNORED
        .iter()
        .copied()
        .filter(|variable| env.get(variable).is_some_and(|value| !speaks_our_protocol(variable, &value)))
        .collect();
    if !ignored.is_empty() {
        env.warn(format!(
            "set in the environment, but without effect here: {} (the documentation of `Config` says what to use instead)",
            ignored.join(", ")
        ));
    }
    if let Some(value) = env.get(options::OTEL_DISABLED) {
        if !["true", "false"].contains(&value.to_ascii_lowercase().as_str()) {
            env.warn(format!("{}={value} does not disable anything: say `true`", options::OTEL_DISABLED));
        }
    }
}
