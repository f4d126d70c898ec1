//! Cursors as callers see them: the store's own, with a check that they come from the same list.
//!
//! A cursor that was cut off, made up or taken from another list is the caller's mistake and is
//! told so; the store never sees it.

use axum::http::StatusCode;
use domain::page::{Page, PageRequest};
use sha2::{Digest, Sha256};

use crate::problem::Problem;

/// Characters of the check in front of the store's cursor.
const CHECK: usize = 8;

fn check(list: &str, cursor: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(list.as_bytes());
    hash.update([0]);
    hash.update(cursor.as_bytes());
    hex::encode(hash.finalize())[..CHECK].to_owned()
}

/// The part of a list that is asked for. `list` names the list and how it is sorted.
pub(crate) fn page(
    list: &str,
    cursor: Option<&str>,
    limit: Option<u32>,
) -> Result<PageRequest, Problem> {
    let limit = limit.unwrap_or_else(|| PageRequest::default().limit);
    if !(1..=200).contains(&limit) {
        let detail = format!("`limit` is {limit}, must be 1 to 200");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "invalid-field", detail).field("limit"));
    }
    let cursor = match cursor {
        None => None,
        Some(given) => match given.split_at_checked(CHECK) {
            Some((mark, cursor)) if mark == check(list, cursor) => Some(cursor.to_owned()),
            _ => {
                let detail = "`cursor` is not one this list gave with this order; begin without";
                let problem = Problem::new(StatusCode::BAD_REQUEST, "invalid-field", detail);
                return Err(problem.field("cursor"));
            }
        },
    };
    Ok(PageRequest { cursor, limit })
}

/// The same page with its cursor made fit to hand out.
pub(crate) fn hand_out<T>(list: &str, mut page: Page<T>) -> Page<T> {
    page.next = page.next.map(|cursor| check(list, &cursor) + &cursor);
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_good_for_the_list_that_gave_it_and_no_other() {
        let given = Page { items: vec![1], total: 2, exact: true, next: Some("5b317d".to_owned()) };
        let next = hand_out("approvals by risk", given).next.unwrap();
        let read = |list, cursor: &str| page(list, Some(cursor), None);
        let same = read("approvals by risk", &next).unwrap();
        assert_eq!(same.cursor.as_deref(), Some("5b317d"));
        for (list, cursor) in [
            ("approvals by due", &*next),
            ("approvals by risk", &next[1..]),
            ("approvals by risk", "5b317d"),
            ("approvals by risk", "💥"),
            ("approvals by risk", ""),
        ] {
            let problem = read(list, cursor).unwrap_err();
            assert_eq!((problem.status, problem.field.as_deref()), (400, Some("cursor")));
        }
    }
}
