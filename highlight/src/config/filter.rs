//! Which spans and events of `tracing` and `log` are recorded: by level, and by target.

use tracing::{Level, level_filters::LevelFilter};

use super::error::Remedy;

/// Target of the `tracing` span that shows the request on the console.
///
/// Its own option (`request_span`) switches it: at `level(WARN)` a warning must still show its request.
const REQUEST_TARGET: &str = "highlight::request";

/// Crates that the export itself runs on, and this one. Recording them would make telemetry about telemetry,
/// so no directive brings them back.
const OWN_CRATES: [&str; 7] = [
    "highlight",
    "opentelemetry",
    "opentelemetry_sdk",
    "rustls",
    "tracing_opentelemetry",
    "ureq",
    "ureq_proto",
];

/// Decides by target and level what is recorded; spans and events alike.
///
/// The directive with the longest target wins. Targets match on `::` boundaries: `hyper` covers
/// `hyper::client` and not `hyper_util`.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    default: LevelFilter,
    /// Longest target first, so that the first match is the most specific one.
    targets: Vec<(String, LevelFilter)>,
}

impl Filter {
    pub(super) fn new(level: LevelFilter, directives: Directives, request_span: bool) -> Self {
        let mut targets = directives.targets;
        if request_span {
            // After the program's own, so that `highlight::request=off` is obeyed.
            targets.push((REQUEST_TARGET.to_owned(), LevelFilter::INFO));
        }
        // Stable: of two directives for one target the first stays first, and wins.
        targets.sort_by_key(|(target, _)| std::cmp::Reverse(target.len()));
        Self { default: directives.default.unwrap_or(level), targets }
    }

    /// Whether a span or an event with this target and level is recorded.
    pub(crate) fn enabled(&self, target: &str, level: Level) -> bool {
        level <= self.level_of(target)
    }

    /// The most detailed level that any target can have: what lies beyond is not worth asking about.
    pub(crate) fn max_level(&self) -> LevelFilter {
        self.targets.iter().map(|(_, level)| *level).fold(self.default, LevelFilter::max)
    }

    fn level_of(&self, target: &str) -> LevelFilter {
        let own = is_own(target);
        self.targets
            .iter()
            .find(|(prefix, _)| is_at_or_below(target, prefix))
            .map(|(_, level)| *level)
            .filter(|_| !own)
            .unwrap_or(if own { LevelFilter::OFF } else { self.default })
    }
}

fn is_own(target: &str) -> bool {
    // Nearly all others differ in their first letter.
    let may_be = |own: &&&str| own.as_bytes().first() == target.as_bytes().first();
    OWN_CRATES.iter().filter(may_be).any(|own| is_at_or_below(target, own))
        && !is_at_or_below(target, REQUEST_TARGET)
}

/// Whether `target` is `prefix` or a module inside it.
fn is_at_or_below(target: &str, prefix: &str) -> bool {
    target.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// A parsed filter text, such as `info,my_crate=debug,hyper=off`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Directives {
    /// From a directive that is a level alone.
    default: Option<LevelFilter>,
    targets: Vec<(String, LevelFilter)>,
}

impl Directives {
    /// The syntax of `tracing_subscriber`'s `Targets`, except that a target needs its `=level`: a mistyped
    /// level alone (`dbg`) would otherwise be a target that silently matches nothing.
    pub(super) fn parse(text: &str) -> Result<Self, Remedy> {
        let mut directives = Self::default();
        for directive in text.split(',').map(str::trim).filter(|d| !d.is_empty()) {
            match directive.split_once('=') {
                None => directives.default = Some(parse_level(directive)?),
                Some((target, level)) => {
                    let target = parse_target(target.trim())?;
                    let level = parse_level(level.trim())?;
                    // The last one counts, as it does in `Targets`.
                    directives.targets.retain(|(known, _)| *known != target);
                    directives.targets.push((target, level));
                }
            }
        }
        Ok(directives)
    }
}

/// Reads a level by name, or by number as `log` and `tracing` do: 0 is `off`, 5 is `trace`.
pub(super) fn parse_level(text: &str) -> Result<LevelFilter, Remedy> {
    // The empty text would parse as `error`.
    Some(text)
        .filter(|text| !text.is_empty())
        .and_then(|text| text.parse().ok())
        .ok_or(Remedy::Borrowed(
            "a level is `off`, `error`, `warn`, `info`, `debug` or `trace`, and a target needs one: `target=level`",
        ))
}

fn parse_target(text: &str) -> Result<String, Remedy> {
    let unsupported = |c: char| c.is_whitespace() || matches!(c, '[' | ']' | '{' | '}' | '"' | '=');
    if text.is_empty() || text.contains(unsupported) {
        return Err(Remedy::Borrowed(
            "write `target=level`; spans and fields (`[span{field}]`) cannot be filtered on",
        ));
    }
    Ok(text.trim_end_matches("::").to_owned())
}

