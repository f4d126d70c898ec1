//! What the customer bought: one to three lines.

use domain::{
    account::{Money, Segment},
    record::{Row, SubscriptionRow},
};

use crate::{
    PRODUCT,
    calendar::Calendar,
    chance::{Chance, Topic},
    destiny::Fate,
    profile::{Profile, float, whole},
    sheet::Sheet,
};

/// The currency everything is invoiced in, so that sums mean something.
pub(crate) const CURRENCY: &str = "EUR";

/// Additions to the main product, and what share of the contract each is.
const ADDITIONS: [(&str, f64); 3] =
    [("Premium support", 0.12), ("Data export", 0.08), ("Sandbox", 0.05)];

pub(crate) fn record(seed: u64, calendar: Calendar, profile: &Profile, sheet: &mut Sheet) {
    let mut chance = Chance::of(seed, profile.index, Topic::Subscription);
    let additions = match profile.segment {
        _ if profile.trial => 0,
        Segment::Smb => usize::from(chance.happens(0.15)),
        Segment::MidMarket => usize::from(chance.happens(0.5)),
        Segment::Enterprise => 1 + usize::from(chance.happens(0.4)),
    };
    let first = chance.index(ADDITIONS.len());
    let auto_renew = chance.happens(if profile.segment == Segment::Smb { 0.8 } else { 0.35 });
    let mut left = profile.arr * 100;
    let chosen: Vec<(&str, i64)> = (0..additions)
        .map(|i| {
            let (name, share) = ADDITIONS[(first + i) % ADDITIONS.len()];
            let minor = whole(float(profile.arr) * share) * 100;
            left -= minor;
            (name, minor)
        })
        .collect();
    let row = |product: &str, seats: Option<i64>, minor: i64| SubscriptionRow {
        account: profile.id(),
        product: product.to_owned(),
        plan: Some(plan(profile).to_owned()),
        start: calendar.date(profile.starts),
        end: Some(calendar.date(profile.decides)),
        seats,
        arr: Money { minor, currency: CURRENCY.to_owned() },
        is_trial: profile.trial,
        auto_renew: auto_renew && profile.fate != Fate::Churned,
    };
    let id = |number: usize| format!("S-{:06}-{number}", profile.index);
    sheet.push(id(1), Row::Subscription(row(PRODUCT, Some(profile.seats), left)));
    for (i, (name, minor)) in chosen.into_iter().enumerate() {
        sheet.push(id(i + 2), Row::Subscription(row(name, None, minor)));
    }
}

const fn plan(profile: &Profile) -> &'static str {
    match (profile.trial, profile.segment) {
        (true, _) => "trial",
        (_, Segment::Smb) => "starter",
        (_, Segment::MidMarket) => "business",
        (_, Segment::Enterprise) => "enterprise",
    }
}
