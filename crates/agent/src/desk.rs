//! One assignment on the desk: reading an answer, restoring it, checking it.

use domain::{
    clock::Clock,
    draft::{Fact, Finding, Restored, UNSUPPORTED_PROMISE},
    port::{
        Answer, Assignment, LetterTask, Reader, Route, WriteError, WriterTask, WrittenLetter,
        WrittenSummary,
    },
    untrusted::Untrusted,
};
use jiff::tz::TimeZone;
use privacy::{
    Destination, Kind, Known, Mapping, Pattern, Redacted, Redactor, Release, Rules, Unrestored,
    Validator, leak,
};

use crate::{
    answer::{self, LetterAnswer, Parsed},
    block::{self, DataBlock, Marker, Slot},
    check::{self, Support, finding},
    fact,
    model::{Call, Given},
    outside::{gathered, hidden, impersonal, known, suspicions},
    prompt::{Line, Prompt, Task},
};

/// Whether a model may read what came from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outside {
    /// As far as the task needs it.
    Shown,
    /// Not at all: the facts have to do.
    Withheld,
}

/// Everything one assignment is worked with.
pub(crate) struct Desk<'a> {
    pub(crate) task: Task,
    pub(crate) assignment: &'a Assignment,
    pub(crate) prompt: &'a Prompt,
    pub(crate) redactor: Redactor,
    pub(crate) facts: Vec<Fact>,
    /// The facts, redacted.
    pub(crate) given: Vec<Given>,
    /// Whom a letter goes to, redacted.
    pub(crate) recipient: Option<Redacted>,
    /// The playbook's objective, redacted.
    pub(crate) objective: Redacted,
    /// What came from outside, disarmed, redacted and enclosed.
    pub(crate) data: Option<DataBlock>,
    pub(crate) today: String,
    /// What the lines around data carry, which nobody outside can have written.
    pub(crate) marker: Marker,
    /// The instructions the model was given, to see whether it repeats them.
    pub(crate) system: String,
    /// Texts of ours whose addresses and links may go out.
    pub(crate) published: Vec<String>,
    /// What was found before any call.
    pub(crate) findings: Vec<Finding>,
    rules: Rules,
    known: Known,
    support: Support,
    release: Release,
}

/// An answer, what the checks found in it, and what was put back for placeholders.
pub(crate) type Reading = (Answer, Vec<Finding>, Vec<Restored>);

impl<'a> Desk<'a> {
    /// Gathers facts and outside text, and redacts them, with the numbers given out so far.
    pub(crate) fn open(
        task: Task,
        assignment: &'a Assignment,
        prompt: &'a Prompt,
        (outside, mapping): (Outside, Mapping),
        clock: &dyn Clock,
    ) -> Result<Self, WriteError> {
        let patterns = assignment.redaction.patterns.iter().map(|pattern| Pattern {
            kind: pattern.kind.clone(),
            expression: pattern.expression.clone(),
            words: pattern.words.clone(),
            validator: pattern.validator.as_deref().and_then(Validator::named),
        });
        let seen = assignment.redaction.seen.iter().map(String::as_str);
        let rules = Rules::new(patterns, seen)
            .map_err(|err| WriteError::Refused(format!("redaction rule cannot be used: {err}")))?;
        let letter = match &assignment.task {
            WriterTask::Letter(letter) => Some(letter.as_ref()),
            WriterTask::Route | WriterTask::Summary => None,
        };
        let recipient = letter.map(|letter| &letter.recipient);
        let known = known(&assignment.snapshot, recipient);
        let hidden = hidden(&assignment.snapshot, recipient, &assignment.strangers);
        let mut redactor = Redactor::resume(rules.clone(), hidden, mapping);
        // Whoever is written to is the first person the model hears of.
        let recipient = letter.map(|letter| {
            redactor.redact(&format!("{}, {}", letter.recipient.name, letter.recipient.role))
        });
        let facts = fact::of(
            task,
            &assignment.snapshot,
            letter.map(|letter| letter.recipient.name.as_str()),
        );
        let given: Vec<Given> = facts
            .iter()
            .map(|known| Given {
                id: known.fact.id.clone(),
                key: known.key,
                label: known.label,
                value: redactor.redact(&known.fact.value),
            })
            .collect();
        let facts: Vec<Fact> = facts.into_iter().map(|known| known.fact).collect();
        let today = assignment.snapshot.at.to_zoned(TimeZone::UTC).date().to_string();
        let mut support = Support::of(&facts, &today);
        let gathered = gathered(task, assignment, letter);
        let findings = suspicions(&gathered, &assignment.results).into_iter().collect();
        let text = gathered.for_a_data_block();
        let previous = letter
            .and_then(|letter| letter.previous.as_ref())
            .map(|(subject, body)| Untrusted::new(format!("Subject: {subject}\n\n{body}")));
        let mut texts = Vec::new();
        if let Some(previous) = &previous {
            texts.push(("The draft so far:", previous));
        }
        if outside == Outside::Shown {
            if task == Task::Letter {
                support.quote(text);
            } else {
                support.vouch(text);
            }
            if !text.is_empty() {
                texts.push(("What came from the customer:", &gathered));
            }
        }
        let marker = Marker::new(clock);
        let data = (!texts.is_empty()).then(|| DataBlock::of(&texts, &marker, &mut redactor));
        Ok(Self {
            data,
            objective: redactor.redact(&assignment.objective),
            marker,
            system: String::new(),
            published: Vec::new(),
            findings,
            task,
            assignment,
            prompt,
            redactor,
            facts,
            given,
            recipient,
            today,
            rules,
            known,
            support,
            release: release(assignment)?,
        })
    }

