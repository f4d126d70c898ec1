//! The crate through its public surface.

pub(crate) mod fixture;
mod landing;
mod lint;
mod rewind;
mod robustness;
mod run;
mod shipped;

/// A playbook that is in order, to be broken by tests.
const SOUND: &str = r#"playbook: small
title: Small
owner: cs-ops@example.com
stage: crawl
goal: adoption
kind: proactive
objective: People use it.
duration: { weeks: [1, 2] }
metrics: [adoption_rate]
pitfalls: [Too many letters.]
trigger: { on: manual }
steps:
  - id: assess
    route_risk: { prompt: route-risk }
  - id: letter
    if: steps.assess.severity != "high"
    send_email: { to: champion, class: relationship, asset: hello, prompt: outreach }
  - id: reply
    wait_for: { signal: email.replied, up_to: 5d }
  - id: fork
    branch:
      - { if: steps.reply.outcome == "received", go_to: end }
      - { go_to: call }
  - id: call
    human_task: { for: csm, title: "Call {{ account.name }}", asset: script, due: 2d }
"#;

const HELLO: &str = "---\nkind: email_template\nsubject: Hello {{ contact.first }}\n---\nDear {{ contact.first }},\nyours{% if csm.name %} {{ csm.name }}{% endif %}\n";
const SCRIPT: &str =
    "---\nkind: call_script\n---\n# Call {{ account.name }}\n\nOpen: {{ tickets.open }}\n";

/// The files of a playbook text with the two assets it may use.
fn files(playbook: &str) -> Vec<(String, String)> {
    [("small.yaml", playbook), ("small/hello.md", HELLO), ("small/script.md", SCRIPT)]
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .to_vec()
}
