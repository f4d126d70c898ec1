//! Cells as values: numbers, dates, times, truth; each refusal says what was read and what to write.

use domain::clock::microseconds;
use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// In which order a date with slashes or dots is written. ISO dates are always understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DateOrder {
    /// ISO only: `2026-11-22`.
    #[default]
    Iso,
    /// `11/22/2026`, as in the United States.
    MonthFirst,
    /// `22/11/2026` or `22.11.2026`, as in Europe.
    DayFirst,
}

/// A cell in a message: short and without control characters.
pub(super) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
    if text.chars().count() > 40 {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// A whole number; a fraction of zero is forgiven, as in `27.0`.
pub(super) fn whole(text: &str) -> Result<i64, String> {
    let wrong = || format!("{} is not a whole number", quoted(text));
    // A single group of three can only be thousands here: halves of people are not counted.
    let grouped = text.contains(',').then(|| text.replace(',', ""));
    let grouped = grouped.filter(|_| is_grouped(text, ','));
    let (number, fraction) = decimal(grouped.as_deref().unwrap_or(text)).ok_or_else(wrong)?;
    if fraction.bytes().any(|digit| digit != b'0') {
        return Err(wrong());
    }
    number.parse().map_err(|_| wrong())
}

/// A whole number that counts something.
pub(super) fn count(text: &str) -> Result<i64, String> {
    match whole(text)? {
        number if number < 0 => Err(format!("{} is negative", quoted(text))),
        number => Ok(number),
    }
}

/// A number with a fraction.
pub(super) fn number(text: &str) -> Result<f64, String> {
    let (number, fraction) =
        decimal(text).ok_or_else(|| format!("{} is not a number", quoted(text)))?;
    format!("{number}.{fraction}").parse().map_err(|_| format!("{} is not a number", quoted(text)))
}

/// An amount of money in major units; a currency sign in front of or behind it is passed over.
pub(super) fn amount(text: &str) -> Result<f64, String> {
    let bare = text.trim_matches(|c: char| c.is_whitespace() || "$€£¥".contains(c));
    if bare.contains(',')
        && !bare.contains('.')
        && bare.matches(',').count() == 1
        && is_grouped(bare, ',')
    {
        return Err(format!(
            "{} may mean thousands or a fraction; write it with a decimal point",
            quoted(text)
        ));
    }
    number(bare).map_err(|_| format!("{} is not an amount", quoted(text)))
}

/// Integer and fraction digits of a number whose separators can be read one way only.
fn decimal(text: &str) -> Option<(String, String)> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let digits: String =
        match digits.chars().find(|c| matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\'')) {
            Some(space) if is_grouped(digits.split(['.', ',']).next()?, space) => {
                digits.replace(space, "")
            }
            Some(_) => return None,
            None => digits.to_owned(),
        };
    let (commas, points) = (digits.matches(',').count(), digits.matches('.').count());
    // The separator that comes last and once is the decimal one; the other groups thousands.
    let (group, point) = match (commas, points) {
        (0, 0 | 1) => (None, '.'),
        (1, 0) => (None, ','),
        (_, 0) => (Some(','), '.'),
        (0, _) => (Some('.'), ','),
        (_, 1) if digits.rfind(',') < digits.find('.') => (Some(','), '.'),
        (1, _) if digits.rfind('.') < digits.find(',') => (Some('.'), ','),
        _ => return None,
    };
    let (whole, fraction) = digits.split_once(point).unwrap_or((&digits, ""));
    let whole = match group {
        Some(group) if is_grouped(whole, group) => whole.replace(group, ""),
        Some(_) => return None,
        None => whole.to_owned(),
    };
    let digital = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    // Fifteen digits are what both a double and every database keep exactly.
    (digital(&whole)
        && digital(fraction)
        && !whole.is_empty()
        && whole.len() + fraction.len() <= 15)
        .then(|| {
            (
                format!("{sign}{whole}"),
                if fraction.is_empty() { "0".to_owned() } else { fraction.to_owned() },
            )
        })
}

/// Whether digits stand in groups of three, as in `1,234,567`.
fn is_grouped(text: &str, separator: char) -> bool {
    let text = text.trim_start_matches(['-', '+']);
    let mut groups = text.split(separator);
    let first = groups.next().unwrap_or_default();
    (1..=3).contains(&first.len())
        && first.bytes().all(|byte| byte.is_ascii_digit())
        && groups.all(|group| group.len() == 3 && group.bytes().all(|byte| byte.is_ascii_digit()))
}

