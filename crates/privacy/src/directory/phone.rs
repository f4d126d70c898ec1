//! Telephone numbers: the digits that stay the same however a number is written.

use std::ops::Range;

use super::reading::Reading;

/// The fewest digits a number is known by.
const FEWEST: usize = 7;
/// The most digits a number has (ITU-T E.164), and what may be dialled before it.
const MOST: usize = 18;

/// The digits a number of the directory is known by: whole, and without its country's.
pub(super) fn forms(phone: &str) -> Vec<String> {
    let phone = phone.replace("(0)", "");
    // An extension is not part of the number.
    let main = phone
        .char_indices()
        .skip_while(|(_, c)| !c.is_ascii_digit())
        .find(|(_, c)| c.is_alphabetic() || *c == ';')
        .map_or(&*phone, |(at, _)| &phone[..at]);
    let digits: String = main.chars().filter(char::is_ascii_digit).collect();
    let mut forms = Vec::new();
    let abroad = digits.strip_prefix("00").or_else(|| (main.contains('+')).then_some(&*digits));
    if let Some(whole) = abroad {
        forms.push(whole.to_owned());
        forms.push(national(whole).to_owned());
    } else {
        forms.push(digits.trim_start_matches('0').to_owned());
        // Spreadsheets lose the plus.
        if !digits.starts_with('0') && digits.len() >= 11 {
            forms.push(national(&digits).to_owned());
        }
    }
    forms
        .retain(|form| form.len() >= FEWEST && form.bytes().any(|byte| byte != form.as_bytes()[0]));
    forms.dedup();
    forms
}

/// The number without its country's digits and the zero that is dialled within the country.
fn national(whole: &str) -> &str {
    whole[calling_code(whole).min(whole.len())..].trim_start_matches('0')
}

/// How many digits of an international number are its country's (ITU-T E.164 assignments).
fn calling_code(whole: &str) -> usize {
    const TWO: [&str; 43] = [
        "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46",
        "47", "48", "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63",
        "64", "65", "66", "81", "82", "84", "86", "90", "91", "92", "93", "94", "95",
    ];
    match whole.as_bytes().first() {
        Some(b'1' | b'7') => 1,
        _ if whole.get(..2).is_some_and(|two| TWO.contains(&two) || two == "98") => 2,
        _ => 3,
    }
}

/// A run of digits in a text.
struct Group {
    at: Range<usize>,
    /// A letter touches it.
    touched: bool,
    /// Stands in brackets as `(0)`.
    trunk: bool,
}

/// How sure it is that digits are a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// They are one, if they are in the directory.
    Sure,
    /// They may be anything.
    Doubtful,
}

/// Digits of a text that may be a number, longest first at each place, to be looked up in turn.
pub(super) fn candidates(
    reading: &Reading,
    mut is_known: impl FnMut(&str, Range<usize>, Look) -> bool,
) {
    let text = reading.text();
    let groups = groups(text);
    let mut first = 0;
    while first < groups.len() {
        let last = longest(text, &groups, first);
        let found = (first..=last).rev().find(|last| {
            let window = &groups[first..=*last];
            let at = window[0].at.start..window[window.len() - 1].at.end;
            readings(text, window).iter().any(|(digits, abroad)| {
                let look = look(text, window, digits, *abroad);
                is_known(digits, dressed(text, at.clone()), look)
            })
        });
        first = found.unwrap_or(first) + 1;
    }
}

fn groups(text: &str) -> Vec<Group> {
    let mut groups = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let end = at + bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
        groups.push(Group {
            touched: letter(text[..at].chars().next_back()) || letter(text[end..].chars().next()),
            trunk: &text[at..end] == "0"
                && text[..at].ends_with('(')
                && text[end..].starts_with(')'),
            at: at..end,
        });
        at = end;
    }
    groups
}

/// The last group that can belong to a number that starts with `first`.
fn longest(text: &str, groups: &[Group], first: usize) -> usize {
    let mut digits = groups[first].at.len();
    let mut last = first;
    while let Some(next) = groups.get(last + 1) {
        let between = &text[groups[last].at.end..next.at.start];
        digits += next.at.len();
        let joins = between.len() <= 8
            && between.chars().all(|c| c.is_whitespace() || "-./()+_·*:,'>=|".contains(c))
            && between.matches('\n').count() < 2;
        if digits > MOST || !joins || last - first >= MOST {
            break;
        }
        last += 1;
    }
    last
}

