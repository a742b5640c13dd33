//! This machine's clock against the server's.

use std::time::{Duration, SystemTime};

use http::header;

use super::{Finding, endpoint::shown};
use crate::pipeline::Reply;

/// The date has whole seconds, and was written at some time between request and answer.
const TOLERATED: Duration = Duration::from_secs(5);
/// The server replaces times that are further away by its own (C§3.4).
const REPLACED: Duration = Duration::from_secs(30 * 24 * 3600);

/// Compares the answer's `Date` with the local time at which it came.
pub(super) fn check(reply: &Reply) -> Finding {
    let Ok(theirs) = httpdate::parse_http_date(reply.header(header::DATE)) else {
        return Finding::ok("clock", "not compared: the answer has no date");
    };
    let (skew, direction) = skew(reply.at, theirs);
    let tolerated = TOLERATED + reply.took;
    if skew <= tolerated {
        return Finding::ok("clock", format!("agrees with the server's, to {}", shown(tolerated)));
    }
    let message = format!("this machine's clock is {} {direction} the server's", in_words(skew));
    let remedy = "synchronise it (NTP), or the server's";
    if skew >= REPLACED {
        let message = format!("{message}: the server replaces all times");
        return Finding::problem("clock", message, remedy);
    }
    let message = format!("{message}: spans and logs are shown at the wrong place of the session");
    Finding::warning("clock", message, remedy)
}

fn skew(ours: SystemTime, theirs: SystemTime) -> (Duration, &'static str) {
    match ours.duration_since(theirs) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    }
}

fn in_words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86400),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, StatusCode};

    use super::*;
    use crate::diagnosis::Verdict;

    fn reply(date: Option<&str>, at: SystemTime) -> Reply {
        let date = date.map(|date| (header::DATE, HeaderValue::from_str(date).unwrap()));
        Reply {
            status: StatusCode::OK,
            headers: HeaderMap::from_iter(date),
            head: String::new(),
            at,
            took: Duration::from_millis(20),
        }
    }

    #[test]
    fn the_difference_is_judged_in_both_directions() {
        let theirs = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let date = httpdate::fmt_http_date(theirs);
        let day = 86400;
        for (seconds, verdict, words) in [
            (0, Verdict::Ok, "agrees"),
            (4, Verdict::Ok, "agrees"),
            (-4, Verdict::Ok, "agrees"),
            (90, Verdict::Warning, "90 s ahead of"),
            (-90, Verdict::Warning, "90 s behind"),
            (3 * 3600 + 5, Verdict::Warning, "3 h ahead of"),
            (-29 * day, Verdict::Warning, "29 days behind"),
            (31 * day, Verdict::Problem, "31 days ahead of"),
        ] {
            let offset = Duration::from_secs(i64::unsigned_abs(seconds));
            let ours = if seconds < 0 { theirs - offset } else { theirs + offset };
            let finding = check(&reply(Some(&date), ours));
            assert_eq!(finding.verdict(), verdict, "{finding}");
            assert!(finding.message().contains(words), "{finding}");
        }
    }

    #[test]
    fn without_a_date_nothing_is_said() {
        for date in [None, Some("yesterday")] {
            assert_eq!(check(&reply(date, SystemTime::now())).verdict(), Verdict::Ok);
        }
    }
}
