//! Tests of the approval's state machine, and of the last check before a message leaves.

use jiff::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::{
    contact::{Consent, Contact, ContactRole},
    draft::{Attachment, Author, Letter},
    id::{ContentId, UserId},
    intent::{Channel, MessageClass, Recipient},
    killswitch::{Kill, Scope},
    message::{Clearance, Message, MessageStatus, Outgoing, Refusal},
    verdict::Occasion,
};

const POLICY: &str = "policy-1";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn judgement(verdict: Verdict) -> Judgement {
    Judgement {
        occasion: Occasion::Draft,
        verdict,
        policy: POLICY.to_owned(),
        matched: Vec::new(),
        evaluated: 1,
    }
}

fn letter() -> Letter {
    Letter {
        recipient: Recipient {
            contact: ContactId::from_uuid(Uuid::from_u128(1)),
            name: "Ann Example".to_owned(),
            address: "ann@customer.example".to_owned(),
            role: ContactRole::Champion,
        },
        channel: Channel::Email,
        class: MessageClass::Relationship,
        subject: "Hello".to_owned(),
        body: "Dear Ann".to_owned(),
        attachments: Vec::new(),
    }
}

fn version(number: i64, verdict: Verdict, findings: Vec<Finding>) -> Version {
    let content = ContentId::from_uuid(Uuid::from_u128(u128::try_from(number).unwrap()));
    Version {
        number,
        author: Author::Offline { prompt: "p".to_owned(), prompt_hash: "h".to_owned() },
        content,
        binding: Binding::of(content, &letter(), POLICY),
        judgement: judgement(verdict),
        findings,
        confidence: None,
        tokens: 0,
        instruction: None,
        at: at(0),
    }
}

fn approval(verdict: Verdict, findings: Vec<Finding>) -> Approval {
    Approval {
        id: ApprovalId::from_uuid(Uuid::from_u128(2)),
        run: RunId::from_uuid(Uuid::from_u128(3)),
        step: "write".to_owned(),
        playbook: "renewal".to_owned(),
        account: AccountId::from_uuid(Uuid::from_u128(4)),
        contact: letter().recipient.contact,
        channel: letter().channel,
        action: ActionName::SendEmail,
        risk: Severity::Low,
        team: Team::Csm,
        assignee: None,
        queued_at: at(0),
        due_at: at(1000),
        state: ApprovalState::Waiting { snoozed_until: None },
        revision: 0,
        version: version(1, verdict, findings),
    }
}

fn person(number: u128) -> Actor {
    Actor::User { id: UserId::from_uuid(Uuid::from_u128(number)) }
}

/// What may be done to an approval, by number.
fn act(approval: &mut Approval, what: u8, when: i64) -> bool {
    let seen = approval.version.binding.clone();
    match what % 8 {
        0 => approval.approve(person(9), at(when), &seen, &judgement(Verdict::Review)).is_ok(),
        1 => approval.approve_by_policy(at(when)).is_ok(),
        2 => approval.reject(person(9), at(when), RejectReason::Tone, String::new()).is_ok(),
        3 => approval.redraft("shorter".to_owned()).is_ok(),
        4 => {
            let next = version(approval.version.number + 1, Verdict::Review, Vec::new());
            approval.revise(next).is_ok()
        }
        5 => approval.snooze(at(when + 10)).is_ok(),
        6 => approval.expire(at(when)).is_ok(),
        _ => approval.withdraw(at(when)).is_ok(),
    }
}

proptest! {
    #[test]
    fn a_settled_approval_never_changes(acts in proptest::collection::vec(any::<u8>(), 1..30)) {
        let mut approval = approval(Verdict::Review, Vec::new());
        let mut settled = None;
        for (when, what) in acts.into_iter().enumerate() {
            let done = act(&mut approval, what, i64::try_from(when).unwrap());
            match &settled {
                Some(state) => {
                    prop_assert!(!done, "something was done to a settled approval");
                    prop_assert_eq!(&approval.state, state);
                }
                None if !matches!(
                    approval.state,
                    ApprovalState::Waiting { .. } | ApprovalState::Redrafting { .. }
                ) => settled = Some(approval.state.clone()),
                None => {}
            }
        }
    }

    #[test]
    fn any_change_of_the_letter_is_another_binding(field in 0..8_u8, extra in "[a-z]{1,9}") {
        let content = ContentId::from_uuid(Uuid::from_u128(1));
        let before = Binding::of(content, &letter(), POLICY);
        let mut changed = letter();
        let mut policy = POLICY.to_owned();
        match field {
            0 => changed.recipient.name.push_str(&extra),
            1 => changed.recipient.address.push_str(&extra),
            2 => changed.subject.push_str(&extra),
            3 => changed.body.push_str(&extra),
            4 => changed.class = MessageClass::Commercial,
            5 => changed.channel = Channel::Webhook,
            6 => changed.attachments.push(Attachment { name: extra, sha256: "0".to_owned() }),
            _ => policy.push_str(&extra),
        }
        prop_assert_ne!(before, Binding::of(content, &changed, &policy));
    }
}