/// The digits of groups as they may be in the directory, and whether a country's are among them.
fn readings(text: &str, window: &[Group]) -> Vec<(String, bool)> {
    let all: String = window.iter().map(|group| &text[group.at.clone()]).collect();
    if all.len() < FEWEST {
        return Vec::new();
    }
    let plus = text[..window[0].at.start].trim_end_matches(['(', ' ']).ends_with('+');
    let mut readings = Vec::new();
    let mut add = |digits: &str| {
        let dialled = ["00", "011"].iter().find_map(|prefix| digits.strip_prefix(prefix));
        if plus {
            readings.push((digits.to_owned(), true));
            readings.push((national(digits).to_owned(), true));
        } else if let Some(whole) = dialled {
            readings.push((whole.to_owned(), true));
            readings.push((national(whole).to_owned(), true));
        }
        readings.push((digits.trim_start_matches('0').to_owned(), false));
    };
    add(&all);
    if window.iter().any(|group| group.trunk) {
        let without: String = window
            .iter()
            .filter(|group| !group.trunk)
            .map(|group| &text[group.at.clone()])
            .collect();
        add(&without);
    }
    readings.retain(|(digits, _)| digits.len() >= FEWEST);
    readings
}

/// Ten digits are enough to be sure. Fewer may be a date, an amount or an order's number, unless
/// something says that they are not.
fn look(text: &str, window: &[Group], digits: &str, abroad: bool) -> Look {
    if digits.len() >= 10 || abroad {
        return Look::Sure;
    }
    let (start, end) = (window[0].at.start, window[window.len() - 1].at.end);
    let shown = &text[start..end];
    let before = &text[..start];
    let lead: String =
        before.chars().rev().take(32).collect::<Vec<_>>().into_iter().rev().collect();
    let lead = lead.rsplit('\n').next().unwrap_or_default().to_lowercase();
    let said = [
        "phone", "tel", "mobile", "cell", "call", "fax", "whatsapp", "handy", "dial", "reach",
        "hotline", "mobil", "direct", "line",
    ]
    .iter()
    .any(|word| lead.contains(word));
    if said || before.ends_with('(') || shown.starts_with("00") {
        return Look::Sure;
    }
    let touched = window[0].touched
        || window[window.len() - 1].touched
        || before.ends_with(['#', '-', '/', '_', '$', '€', '£'])
        || lead.trim_end().ends_with(['$', '€', '£', '#']);
    let money = shown.contains(',')
        || shown.contains('.') && window.iter().skip(1).all(|group| group.at.len() == 3);
    let years = |group: &Group| {
        group.at.len() == 4
            && (text[group.at.clone()].starts_with("19")
                || text[group.at.clone()].starts_with("20"))
    };
    let date = window.len() == 3 && (years(&window[0]) || years(&window[2])) && digits.len() <= 8
        || window.len() == 1 && shown.len() == 8 && shown.starts_with("20");
    let grouped = window.len() > 1 || shown.starts_with('0');
    if touched || money || date || !(grouped || digits.len() == 9) {
        Look::Doubtful
    } else {
        Look::Sure
    }
}

/// The number with the plus or bracket before it.
fn dressed(text: &str, at: Range<usize>) -> Range<usize> {
    let start = text[..at.start].trim_end_matches(['(', '+']).len();
    start.max(at.start.saturating_sub(2))..at.end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        for (phone, expected) in [
            ("+49 (0)30 1234567", vec!["49301234567", "301234567"]),
            ("0049 30 1234567", vec!["49301234567", "301234567"]),
            ("030 1234567", vec!["301234567"]),
            ("+1 (212) 555-0142 x17", vec!["12125550142", "2125550142"]),
            ("12125550142", vec!["12125550142", "2125550142"]),
            ("+353 1 2345678", vec!["35312345678", "12345678"]),
            ("n/a", vec![]),
            ("0000000000", vec![]),
        ] {
            assert_eq!(forms(phone), expected, "{phone}");
        }
    }

    #[test]
    fn a_text_shows_it_in_groups_and_signs_of_all_kinds() {
        for text in [
            "at +49 30 1234567.",
            "0049-30-1234567",
            "030/1234567",
            "4 9 3 0 1 2 3 4 5 6 7",
            "+49 (0)30 123 45 67",
            "tel+49301234567",
            "+49.30.12\n34567",
            "301234567",
            "Call (030) 1234567",
        ] {
            let reading = Reading::of(text, false);
            let mut found = Vec::new();
            candidates(&reading, |digits, at, look| {
                let known = forms("+49 30 1234567").iter().any(|form| form == digits);
                if known {
                    found.push((reading.source(at), look));
                }
                known
            });
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(found[0].1, Look::Sure, "{text}");
        }
    }

    #[test]
    fn few_digits_may_be_anything() {
        for text in
            ["order #20261129", "on 2026-11-29", "USD 12,345,678", "INV12345678", "12345678"]
        {
            let reading = Reading::of(text, false);
            candidates(&reading, |digits, _, look| {
                assert!(digits.len() > 9 || look == Look::Doubtful, "{text}: {digits}");
                false
            });
        }
    }
}