/// True or false.
pub(super) fn truth(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" | "t" | "y" => Ok(true),
        "false" | "no" | "0" | "f" | "n" => Ok(false),
        _ => Err(format!("{} is neither `true` nor `false`", quoted(text))),
    }
}

/// A day. Of a time, the day in UTC.
pub(super) fn day(text: &str, order: DateOrder) -> Result<Date, String> {
    text.parse::<Date>()
        .ok()
        .filter(|_| text.len() == 10)
        .or_else(|| local(text, order).map(DateTime::date))
        .or_else(|| instant(text).map(|at| at.to_zoned(TimeZone::UTC).date()))
        .filter(|day| plausible(*day))
        .ok_or_else(|| format!("{} is not a date; write it as `2026-11-22`", quoted(text)))
}

/// A moment. Without a zone it is UTC; without a time of day it is the day's beginning.
pub(super) fn moment(text: &str, order: DateOrder) -> Result<Timestamp, String> {
    local(text, order)
        .and_then(|at| at.to_zoned(TimeZone::UTC).ok())
        .map(|at| at.timestamp())
        .or_else(|| instant(text))
        .filter(|at| plausible(at.to_zoned(TimeZone::UTC).date()))
        .map(microseconds)
        .ok_or_else(|| {
            format!("{} is not a time; write it as `2026-11-22T09:30:00Z`", quoted(text))
        })
}

/// Years beyond these are place-holders such as `0001-01-01` and `9999-12-31`.
fn plausible(day: Date) -> bool {
    (1900..=2200).contains(&day.year())
}

fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// A day and time of day without a zone.
fn local(text: &str, order: DateOrder) -> Option<DateTime> {
    let (day, time) = match text.find(['T', ' ']) {
        Some(at) => (&text[..at], text[at + 1..].trim()),
        None => (text, ""),
    };
    let day = iso_day(day).or_else(|| ordered_day(day, order))?;
    Some(day.to_datetime(time_of_day(time)?))
}

fn iso_day(text: &str) -> Option<Date> {
    let (year, month, day) = three(text, '-')?;
    (year.len() == 4).then(|| date(year, month, day)).flatten()
}

fn ordered_day(text: &str, order: DateOrder) -> Option<Date> {
    let separator = text.chars().find(|c| matches!(c, '/' | '.' | '-'))?;
    let (first, second, year) = three(text, separator)?;
    if year.len() != 4 {
        return None;
    }
    match order {
        DateOrder::Iso => None,
        DateOrder::MonthFirst => date(year, first, second),
        DateOrder::DayFirst => date(year, second, first),
    }
}

fn three(text: &str, separator: char) -> Option<(&str, &str, &str)> {
    let mut parts = text.split(separator);
    let three = (parts.next()?, parts.next()?, parts.next()?);
    parts.next().is_none().then_some(three)
}

fn date(year: &str, month: &str, day: &str) -> Option<Date> {
    let short = |text: &str| (1..=2).contains(&text.len()).then(|| text.parse().ok()).flatten();
    Date::new(year.parse().ok()?, short(month)?, short(day)?).ok()
}