#[test]
fn nobody_approves_what_policy_forbids_or_a_check_blocks() {
    let seen = version(1, Verdict::Review, Vec::new()).binding;
    let mut forbidden = approval(Verdict::Review, Vec::new());
    let refused = forbidden.approve(person(9), at(1), &seen, &judgement(Verdict::Forbid));
    assert!(matches!(refused, Err(DecideError::Forbidden { .. })));
    let leak = Finding {
        code: "leak".to_owned(),
        detail: "a secret".to_owned(),
        blocking: true,
        place: None,
    };
    let mut blocked = approval(Verdict::Allow, vec![leak]);
    let refused = blocked.approve(person(9), at(1), &seen, &judgement(Verdict::Review));
    assert!(matches!(refused, Err(DecideError::Forbidden { .. })));
    assert!(blocked.approve_by_policy(at(1)).is_err());
    assert!(approval(Verdict::Review, Vec::new()).approve_by_policy(at(1)).is_err());
}

/// A message that was approved, and everything the last check looks at.
struct Sending {
    approval: Approval,
    message: Message,
    letter: Letter,
    contact: Contact,
    kills: Vec<Kill>,
    judgement: Judgement,
}

impl Sending {
    fn new() -> Self {
        let mut approval = approval(Verdict::Review, Vec::new());
        let seen = approval.version.binding.clone();
        let approved =
            approval.approve(person(9), at(1), &seen, &judgement(Verdict::Review)).unwrap();
        let outgoing = Outgoing::new(approved);
        let message = Message {
            id: outgoing.id(),
            approval: outgoing.approval(),
            run: outgoing.run(),
            step: outgoing.step().to_owned(),
            account: outgoing.account(),
            contact: outgoing.contact(),
            channel: outgoing.channel(),
            content: outgoing.content(),
            binding: outgoing.binding().clone(),
            status: MessageStatus::Sending,
            attempts: 1,
            next_at: at(1),
            note: String::new(),
            queued_at: at(1),
            settled_at: None,
            token: 1,
        };
        let contact = Contact {
            id: letter().recipient.contact,
            account: approval.account,
            source: "crm".to_owned(),
            source_id: "1".to_owned(),
            email: Some(letter().recipient.address),
            first: "Ann".to_owned(),
            last: "Example".to_owned(),
            title: None,
            role: ContactRole::Champion,
            phone: None,
            locale: None,
            time_zone: None,
            consent: Consent::Granted,
            opted_out_at: None,
            bounced_at: None,
        };
        let judgement = judgement(Verdict::Review);
        Self { approval, message, letter: letter(), contact, kills: Vec::new(), judgement }
    }

    fn check(&self) -> Result<(), Refusal> {
        Clearance {
            message: &self.message,
            letter: &self.letter,
            approval: &self.approval,
            version: &self.approval.version,
            contact: &self.contact,
            kills: &self.kills,
            judgement: &self.judgement,
        }
        .check()
        .map(|_| ())
    }
}

#[test]
fn gv_18_the_last_check_lets_through_what_was_approved_and_nothing_else() {
    let refused = |change: fn(&mut Sending)| {
        let mut sending = Sending::new();
        change(&mut sending);
        sending.check().unwrap_err()
    };
    assert_eq!(Sending::new().check(), Ok(()));
    assert!(matches!(
        refused(|s| s.approval.state = ApprovalState::Waiting { snoozed_until: None }),
        Refusal::NoGrant(_)
    ));
    assert!(matches!(
        refused(|s| s.approval.id = ApprovalId::from_uuid(Uuid::from_u128(77))),
        Refusal::NoGrant(_)
    ));
    assert_eq!(refused(|s| s.letter.body.push('!')), Refusal::Altered);
    let elsewhere =
        |s: &mut Sending| "else@customer.example".clone_into(&mut s.letter.recipient.address);
    assert_eq!(refused(elsewhere), Refusal::Altered);
    assert!(matches!(refused(|s| s.contact.consent = Consent::OptedOut), Refusal::Consent(_)));
    assert!(matches!(refused(|s| s.contact.opted_out_at = Some(at(2))), Refusal::Consent(_)));
    assert!(matches!(refused(|s| s.contact.bounced_at = Some(at(2))), Refusal::Address(_)));
    assert!(matches!(refused(|s| s.contact.email = None), Refusal::Address(_)));
    assert!(matches!(refused(|s| s.judgement.verdict = Verdict::Forbid), Refusal::Policy(_)));
    let by_policy = |s: &mut Sending| {
        if let ApprovalState::Approved { by, .. } = &mut s.approval.state {
            *by = Actor::Policy;
        }
    };
    assert!(matches!(refused(by_policy), Refusal::Policy(_)), "policy does not allow it alone now");
}

#[test]
fn gv_04_a_kill_holds_exactly_what_its_scope_covers() {
    let held = |scope: Scope| {
        let mut sending = Sending::new();
        sending.kills.push(Kill { scope, by: person(1), at: at(0), reason: "drill".to_owned() });
        match sending.check() {
            Ok(()) => false,
            Err(refusal) => {
                assert!(refusal.holds(), "{refusal}");
                true
            }
        }
    };
    assert!(held(Scope::All));
    assert!(held(Scope::Playbook("renewal".to_owned())));
    assert!(!held(Scope::Playbook("onboarding".to_owned())));
    assert!(held(Scope::Action(ActionName::SendEmail)));
    assert!(!held(Scope::Action(ActionName::SendSurvey)));
    assert!(held(Scope::Account(AccountId::from_uuid(Uuid::from_u128(4)))));
    assert!(!held(Scope::Account(AccountId::from_uuid(Uuid::from_u128(5)))));
}
