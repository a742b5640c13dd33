//! What a diagnosis consists of.

use std::{borrow::Cow, fmt};

/// How bad it is. The order is from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Something may be amiss, or could not be checked.
    Warning,
    /// Telemetry is lost, or lost to its session, until this is mended.
    Problem,
}

impl Verdict {
    /// `ok`, `warning` or `problem`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What one check found, and what to do about it.
///
/// Made by the checks of this crate; a program may add findings of its own to a [`Diagnosis`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    check: Cow<'static, str>,
    verdict: Verdict,
    message: Cow<'static, str>,
    remedy: Option<Cow<'static, str>>,
}

impl Finding {
    /// Nothing to do.
    #[must_use]
    pub fn ok(check: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { check: check.into(), verdict: Verdict::Ok, message: message.into(), remedy: None }
    }

    /// Worth a look.
    #[must_use]
    pub fn warning(
        check: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            check: check.into(),
            verdict: Verdict::Warning,
            message: message.into(),
            remedy: Some(remedy.into()),
        }
    }

    /// To be mended.
    #[must_use]
    pub fn problem(
        check: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            check: check.into(),
            verdict: Verdict::Problem,
            message: message.into(),
            remedy: Some(remedy.into()),
        }
    }

    /// What was checked: a word from the table in [`diagnosis`](crate::diagnosis#checks). Several findings may share one.
    #[must_use]
    pub fn check(&self) -> &str {
        &self.check
    }

    /// How bad it is.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// What was found. For people: the wording is no interface.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it; `None` if it is [`Verdict::Ok`].
    #[must_use]
    pub fn remedy(&self) -> Option<&str> {
        self.remedy.as_deref()
    }
}

/// `problem  answer         the message`, and the remedy on a line of its own.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<8} {:<13} {}", self.verdict, self.check, self.message)?;
        match &self.remedy {
            Some(remedy) => write!(f, "\n{:<8} {:<13} -> {remedy}", "", ""),
            None => Ok(()),
        }
    }
}

/// Everything that was found, in the order of the checks.
///
/// Its `Display` is for people, a line for each finding and one for each remedy; [`findings`](Self::findings) and
/// [`verdict`](Self::verdict) are for programs. No secret is in it: values of headers, SDK keys and credentials in URLs are hidden.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "a diagnosis does nothing by itself: print it, or ask for its verdict"]
pub struct Diagnosis {
    findings: Vec<Finding>,
}

impl Diagnosis {
    /// The findings, in the order of the checks.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The worst of all findings.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.findings.iter().map(Finding::verdict).max().unwrap_or(Verdict::Ok)
    }

    pub(super) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == verdict).count()
    }
}

impl Extend<Finding> for Diagnosis {
    fn extend<T: IntoIterator<Item = Finding>>(&mut self, findings: T) {
        self.findings.extend(findings);
    }
}

impl FromIterator<Finding> for Diagnosis {
    fn from_iter<T: IntoIterator<Item = Finding>>(findings: T) -> Self {
        Self { findings: findings.into_iter().collect() }
    }
}

impl IntoIterator for Diagnosis {
    type Item = Finding;
    type IntoIter = std::vec::IntoIter<Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.findings.into_iter()
    }
}

#[expect(clippy::into_iter_without_iter, reason = "`findings` is a slice, which has one")]
impl<'a> IntoIterator for &'a Diagnosis {
    type Item = &'a Finding;
    type IntoIter = std::slice::Iter<'a, Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.findings.iter()
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in self {
            writeln!(f, "{finding}")?;
        }
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let (problems, warnings) = (self.count(Verdict::Problem), self.count(Verdict::Warning));
        writeln!(f, "{problems} problem{}, {warnings} warning{}", plural(problems), plural(warnings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_decides() {
        let mut diagnosis = Diagnosis::default();
        assert_eq!(diagnosis.verdict(), Verdict::Ok);
        for (finding, verdict) in [
            (Finding::ok("a", "fine"), Verdict::Ok),
            (Finding::warning("b", "hm", "look"), Verdict::Warning),
            (Finding::problem("c", "bad", "mend"), Verdict::Problem),
            (Finding::ok("d", "fine"), Verdict::Problem),
        ] {
            diagnosis.add(finding);
            assert_eq!(diagnosis.verdict(), verdict);
        }
    }

    #[test]
    fn each_finding_is_a_line_and_its_remedy_another() {
        let findings = [Finding::ok("endpoint", "fine"), Finding::problem("clock", "slow", "use NTP")];
        assert_eq!(
            Diagnosis::from_iter(findings).to_string(),
            "ok       endpoint      fine\nproblem  clock         slow\n                       -> use NTP\n1 problem, 0 warnings\n"
        );
    }
}
