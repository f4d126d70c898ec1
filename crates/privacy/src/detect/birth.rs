//! Dates of birth: any date where a word or a field says that somebody was born.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::{Found, Page, field::Label, mark::Topic, pattern};
use crate::kind::Kind;

/// A date as people of many countries write it.
static DATE: LazyLock<Regex> = LazyLock::new(|| {
    const MONTH: &str = r"(?:jan(?:uary|uar|vier|uari|eiro|nar)?|jän(?:ner)?|feb(?:ruary|ruar|ruari|brero|braio)?|fév(?:rier)?|fev(?:ereiro)?|mar(?:ch|s|zo|zec|ço)?|märz?|mrz|maart|maaliskuuta|apr(?:il|ile)?|abr(?:il)?|avr(?:il)?|ma[yiï]|mayo|maggio|maio|mei|maj|jun[ei]?|juin|junio|giugno|junho|jul[yi]?|juillet|julio|luglio|julho|aug(?:ust|ustus|usti)?|ago(?:sto)?|août|sep(?:t|tember|tembre|tiembre|tembro)?|set(?:tembre|embro)?|o[ck]t(?:ober|obre|ubre)?|ott(?:obre)?|out(?:ubro)?|nov(?:ember|embre|iembre|embro)?|de[czs](?:ember|embre|iembre)?|dic(?:iembre|embre)?|dez(?:ember|embro)?|déc(?:embre)?|enero|ene|gennaio|stycznia|lutego|marca|kwietnia|maja|czerwca|lipca|sierpnia|września|października|listopada|grudnia|ocak|şubat|mart|nisan|mayıs|haziran|temmuz|ağustos|eylül|ekim|kasım|aralık|ledna|února|března|dubna|května|června|července|srpna|září|října|prosince|tammikuuta|helmikuuta|huhtikuuta|toukokuuta|kesäkuuta|heinäkuuta|elokuuta|syyskuuta|lokakuuta|marraskuuta|joulukuuta|января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря)\.?";
    pattern(&format!(
        r"(?i)(?:(?:19|20)[0-9]{{2}} ?[./\-] ?[0-9]{{1,2}} ?[./\-] ?[0-9]{{1,2}}|[0-9]{{1,2}} ?[./\-] ?[0-9]{{1,2}} ?[./\-] ?(?:(?:19|20)[0-9]{{2}}|[0-9]{{2}})|[0-9]{{1,2}} [0-9]{{1,2}} (?:19|20)[0-9]{{2}}|(?:19|20)[0-9]{{2}} ?年 ?[0-9]{{1,2}} ?月 ?[0-9]{{1,2}} ?日|(?:19|20)[0-9]{{2}}년 ?[0-9]{{1,2}}월 ?[0-9]{{1,2}}일|(?:[a-z]{{3,9}},? )?[0-9]{{1,2}}(?:st|nd|rd|th|er|º|\.)?[ \-./]{{0,2}}(?:of |de |d')?{MONTH}[ \-./,]{{0,2}}(?:de |of )?'?(?:(?:19|20)[0-9]{{2}}|[0-9]{{2}})|{MONTH}[ \-]?[0-9]{{1,2}}(?:st|nd|rd|th)?,?[ \-]{{1,2}}'?(?:(?:19|20)[0-9]{{2}}|[0-9]{{2}})|(?:19|20)[0-9]{{2}}[ \-.]{MONTH}[ \-.][0-9]{{1,2}}|(?:19|20)[0-9]{{2}}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])|(?:0[1-9]|[12][0-9]|3[01])(?:0[1-9]|1[0-2])(?:19|20)[0-9]{{2}})"
    ))
});

/// How far after the word a date may start.
const NEAR: usize = 40;

pub(super) fn find(page: &Page<'_>, found: &mut Vec<Found>) {
    for field in page.fields.iter().filter(|field| field.label == Label::Birth) {
        // A comma in an unquoted cell may be the date's own.
        let line = page.text[field.at.start..]
            .find(['\n', '"'])
            .map_or(page.text.len(), |at| field.at.start + at);
        let end = page.text.floor_char_boundary(line.min(field.at.start + 40));
        look(page, field.at.start..end, "birth/field", found);
    }
    for mark in page.marks.iter(Topic::Birth) {
        let mut end = (mark.end + NEAR + 30).min(page.text.len());
        while !page.text.is_char_boundary(end) {
            end -= 1;
        }
        // The next line belongs to it only where this one says nothing more.
        let rest = &page.text[mark.end..end];
        let line = rest
            .find('\n')
            .filter(|at| !rest[..*at].trim_matches([' ', ':', '*', '-', '?', '\r']).is_empty());
        let end = mark.end + line.unwrap_or(rest.len());
        if !look(page, mark.end..end, "birth/said", found) {
            behind(page, mark.start, found);
        }
    }
}

/// Takes the first date of a range if it starts near its start.
fn look(page: &Page<'_>, range: Range<usize>, rule: &'static str, found: &mut Vec<Found>) -> bool {
    let Some(text) = page.text.get(range.clone()) else { return false };
    for date in DATE.find_iter(text) {
        if date.start() > NEAR {
            break;
        }
        // `1985-04-12T00:00:00Z` is the date; `12.03.1985-2` is not one.
        let tail = &text[date.end()..];
        let inside = text[..date.start()]
            .ends_with(|c: char| c.is_ascii_digit() || c.is_ascii_alphabetic())
            || tail.starts_with(|c: char| c.is_ascii_digit());
        // Another fact may lie between: `born in Paris, ticket 12, on ...` is still it, an order is not.
        if inside {
            continue;
        }
        push(page, range.start + date.start()..range.start + date.end(), rule, found);
        return true;
    }
    false
}

/// `12.03.1985 (date of birth)`
fn behind(page: &Page<'_>, mark: usize, found: &mut Vec<Found>) {
    let mut start = mark.saturating_sub(30);
    while !page.text.is_char_boundary(start) {
        start += 1;
    }
    let head = &page.text[start..mark];
    if !head.ends_with('(') && !head.ends_with("is my ") && !head.ends_with("as ") {
        return;
    }
    if let Some(date) = DATE.find_iter(head).last()
        && head.len() - date.end() <= 8
    {
        push(page, start + date.start()..start + date.end(), "birth/said", found);
    }
}

fn push(page: &Page<'_>, at: Range<usize>, rule: &'static str, found: &mut Vec<Found>) {
    let value = &page.text[at.clone()];
    let canonical = value.to_lowercase();
    let mut hit = Found::new(at, Kind::DateOfBirth, canonical, rule, 90);
    hit.context = Some("birth");
    found.push(hit);
}

/// Compiles the expression, so that the first text does not wait for it.
pub(super) fn warm_up() {
    LazyLock::force(&DATE);
}
