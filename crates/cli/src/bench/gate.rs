//! The gate of workload W1: what waits for the person outside, and how they let it pass.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::arguments::GateKind;

/// The playbook's name.
pub const PLAYBOOK: &str = "bench-w1";
/// The kind of signal that starts it.
pub const SIGNAL: &str = "bench.started";
/// The step at which a run waits.
pub const STEP: &str = "gate";
/// The step that begins once the gate is open.
pub const NEXT: &str = "four";
/// Steps of a run, without the gate.
pub const STEPS: u32 = 5;

const HEAD: &str = r"playbook: bench-w1
title: Workload W1
owner: bench@example.com
stage: crawl
goal: adoption
kind: reactive
objective: Five durable steps with one approval from outside between the third and the fourth.
duration: { weeks: [1, 1] }
metrics: [health_score]
pitfalls:
  - Reading a figure without the machine's own limits beside it.
trigger:
  on: event
  signal: bench.started
steps:
";

const TASK: &str = r#"  - id: gate
    human_task:
      for: csm
      title: "Let {{ account.name }} pass"
      due: 30d
"#;

const LETTER: &str = r"  - id: gate
    timeout: 30d
    send_email:
      to: champion
      class: transactional
      asset: note
      prompt: outreach
";

const NOTE: &str = r#"---
kind: email_template
subject: "A short note for {{ account.name }}"
---
Hello {{ contact.first }},

this is a short note about {{ account.name }}. It asks nothing of you.

Kind regards
Customer Success
"#;

/// The playbook's files: five internal steps that policy judges and whose effect is written in the
/// run's own transaction, with the gate after the third. The field they set holds that value
/// already, so that no step raises a signal of its own.
pub fn playbook(gate: GateKind) -> Vec<(String, String)> {
    let mut text = HEAD.to_owned();
    let steps = ["one", "two", "three", STEP, NEXT, "five"];
    for step in steps {
        if step == STEP {
            text.push_str(match gate {
                GateKind::Task => TASK,
                GateKind::Letter => LETTER,
            });
        } else {
            // Writing to a String cannot fail.
            let _infallible =
                writeln!(text, "  - id: {step}\n    update_field: {{ lifecycle: adoption }}");
        }
    }
    let mut files = vec![(format!("{PLAYBOOK}.yaml"), text)];
    if gate == GateKind::Letter {
        files.push((format!("{PLAYBOOK}/note.md"), NOTE.to_owned()));
    }
    files
}

/// Something that waits at the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its id.
    pub id: String,
    /// The run that waits for it.
    pub run: String,
    /// The fingerprint of what the person sees; empty for a task.
    pub binding: String,
}

/// A page of what waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// What waits.
    pub items: Vec<Waiting>,
    /// Where the next page begins.
    pub next: Option<String>,
}

#[derive(Deserialize)]
struct Tasks {
    items: Vec<Task>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Task {
    id: String,
    run: String,
    step: String,
}

#[derive(Deserialize)]
struct Queue {
    items: Vec<Line>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Line {
    approval: Approval,
}

#[derive(Deserialize)]
struct Approval {
    id: String,
    run: String,
    version: Version,
}

#[derive(Deserialize)]
struct Version {
    binding: String,
}

#[derive(Serialize)]
struct Approve<'a> {
    binding: &'a str,
}

/// Where to read what waits.
pub fn list(gate: GateKind, cursor: Option<&str>) -> String {
    let mut path = match gate {
        GateKind::Task => "/v1/tasks?status=open&limit=200".to_owned(),
        GateKind::Letter => "/v1/approvals?status=waiting&sort=due&limit=200".to_owned(),
    };
    if let Some(cursor) = cursor {
        path.push_str("&cursor=");
        path.push_str(cursor);
    }
    path
}

/// Reads a page.
pub fn read(gate: GateKind, body: &[u8]) -> serde_json::Result<Shown> {
    Ok(match gate {
        GateKind::Task => {
            let page: Tasks = serde_json::from_slice(body)?;
            let items = page
                .items
                .into_iter()
                .filter(|task| task.step == STEP)
                .map(|task| Waiting { id: task.id, run: task.run, binding: String::new() })
                .collect();
            Shown { items, next: page.next }
        }
        GateKind::Letter => {
            let page: Queue = serde_json::from_slice(body)?;
            let items = page
                .items
                .into_iter()
                .map(|line| Waiting {
                    id: line.approval.id,
                    run: line.approval.run,
                    binding: line.approval.version.binding,
                })
                .collect();
            Shown { items, next: page.next }
        }
    })
}

/// The request that lets one item pass: path and body.
pub fn approval(gate: GateKind, item: &Waiting) -> serde_json::Result<(String, String)> {
    Ok(match gate {
        GateKind::Task => {
            (format!("/v1/tasks/{}/finish", item.id), r#"{"outcome":"seen"}"#.to_owned())
        }
        GateKind::Letter => (
            format!("/v1/approvals/{}/approve", item.id),
            serde_json::to_string(&Approve { binding: &item.binding })?,
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_playbooks_compile_without_a_warning_and_have_their_gate_after_the_third_step() {
        for gate in [GateKind::Task, GateKind::Letter] {
            let plan = playbook::Plan::compile(&playbook(gate)).unwrap();
            assert!(plan.warnings().is_empty(), "{:?}", plan.warnings());
            assert_eq!(plan.steps.iter().position(|step| step.id == STEP), Some(3));
            assert_eq!(plan.next_after(STEP).as_deref(), Some(NEXT));
            assert_eq!(plan.steps.len(), STEPS as usize + 1);
            assert_eq!(plan.once_per, None);
        }
    }

    #[test]
    fn what_waits_is_read_from_pages_as_the_server_shows_them() {
        let tasks = br#"{"items":[{"id":"tsk_1","run":"run_1","step":"gate","title":"x"},
            {"id":"tsk_2","run":"run_2","step":"other"}],"total":2,"next":"abc"}"#;
        let shown = read(GateKind::Task, tasks).unwrap();
        assert_eq!(shown.items.len(), 1);
        assert_eq!(shown.next.as_deref(), Some("abc"));
        let (path, _) = approval(GateKind::Task, &shown.items[0]).unwrap();
        assert_eq!(path, "/v1/tasks/tsk_1/finish");
        let queue = br#"{"items":[{"approval":{"id":"apv_1","run":"run_1","version":
            {"binding":"ff"}},"account_name":"x"}],"total":1,"next":null}"#;
        let shown = read(GateKind::Letter, queue).unwrap();
        let (path, body) = approval(GateKind::Letter, &shown.items[0]).unwrap();
        assert_eq!(path, "/v1/approvals/apv_1/approve");
        assert_eq!(body, r#"{"binding":"ff"}"#);
    }
}
