//! Log bodies with a syslog header (RFC 5424), which the server takes apart (C§7.3).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::model::Attributes;

/// A body that is a syslog message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Syslog {
    /// What follows the header; without it the whole body stays the message.
    pub(super) message: Option<String>,
    pub(super) severity: &'static str,
    pub(super) time: Option<SystemTime>,
    pub(super) attributes: Attributes,
}

/// Reads `<PRI>1 TIMESTAMP HOST APP PROC MSGID DATA MESSAGE`.
pub(super) fn parse(body: &str) -> Option<Syslog> {
    let (priority, rest) = body.strip_prefix('<')?.split_once('>')?;
    let priority = short_number(priority, 3).filter(|priority| *priority <= 191)?;
    let mut fields = rest.splitn(7, ' ');
    short_number(fields.next()?, 3).filter(|version| *version > 0)?;
    let time = fields.next()?;
    let time = if time == "-" { None } else { Some(rfc3339(time)?) };

    let mut attributes = Attributes::new();
    attributes.insert("facility".to_owned(), (priority / 8).to_string());
    attributes.insert("priority".to_owned(), priority.to_string());
    for name in ["hostname", "app_name", "proc_id", "msg_id"] {
        let value = fields.next()?;
        if value.is_empty() {
            return None;
        }
        if value != "-" {
            attributes.insert(name.to_owned(), value.to_owned());
        }
    }
    let (data, message) = structured_data(fields.next()?)?;
    attributes.extend(data);
    Some(Syslog { message, severity: severity(priority % 8), time, attributes })
}

/// The server takes syslog's severity for an OTLP severity *number*, whose names are these; most
/// of them are not understood later and so become `info`.
fn severity(code: u32) -> &'static str {
    ["", "Trace", "Trace2", "Trace3", "Trace4", "Debug", "Debug2", "Debug3"]
        .get(code as usize)
        .copied()
        .unwrap_or_default()
}

/// `-`, or elements like `[id name="value"]`; then the message, where there is one.
fn structured_data(text: &str) -> Option<(Attributes, Option<String>)> {
    let mut attributes = Attributes::new();
    let mut rest = text;
    if let Some(after) = rest.strip_prefix('-') {
        rest = after;
    } else {
        if !rest.starts_with('[') {
            return None;
        }
        while let Some(element) = rest.strip_prefix('[') {
            rest = element_into(element, &mut attributes)?;
        }
    }
    let message = match rest.strip_prefix(' ') {
        Some(message) => Some(message.strip_prefix('\u{feff}').unwrap_or(message).to_owned()),
        None if rest.is_empty() => None,
        None => return None,
    };
    Some((attributes, message))
}

/// Reads `id name="value"]`, and gives what follows.
fn element_into<'a>(element: &'a str, attributes: &mut Attributes) -> Option<&'a str> {
    let end = element.find([' ', ']'])?;
    let (id, mut rest) = element.split_at(end);
    while let Some(parameter) = rest.strip_prefix(' ') {
        let (name, after) = parameter.split_once("=\"")?;
        let end = closing_quote(after)?;
        let value = after[..end].replace("\\\"", "\"").replace("\\]", "]").replace("\\\\", "\\");
        attributes.insert(format!("{id}.{name}"), value);
        rest = &after[end + 1..];
    }
    rest.strip_prefix(']')
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

/// `2023-07-27T05:43:22.401882Z`, or with an offset like `+02:00`.
fn rfc3339(text: &str) -> Option<SystemTime> {
    let (date, time) = text.split_once('T')?;
    let mut date = date.splitn(3, '-');
    let year = short_number(date.next()?, 4)?;
    let month = short_number(date.next()?, 2).filter(|month| (1..=12).contains(month))?;
    let day = short_number(date.next()?, 2).filter(|day| (1..=31).contains(day))?;

    let (clock, offset) = match time.find(['Z', '+', '-']) {
        Some(at) => (&time[..at], offset_seconds(&time[at..])?),
        None => return None,
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut clock = clock.splitn(3, ':');
    let hour = short_number(clock.next()?, 2).filter(|hour| *hour < 24)?;
    let minute = short_number(clock.next()?, 2).filter(|minute| *minute < 60)?;
    let second = short_number(clock.next()?, 2).filter(|second| *second <= 60)?;
    let nanos = if fraction.is_empty() { 0 } else { short_number(&format!("{fraction:0<9}"), 9)? };

    let day_seconds = i64::from(hour * 3600 + minute * 60 + second);
    let seconds = days_since_1970(year, month, day) * 86_400 + day_seconds - offset;
    let since_epoch = Duration::new(u64::try_from(seconds).ok()?, nanos);
    UNIX_EPOCH.checked_add(since_epoch)
}

fn offset_seconds(text: &str) -> Option<i64> {
    if text == "Z" {
        return Some(0);
    }
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let seconds = i64::from(short_number(hours, 2)? * 3600 + short_number(minutes, 2)? * 60);
    Some(if text.starts_with('-') { -seconds } else { seconds })
}

/// Days in the proleptic Gregorian calendar, with the year starting in March so that the leap day
/// comes last.
fn days_since_1970(year: u32, month: u32, day: u32) -> i64 {
    let (year, month) = (i64::from(year), i64::from(month));
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

fn short_number(text: &str, digits: usize) -> Option<u32> {
    let is_number = (1..=digits).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_message_is_taken_apart() {
        let body = concat!(
            "<14>1 2023-07-27T05:43:22.401882Z host app 1 id ",
            r#"[a@1 x="1" y="q\"]"][b@2] Render test log"#
        );
        let syslog = parse(body).unwrap();
        assert_eq!(syslog.message.as_deref(), Some("Render test log"));
        let nanos = syslog.time.unwrap().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        assert_eq!(nanos, 1_690_436_602_401_882_000);
        let expected = [
            ("a@1.x", "1"),
            ("a@1.y", "q\"]"),
            ("app_name", "app"),
            ("facility", "1"),
            ("hostname", "host"),
            ("msg_id", "id"),
            ("priority", "14"),
            ("proc_id", "1"),
        ];
        assert_eq!(syslog.attributes, expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
    }

    #[test]
    fn what_is_no_header_is_left_alone() {
        for body in [
            "<u8>",
            "<14>",
            "<192>1 - - - - - -",
            "<14>0 - - - - - -",
            "<14>1 noon a b c d - m",
            "<14>1 - a b c",
            "<14>1 - a b c d x m",
        ] {
            assert_eq!(parse(body), None, "{body}");
        }
        assert_eq!(parse("<14>1 - - - - - -").unwrap().message, None);
    }

    #[test]
    fn times_know_leap_years_and_offsets() {
        let seconds = |text| rfc3339(text).unwrap().duration_since(UNIX_EPOCH).unwrap().as_secs();
        assert_eq!(seconds("1970-01-01T00:00:00Z"), 0);
        assert_eq!(seconds("2024-02-29T12:00:00+02:00"), 1_709_200_800);
        assert_eq!(seconds("2000-03-01T00:00:00-01:00"), 951_872_400);
        assert_eq!(rfc3339("1969-12-31T23:59:59Z"), None);
    }

    proptest! {
        #[test]
        fn never_panics(body in r#"<?[0-9]{0,4}>?[0-9]? ?(.{0,40}|[-T:Z+0-9. \[\]"=\\a]{0,60})"#) {
            parse(&body);
        }
    }
}
