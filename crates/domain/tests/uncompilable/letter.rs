//! A ticket's text as the text of a letter.

use domain::{
    draft::Letter,
    intent::{Channel, MessageClass, Recipient},
    snapshot::TicketBrief,
};

fn answer(ticket: TicketBrief, recipient: Recipient) -> Letter {
    Letter {
        recipient,
        channel: Channel::Email,
        class: MessageClass::Relationship,
        subject: "Your message".to_owned(),
        body: ticket.body,
        attachments: Vec::new(),
    }
}

fn main() {}