/// `9:30`, `09:30:00`, `09:30:00.123`, `9:30 PM`; nothing is midnight.
fn time_of_day(text: &str) -> Option<Time> {
    if text.is_empty() {
        return Some(Time::midnight());
    }
    let upper = text.to_ascii_uppercase();
    let (clock, noon) = if let Some(clock) = upper.strip_suffix("PM") {
        (clock.trim_end(), Some(12))
    } else if let Some(clock) = upper.strip_suffix("AM") {
        (clock.trim_end(), Some(0))
    } else {
        (upper.as_str(), None)
    };
    let mut parts = clock.split(':');
    let short = |text: &str| -> Option<i8> {
        (1..=2).contains(&text.len()).then(|| text.parse().ok()).flatten()
    };
    let mut hour = short(parts.next()?)?;
    let minute = short(parts.next()?)?;
    let (second, fraction) = match parts.next() {
        Some(second) => second.split_once('.').unwrap_or((second, "")),
        None => ("0", ""),
    };
    if parts.next().is_some() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if let Some(noon) = noon {
        if !(1..=12).contains(&hour) {
            return None;
        }
        hour = hour % 12 + noon;
    }
    let nanos = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    Time::new(hour, minute, short(second)?, nanos).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_read_where_they_can_be_read_one_way_only() {
        for (text, value) in [
            ("0", 0),
            ("-3", -3),
            ("27.0", 27),
            ("1,234", 1234),
            ("1,234,567", 1_234_567),
            ("1.234.567", 1_234_567),
            ("12 500", 12_500),
            ("1'000", 1000),
        ] {
            assert_eq!(whole(text), Ok(value), "{text}");
        }
        for text in [
            "",
            "1.5",
            "1,23",
            "12,34,567",
            "1 23",
            "NaN",
            "inf",
            "1e9",
            "0x1",
            "12345678901234567890",
        ] {
            assert!(whole(text).is_err(), "{text}");
        }
        assert!(count("-1").unwrap_err().contains("negative"));
        for (text, value) in [
            ("1234.5", 1234.5),
            ("$1,234.56", 1234.56),
            ("1.234,56 €", 1234.56),
            ("12,5", 12.5),
            ("1,234,567", 1_234_567.0),
            ("-0.5", -0.5),
            ("1 234,5", 1234.5),
        ] {
            assert_eq!(amount(text), Ok(value), "{text}");
        }
        assert!(amount("1,234").unwrap_err().contains("may mean"));
        assert!(amount("1.2.3,4,5").is_err());
        assert!(amount("n/a").is_err());
    }

    #[test]
    fn dates_are_iso_unless_the_order_is_said() {
        let expected = jiff::civil::date(2026, 3, 4);
        for text in [
            "2026-03-04",
            "2026-3-4",
            "2026-03-04 23:59:59",
            "2026-03-04T10:00:00Z",
            "2026-03-05T00:30:00+02:00",
        ] {
            assert_eq!(day(text, DateOrder::Iso), Ok(expected), "{text}");
        }
        assert_eq!(day("3/4/2026", DateOrder::MonthFirst), Ok(expected));
        assert_eq!(day("04.03.2026", DateOrder::DayFirst), Ok(expected));
        for text in
            ["3/4/2026", "2026-02-30", "0001-01-01", "9999-12-31", "46000", "2026-03", "", "today"]
        {
            assert!(day(text, DateOrder::Iso).is_err(), "{text}");
        }
        assert!(day("13/4/2026", DateOrder::MonthFirst).is_err());
        assert!(day("3/4/26", DateOrder::MonthFirst).is_err());
    }

    #[test]
    fn times_are_utc_unless_they_say_otherwise() {
        let expected: Timestamp = "2026-03-04T21:30:00Z".parse().unwrap();
        for text in [
            "2026-03-04 21:30",
            "2026-03-04 21:30:00",
            "2026-03-04T21:30:00.000Z",
            "2026-03-04T22:30:00+01:00",
            "2026-03-04T21:30:00.000+0000",
            "2026-03-04 21:30:00Z",
        ] {
            assert_eq!(moment(text, DateOrder::Iso), Ok(expected), "{text}");
        }
        assert_eq!(moment("3/4/2026 9:30 PM", DateOrder::MonthFirst), Ok(expected));
        assert_eq!(
            moment("2026-03-04", DateOrder::Iso).unwrap().to_string(),
            "2026-03-04T00:00:00Z"
        );
        assert_eq!(
            moment("2026-03-04T00:00:00.123456789Z", DateOrder::Iso).unwrap().as_microsecond()
                % 1_000_000,
            123_456
        );
        for text in
            ["2026-03-04 25:00", "2026-03-04 1:2:3:4", "2026-03-04 13:00 PM", "12:00", "noon"]
        {
            assert!(moment(text, DateOrder::Iso).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[-+0-9.,:/ TZAPMé€'x]{0,24}") {
            for order in [DateOrder::Iso, DateOrder::MonthFirst, DateOrder::DayFirst] {
                let _ = (day(&text, order), moment(&text, order));
            }
            let _ = (whole(&text), amount(&text), number(&text), truth(&text));
        }

        #[test]
        fn what_is_written_is_read_back(value in -999_999_999_999_i64..999_999_999_999) {
            prop_assert_eq!(whole(&value.to_string()), Ok(value));
            let cents = format!("{}{}.{:02}", if value < 0 { "-" } else { "" }, value.abs() / 100, value.abs() % 100);
            let money = domain::account::Money::from_major(amount(&cents).unwrap(), "EUR");
            prop_assert_eq!(money.minor, value);
        }
    }
}
