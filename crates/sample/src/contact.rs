//! The customer's people.

use domain::{
    account::Segment,
    contact::{Consent, ContactRole},
    record::{ContactRow, Row},
};

use crate::{
    calendar::Calendar,
    chance::{Chance, Topic},
    destiny::{Cause, Decline},
    name::Person,
    place::{Language, Place},
    profile::Profile,
    sheet::Sheet,
};

/// Somebody who can open a ticket, answer a survey or sit in a meeting.
pub(crate) struct Known {
    pub(crate) id: String,
    pub(crate) person: Person,
    pub(crate) role: ContactRole,
    pub(crate) email: Option<String>,
    /// What they sign with, whether or not the address book has it.
    pub(crate) phone: Option<String>,
    pub(crate) language: Language,
}

/// The people of an account, possibly none.
pub(crate) struct People {
    pub(crate) known: Vec<Known>,
    /// Somebody who is gone, or was never entered: named in texts, found in no address book.
    pub(crate) stranger: Person,
}

impl People {
    pub(crate) fn of(
        seed: u64,
        calendar: Calendar,
        profile: &Profile,
        decline: Option<Decline>,
    ) -> (Self, Vec<ContactRow>) {
        let mut chance = Chance::of(seed, profile.index, Topic::Contact);
        let stranger = Person::in_place(&mut chance, profile.place);
        let mut people = Self { known: Vec::new(), stranger };
        let mut rows = Vec::new();
        if profile.faceless {
            return (people, rows);
        }
        // A sponsor who left is still in the address book of nobody; the others carry on.
        let sponsor_gone = decline
            .is_some_and(|decline| decline.cause == Cause::SponsorLeft && decline.begins < 0);
        let lost_champion = sponsor_gone || chance.happens(0.06);
        let count = match profile.segment {
            Segment::Smb => chance.between(2, 3),
            Segment::MidMarket => chance.between(2, 4),
            Segment::Enterprise => chance.between(4, 6),
        };
        for number in 1..=count {
            let role = role(&mut chance, number, lost_champion);
            let (row, known) = contact(&mut chance, calendar, profile, number, role, &people);
            rows.push(row);
            people.known.push(known);
        }
        (people, rows)
    }

    /// Writes the contacts down.
    pub(crate) fn record(&self, rows: Vec<ContactRow>, sheet: &mut Sheet) {
        for (known, row) in self.known.iter().zip(rows) {
            sheet.push(known.id.clone(), Row::Contact(row));
        }
    }

    /// One of them, if there are any.
    pub(crate) fn any(&self, chance: &mut Chance) -> Option<&Known> {
        if self.known.is_empty() { None } else { Some(&self.known[chance.index(self.known.len())]) }
    }

    /// Whom one would write to: the champion, or whoever is first.
    pub(crate) fn lead(&self) -> Option<&Known> {
        self.known
            .iter()
            .find(|known| known.role == ContactRole::Champion)
            .or_else(|| self.known.first())
    }

    /// The name of a colleague of somebody, or of one who is not in the address book.
    pub(crate) fn colleague_of(&self, chance: &mut Chance, id: Option<&str>) -> &Person {
        let others = || self.known.iter().filter(|known| Some(known.id.as_str()) != id);
        let count = others().count();
        if count == 0 || chance.happens(0.35) {
            return &self.stranger;
        }
        let place = chance.index(count);
        others().nth(place).map_or(&self.stranger, |known| &known.person)
    }
}

const ROLES: [ContactRole; 6] = [
    ContactRole::Champion,
    ContactRole::EconomicBuyer,
    ContactRole::Admin,
    ContactRole::ExecSponsor,
    ContactRole::User,
    ContactRole::User,
];

fn role(chance: &mut Chance, number: i64, lost_champion: bool) -> ContactRole {
    let place = usize::try_from(number - 1).map_or(0, |place| place.min(ROLES.len() - 1));
    let role = ROLES[place];
    if role == ContactRole::Champion && lost_champion {
        ContactRole::User
    } else if number == 2 && chance.happens(0.4) {
        ContactRole::Admin
    } else {
        role
    }
}

fn contact(
    chance: &mut Chance,
    calendar: Calendar,
    profile: &Profile,
    number: i64,
    role: ContactRole,
    people: &People,
) -> (ContactRow, Known) {
    // Large customers have people in other countries, who write and ring from there.
    let abroad = profile.segment == Segment::Enterprise && chance.happens(0.2);
    let place = if abroad { Place::draw(chance) } else { profile.place };
    let zone = if abroad { chance.pick(place.zones) } else { profile.zone };
    let locale = chance.weighted(place.locales);
    let person = Person::in_place(chance, place);
    let mailbox = person.mailbox();
    let taken = people.known.iter().any(|known| known.person.mailbox() == mailbox);
    let number_if_taken = if taken { number.to_string() } else { String::new() };
    let email = format!("{mailbox}{number_if_taken}@{}", profile.firm.domain);
    let has_email = chance.happens(0.97);
    let has_phone = chance.happens(0.75);
    let phone = place.phone(chance);
    let consent = chance.weighted(&[
        (Consent::Contractual, 0.55),
        (Consent::Granted, 0.25),
        (Consent::Unknown, 0.14),
        (Consent::OptedOut, 0.06),
    ]);
    let opted_out_at = (consent == Consent::OptedOut).then(|| {
        let day = chance.between(profile.starts.max(-400), -2).min(-1);
        calendar.moment(day, chance.between(25_000, 64_000))
    });
    let id = format!("C-{:06}-{number}", profile.index);
    let row = ContactRow {
        account: profile.id(),
        email: has_email.then_some(email),
        first: person.first.clone(),
        last: person.last.clone(),
        title: chance.happens(0.9).then(|| chance.pick(titles(role)).to_owned()),
        role,
        phone: phone.clone().filter(|_| has_phone),
        locale: chance.happens(0.93).then(|| locale.to_owned()),
        time_zone: chance.happens(0.85).then(|| zone.to_owned()),
        consent,
        opted_out_at,
    };
    let known =
        Known { id, person, role, email: row.email.clone(), phone, language: Language::of(locale) };
    (row, known)
}

const fn titles(role: ContactRole) -> &'static [&'static str] {
    match role {
        ContactRole::Champion => &["Head of Operations", "Operations Manager", "Director of Data"],
        ContactRole::EconomicBuyer => &["CFO", "Head of Procurement", "VP Finance"],
        ContactRole::ExecSponsor => &["COO", "Chief Digital Officer", "VP Operations"],
        ContactRole::Admin => &["Systems Administrator", "IT Manager", "Platform Owner"],
        ContactRole::User => &["Analyst", "Planner", "Team Lead", "Coordinator"],
    }
}
