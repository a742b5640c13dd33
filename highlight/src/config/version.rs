//! The version that the build or the platform knows.

use super::{env::Env, options::PLATFORM_VERSIONS};

/// The commit that the calling crate was compiled from, as its CI system named it: `Option<&'static str>`.
///
/// ```
/// let config = highlight::Config::new("1jdkoe52").build_version(highlight::build_version!());
/// # drop(config);
/// ```
///
/// Read **at compile time**, in the crate that calls it, from the first of these variables that is set:
/// `HIGHLIGHT_SERVICE_VERSION`, `GITHUB_SHA`, `CI_COMMIT_SHA` (GitLab), `BITBUCKET_COMMIT`, `BUILDKITE_COMMIT`,
/// `BUILD_SOURCEVERSION` (Azure), `CIRCLE_SHA1`, `DRONE_COMMIT_SHA`, `TRAVIS_COMMIT`, `SOURCE_VERSION` (Heroku),
/// `GIT_COMMIT` (Jenkins). Cargo compiles that crate anew when one of them changes. `None` on a developer's machine.
#[macro_export]
macro_rules! build_version {
    () => {
        $crate::__private::first_set(&[
            ::core::option_env!("HIGHLIGHT_SERVICE_VERSION"),
            ::core::option_env!("GITHUB_SHA"),
            ::core::option_env!("CI_COMMIT_SHA"),
            ::core::option_env!("BITBUCKET_COMMIT"),
            ::core::option_env!("BUILDKITE_COMMIT"),
            ::core::option_env!("BUILD_SOURCEVERSION"),
            ::core::option_env!("CIRCLE_SHA1"),
            ::core::option_env!("DRONE_COMMIT_SHA"),
            ::core::option_env!("TRAVIS_COMMIT"),
            ::core::option_env!("SOURCE_VERSION"),
            ::core::option_env!("GIT_COMMIT"),
        ])
    };
}

/// The first text that is neither missing nor empty; CI systems set what they do not know to nothing.
#[must_use]
pub const fn first_set(candidates: &[Option<&'static str>]) -> Option<&'static str> {
    let mut rest = candidates;
    while let [candidate, others @ ..] = rest {
        if let Some(text) = *candidate {
            if !text.is_empty() {
                return Some(text);
            }
        }
        rest = others;
    }
    None
}

/// What the platform says that it is running.
pub(super) fn of_platform(env: &Env<'_>) -> Option<String> {
    env.first(PLATFORM_VERSIONS).map(|(_, version)| version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_text_counts() {
        for (candidates, first) in [
            (&[][..], None),
            (&[None, None], None),
            (&[Some("")], None),
            (&[None, Some(""), Some("a"), Some("b")], Some("a")),
        ] {
            assert_eq!(first_set(candidates), first);
        }
    }

    #[test]
    fn the_macro_is_a_constant_and_reads_the_variables_of_the_build() {
        const VERSION: Option<&str> = build_version!();
        // The test's own process has the environment of its build only by chance, so ask the compiler.
        let variables = include_str!("version.rs")
            .split("option_env!(\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next());
        let documented: Vec<_> = include_str!("version.rs")
            .lines()
            .filter(|line| line.starts_with("///"))
            .flat_map(|line| line.split('`').skip(1).step_by(2))
            .filter(|name| name.contains('_') && name.chars().all(|c| !c.is_ascii_lowercase()))
            .collect();
        let read: Vec<_> = variables.filter(|name| name.contains('_')).collect();
        assert_eq!(read, documented);
        assert_ne!(VERSION, Some(""));
    }
}