impl From<crate::Level> for LevelFilter {
    fn from(level: crate::Level) -> Self {
        match level {
            crate::Level::Trace => Self::TRACE,
            crate::Level::Debug => Self::DEBUG,
            crate::Level::Info => Self::INFO,
            crate::Level::Warn => Self::WARN,
            crate::Level::Error | crate::Level::Fatal => Self::ERROR,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filter(text: &str) -> Filter {
        let directives = Directives::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
        Filter::new(LevelFilter::INFO, directives, true)
    }

    #[test]
    fn the_longest_matching_target_decides() {
        let filter = filter("shop=warn,shop::cart=debug,hyper=off,hyper::client=info");
        for (target, level, enabled) in [
            ("other", Level::INFO, true),
            ("other", Level::DEBUG, false),
            ("shop", Level::WARN, true),
            ("shop", Level::INFO, false),
            ("shop::orders", Level::INFO, false),
            ("shop::cart", Level::DEBUG, true),
            ("shop::cart::total", Level::DEBUG, true),
            ("shop::cart", Level::TRACE, false),
            ("hyper", Level::ERROR, false),
            ("hyper::server", Level::ERROR, false),
            ("hyper::client::pool", Level::INFO, true),
        ] {
            assert_eq!(filter.enabled(target, level), enabled, "{target} {level}");
        }
        assert_eq!(filter.max_level(), LevelFilter::DEBUG);
    }

    #[test]
    fn a_target_matches_whole_path_segments_only() {
        let filter = filter("hyper=off,shop::cart=off");
        for target in ["hyper_util", "hyper_util::client", "shop::cartoons", "shop"] {
            assert!(filter.enabled(target, Level::INFO), "{target}");
        }
    }

    #[test]
    fn the_exporters_own_targets_are_off_whatever_is_asked_for() {
        for filter in [filter("trace"), filter("ureq=trace,ureq::pool=trace,rustls=trace,highlight=trace")] {
            for target in [
                "highlight",
                "highlight::pipeline::worker",
                "highlight::requests",
                "opentelemetry",
                "opentelemetry_sdk",
                "opentelemetry_sdk::trace",
                "rustls::client::hs",
                "tracing_opentelemetry",
                "ureq",
                "ureq::pool",
                "ureq_proto::client",
            ] {
                assert!(!filter.enabled(target, Level::ERROR), "{target}");
            }
        }
    }

    #[test]
    fn crates_that_only_look_like_ours_are_recorded() {
        let filter = filter("");
        for target in [
            "highlight_shop",
            "highlight_shop::cart",
            "highlights",
            "highlighter",
            "shop::highlight",
            "ureq_wrapper",
            "rustls_acme",
            "opentelemetry_user",
            "",
        ] {
            assert!(filter.enabled(target, Level::INFO), "{target:?}");
        }
    }

    #[test]
    fn the_request_span_is_recorded_at_any_level_unless_switched_off() {
        let request = |filter: &Filter| filter.enabled(REQUEST_TARGET, Level::INFO);

        assert!(request(&filter("error")));
        assert!(request(&filter("highlight=off")));
        assert_eq!(
            filter("error").max_level(),
            LevelFilter::INFO,
            "or `tracing` would drop the span before it asks"
        );
        assert!(!request(&filter("highlight::request=off")));
        assert!(!request(&Filter::new(LevelFilter::ERROR, Directives::default(), false)));
    }

    #[test]
    fn a_level_alone_replaces_the_default() {
        let filter = filter("debug,shop=error");
        assert!(filter.enabled("other", Level::DEBUG));
        assert!(!filter.enabled("shop", Level::WARN));
    }

    #[test]
    fn the_last_directive_for_a_target_counts() {
        assert!(filter("a=off,a=debug").enabled("a", Level::DEBUG));
        assert!(!filter("a=debug,a=off").enabled("a", Level::ERROR));
    }

    #[test]
    fn spelling_is_forgiving() {
        let same = Directives::parse("info,a::b=debug");
        for text in [" INFO , a::b = Debug ,", "3,a::b::=4", "info,,a::b=debug"] {
            assert_eq!(Directives::parse(text), same, "{text}");
        }
    }

    #[test]
    fn what_would_silently_match_nothing_is_refused() {
        for text in [
            "dbg",
            "my_crate",
            "my_crate=",
            "my_crate=verbose",
            "=info",
            "a=b=info",
            "[request]=debug",
            "a[request{id=1}]=debug",
            "a b=info",
            "6",
        ] {
            assert!(Directives::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,60}") {
            let _ = Directives::parse(&text);
        }

        #[test]
        fn nothing_above_the_maximum_is_enabled(
            levels in proptest::collection::vec(("[ab](::[ab]){0,2}", 0..=5_usize), 0..5),
            target in "[ab](::[ab]){0,3}",
        ) {
            let text: Vec<_> = levels.iter().map(|(target, level)| format!("{target}={level}")).collect();
            let filter = filter(&text.join(","));
            for level in [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE] {
                prop_assert!(!filter.enabled(&target, level) || level <= filter.max_level());
            }
        }
    }
}
