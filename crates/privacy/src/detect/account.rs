//! Bank accounts that are not IBANs: account numbers, routing numbers, sort codes.

use super::{Found, Page, digits::Cluster, field::Label, mark::Topic};
use crate::{checksum::aba, kind::Kind};

pub(super) fn find(page: &Page<'_>, cluster: &mut Cluster, found: &mut Vec<Found>) {
    let mut first = 0;
    while first < cluster.groups.len() {
        let start = cluster.groups[first].at.start;
        if cluster.groups[first].taken || cluster.groups[first].touched || !free(page.text, start) {
            first += 1;
            continue;
        }
        let Some((last, rule)) = account(page, cluster, first) else {
            first += 1;
            continue;
        };
        let canonical =
            String::from_utf8_lossy(&cluster.digits(page.text, first..last)).into_owned();
        let mut hit = Found::new(cluster.span(first..last), Kind::BankAccount, canonical, rule, 85);
        hit.context = Some("bank");
        found.push(hit);
        cluster.take(first..last);
        first = last;
    }
}

fn account(page: &Page<'_>, cluster: &Cluster, first: usize) -> Option<(usize, &'static str)> {
    let start = cluster.groups[first].at.start;
    // The line of a form may go on with other things.
    let label = page.fields.labels_near(start, 30).find(|label| *label != Label::Person);
    let near = page.nearest_said(
        start,
        40,
        &[
            Topic::Bank,
            Topic::Account,
            Topic::Routing,
            Topic::Phone,
            Topic::Reference,
            Topic::Card,
            Topic::National,
            Topic::Birth,
        ],
    );
    let routing = label == Some(Label::Routing) || matches!(near, Some(Topic::Routing));
    let named = label == Some(Label::Account);
    let bank = named
        || near == Some(Topic::Bank)
        || near == Some(Topic::Account) && (page.marks.any(Topic::Routing) || banking(page, start));
    // `"account": "…"` names a customer as often as a bank account.
    let unnamed = label == Some(Label::Other)
        && !matches!(near, Some(Topic::Account | Topic::Bank | Topic::Routing));
    if unnamed
        || !routing && !bank
        || matches!(label, Some(Label::Phone | Label::Card | Label::Birth))
    {
        return None;
    }
    // As much as one number may have; a comma, slash or wide gap ends it.
    let mut last = first + 1;
    while last < cluster.groups.len().min(first + 8)
        && !cluster.groups[last].taken
        && !cluster.groups[last].touched
        && matches!(cluster.gap(page.text, last - 1), " " | "-" | ".")
    {
        last += 1;
    }
    for last in (first + 1..=last).rev() {
        let digits = cluster.digits(page.text, first..last);
        let count = digits.len();
        let lengths: Vec<usize> =
            cluster.groups[first..last].iter().map(super::digits::Group::len).collect();
        if routing {
            let fits = match &lengths[..] {
                // The last two are a sort code with its account.
                [2, 2, 2]
                | [3 | 5, 3]
                | [3, 3, 2]
                | [3 | 4, 5]
                | [4, 1]
                | [4 | 5 | 6 | 8]
                | [2, 2, 2, 8]
                | [6, 8] => true,
                [9] => {
                    aba(&digits) || label == Some(Label::Routing) || near == Some(Topic::Routing)
                }
                _ => false,
            };
            if fits {
                return Some((last, "account/routing"));
            }
        }
        if bank && (6..=20).contains(&count) && !date(&lengths) {
            return Some((last, "account/said"));
        }
    }
    None
}

/// Whether the words of a bank stand near, before or after.
fn banking(page: &Page<'_>, at: usize) -> bool {
    page.marks.before(at, 160).any(|mark| matches!(mark.topic, Topic::Bank | Topic::Routing))
        || page.marks.after(at, 120).any(|mark| matches!(mark.topic, Topic::Bank | Topic::Routing))
}

const fn date(lengths: &[usize]) -> bool {
    matches!(lengths, [4, 1 | 2, 1 | 2] | [1 | 2, 1 | 2, 4])
}

fn free(text: &str, at: usize) -> bool {
    !text[..at].ends_with(|c: char| c.is_alphanumeric() || "_#$€£¥₹+.".contains(c))
}