    /// Redacts a text of ours whose numbers a draft may use.
    pub(crate) fn vouched(&mut self, text: &str) -> Redacted {
        self.support.vouch(text);
        self.redactor.redact(text)
    }

    /// The facts as prompts list them.
    pub(crate) fn lines(&self) -> Vec<Line<'_>> {
        self.facts
            .iter()
            .zip(&self.given)
            .map(|(fact, given)| Line {
                id: &given.id,
                label: given.label,
                value: Slot::line(&given.value),
                source: &fact.source,
            })
            .collect()
    }

    /// Redacts a rendered prompt. Fails, so that nothing is sent, if its data block is not whole.
    pub(crate) fn enclose(&mut self, prompt: &str, name: &str) -> Result<Redacted, WriteError> {
        block::assemble(prompt, &self.marker, &mut self.redactor).ok_or_else(|| {
            WriteError::Template {
                what: "prompt",
                name: name.to_owned(),
                why: "the data block does not stand there whole, and once".to_owned(),
            }
        })
    }

    /// The same call, with what was wrong with the answer.
    pub(crate) fn repair(&mut self, call: &Call, complaint: &str) -> Call {
        let complaint = self.redactor.assemble(&format!(
            "\nYour previous answer could not be used: {complaint}.\nAnswer again, with one JSON object of the form asked for.",
        ));
        Call { user: Redacted::lines(&[call.user.clone(), complaint]), ..call.clone() }
    }

    /// Reads, restores and checks an answer. The error says why it cannot be used.
    pub(crate) fn read(&self, text: &str) -> Result<Reading, String> {
        let mut findings = Vec::new();
        let mut restored = Vec::new();
        let answer = match (answer::parse(self.task, text)?, &self.assignment.task) {
            (Parsed::Letter(letter), WriterTask::Letter(task)) => {
                Answer::Letter(self.letter(letter, task, &mut findings, &mut restored))
            }
            (Parsed::Route(route), _) => {
                let reasons: Vec<String> = route
                    .reasons
                    .iter()
                    .map(|reason| {
                        let to = Destination::Colleague;
                        let reason = self.restore(reason, to, &mut findings, &mut restored);
                        reason.chars().take(500).collect()
                    })
                    .collect();
                let cited = |reason: &String| {
                    self.facts.iter().any(|fact| {
                        reason.split(|c: char| !c.is_alphanumeric()).any(|word| word == fact.id)
                    })
                };
                if !reasons.iter().all(cited) {
                    findings.push(finding(
                        "uncited-reason",
                        "a reason names no fact it rests on",
                        false,
                    ));
                }
                Answer::Route(Route {
                    category: route.category,
                    severity: route.severity,
                    owner: route.owner,
                    reasons,
                    confidence: route.confidence,
                })
            }
            (Parsed::Summary(answer), _) => {
                self.numbers(&answer.summary, false, &mut findings);
                let to = Destination::Colleague;
                let summary = self.restore(&answer.summary, to, &mut findings, &mut restored);
                self.leaks(&summary, &mut findings);
                Answer::Summary(WrittenSummary { summary })
            }
            (Parsed::Letter(_), _) => {
                return Err("it is a letter, which was not asked for".to_owned());
            }
        };
        Ok((answer, findings, restored))
    }

    fn letter(
        &self,
        letter: LetterAnswer,
        task: &LetterTask,
        findings: &mut Vec<Finding>,
        restored: &mut Vec<Restored>,
    ) -> WrittenLetter {
        let one_line = letter.subject.split_whitespace().collect::<Vec<_>>().join(" ");
        self.numbers(&format!("{one_line}\n{}", letter.body), true, findings);
        let to = Destination::Outward;
        let subject = self.restore(&one_line, to, findings, restored);
        let body = self.restore(letter.body.trim(), to, findings, restored);
        let whole = format!("{subject}\n{body}");
        self.leaks(&whole, findings);
        let blanks = check::blanks(&whole);
        if blanks > 0 {
            let detail = format!("{blanks} blanks are left to be filled in");
            findings.push(finding("placeholder", detail, true));
        }
        let ours: String = self.published.join("\n");
        if let Some(word) = check::promise(&whole, &ours) {
            let detail = format!("the text speaks of `{word}`, and the asset does not");
            findings.push(finding(UNSUPPORTED_PROMISE, detail, false));
        }
        let foreign = check::links(&whole).into_iter().filter(|link| !ours.contains(link)).count();
        if foreign > 0 {
            findings.push(finding(
                "unknown-link",
                format!("{foreign} links are not in the asset"),
                true,
            ));
        }
        match (subject.chars().count(), body.chars().count()) {
            (0, _) => findings.push(finding("empty", "the subject is empty", true)),
            (_, 0) => findings.push(finding("empty", "the text is empty", true)),
            (n, _) if n > check::SUBJECT => {
                let detail = format!("the subject has {n} characters, at most {}", check::SUBJECT);
                findings.push(finding("too-long", detail, true));
            }
            (_, n) if n > check::BODY => {
                let detail = format!("the text has {n} characters, at most {}", check::BODY);
                findings.push(finding("too-long", detail, true));
            }
            _ => {}
        }
        if !check::greets(&body, &task.recipient.name) {
            findings.push(finding("greeting", "the first line does not name the recipient", false));
        }
        let known = |id: &String| self.facts.iter().any(|fact| fact.id == *id);
        WrittenLetter {
            subject,
            body,
            used: letter.used_facts.into_iter().filter(known).collect(),
            confidence: letter.confidence,
        }
    }

    /// Puts originals back; what cannot be is a finding. Notes what was put back.
    fn restore(
        &self,
        text: &str,
        to: Destination,
        findings: &mut Vec<Finding>,
        notes: &mut Vec<Restored>,
    ) -> String {
        let restored = self.redactor.release(text, to, &self.release);
        for used in restored.used {
            let count = u32::try_from(used.count).unwrap_or(u32::MAX);
            note(notes, used.placeholder, Some(used.kind.to_string()), count, Some(used.original));
        }
        for unrestored in restored.unrestored {
            let (placeholder, kind, detail) = match unrestored {
                Unrestored::Unknown { placeholder } => {
                    let detail =
                        format!("`{placeholder}` stands for nothing, the writer invented it");
                    (placeholder, None, detail)
                }
                Unrestored::Withheld { placeholder, kind } if kind.may_go_out() => {
                    let detail =
                        format!("`{placeholder}` stands for a {kind}, which policy keeps back");
                    (placeholder, Some(kind.to_string()), detail)
                }
                Unrestored::Withheld { placeholder, kind } => {
                    let detail =
                        format!("`{placeholder}` stands for a {kind}, which never goes out");
                    (placeholder, Some(kind.to_string()), detail)
                }
            };
            note(notes, placeholder, kind, 1, None);
            findings.push(finding("placeholder", detail, true));
        }
        restored.text
    }

    /// Looks for numbers nothing vouches for.
    fn numbers(&self, text: &str, blocking: bool, findings: &mut Vec<Finding>) {
        let rest = impersonal(text, &self.rules, &self.known);
        for number in self.support.unsupported(&rest) {
            let detail = format!("`{number}` stands in no fact, nor in the asset");
            findings.push(finding("unsupported-number", detail, blocking));
        }
    }

    fn leaks(&self, text: &str, findings: &mut Vec<Finding>) {
        let published: Vec<&str> = self.published.iter().map(String::as_str).collect();
        for leak in leak::scan(text, &self.rules, &self.known, &published) {
            let detail = format!(
                "line {} holds a {} that is not this account's to see",
                leak.line, leak.kind
            );
            findings.push(finding("leak", detail, true));
        }
        if self.marker.is_in(text) || check::repeats(text, &self.system, &published.join("\n")) {
            findings.push(finding("leak", "the text repeats parts of the prompt", true));
        }
    }
}

/// Counts a placeholder that was met again, or begins to.
fn note(
    notes: &mut Vec<Restored>,
    placeholder: String,
    kind: Option<String>,
    count: u32,
    value: Option<String>,
) {
    match notes.iter_mut().find(|note| note.placeholder == placeholder) {
        Some(note) => note.count += count,
        None => notes.push(Restored { placeholder, kind, count, value }),
    }
}

/// What policy says of putting originals back.
fn release(assignment: &Assignment) -> Result<Release, WriteError> {
    let mut release = Release::default();
    for entry in &assignment.releases {
        let kind = Kind::named(&entry.kind).map_err(|err| WriteError::Refused(err.to_string()))?;
        release = match (entry.to, entry.allow) {
            (Reader::Customer, false) => release.withhold(kind, Destination::Outward),
            (Reader::Colleague, false) => release.withhold(kind, Destination::Colleague),
            (Reader::Colleague, true) => release.show_colleagues(kind),
            // Everything may that is not withheld; what never goes out does not, whatever is said.
            (Reader::Customer, true) => release,
        };
    }
    Ok(release)
}
