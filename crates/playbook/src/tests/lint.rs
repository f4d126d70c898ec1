//! What the lint refuses, where it points, and what it suggests.

use notation::Level;
use serde_json::Value;

use super::{HELLO, SOUND, files, shipped};
use crate::Plan;

fn broken(from: &str, to: &str) -> String {
    assert!(SOUND.contains(from), "`{from}` is not in the sound playbook");
    refused(&SOUND.replacen(from, to, 1))
}

fn refused(text: &str) -> String {
    Plan::compile(&files(text)).expect_err(text).to_string()
}

fn warned(text: &str) -> Vec<String> {
    let plan = Plan::compile(&files(text)).unwrap_or_else(|errors| panic!("{errors}"));
    plan.warnings().iter().map(|warning| warning.message.clone()).collect()
}

#[test]
fn the_sound_playbook_is_sound() {
    assert_eq!(warned(SOUND), Vec::<String>::new());
}

#[test]
fn pb_02_a_playbook_without_one_of_the_five_is_refused() {
    for (key, line) in [
        ("trigger", "trigger: { on: manual }\n"),
        ("objective", "objective: People use it.\n"),
        ("metrics", "metrics: [adoption_rate]\n"),
        ("pitfalls", "pitfalls: [Too many letters.]\n"),
    ] {
        let errors = broken(line, "");
        assert!(errors.contains(&format!("missing key `{key}`")), "{errors}");
    }
    let steps = SOUND.split_once("steps:").unwrap();
    let errors = refused(steps.0);
    assert!(errors.contains("missing key `steps`"), "{errors}");
    for (from, to, message) in [
        ("[adoption_rate]", "[]", "`metrics` is empty"),
        ("[Too many letters.]", "[\"\"]", "`pitfalls` is empty"),
        ("People use it.", "\"  \"", "`objective` is empty"),
    ] {
        assert!(broken(from, to).contains(message), "{message}");
    }
    assert!(refused(&format!("{}steps: []\n", steps.0)).contains("`steps` is empty"));
}

#[test]
fn pb_02_all_that_is_missing_is_named_at_once() {
    let errors = Plan::compile(&files("playbook: small\n")).unwrap_err();
    let missing: Vec<&str> = errors
        .as_slice()
        .iter()
        .filter_map(|error| error.message.strip_prefix("missing key "))
        .collect();
    assert_eq!(
        missing,
        [
            "`duration`",
            "`goal`",
            "`kind`",
            "`metrics`",
            "`objective`",
            "`owner`",
            "`pitfalls`",
            "`stage`",
            "`steps`",
            "`title`",
            "`trigger`"
        ]
    );
}

#[test]
fn every_error_is_shown_at_its_place() {
    let text = SOUND
        .replace("owner: cs-ops@example.com", "owner: \"\"")
        .replace("!= \"high\"", "!= \"hihg\"")
        .replace("asset: hello", "asset: helo")
        .replace("go_to: call", "go_to: assess")
        .replace("account.name", "acount.name")
        .replace("up_to: 5d", "up_to: 5d }\n    wait: 2d #");
    insta::assert_snapshot!(refused(&text), @r#"
    error: `owner` is empty
     --> small.yaml:3:8
      |
    3 | owner: ""
      |        ^^
      = help: name who answers for it, as a mail address

    error: this is never "hihg"
      --> small.yaml:16:34
       |
    16 |     if: steps.assess.severity != "hihg"
       |                                  ^^^^^^
       = help: did you mean `high`?

    error: there is no asset `helo`
      --> small.yaml:17:61
       |
    17 |     send_email: { to: champion, class: relationship, asset: helo, prompt: outreach }
       |                                                             ^^^^
       = help: did you mean `hello`?

    error: step does two things: `wait_for` and `wait`
      --> small.yaml:20:11
       |
    20 |     wait: 2d # }
       |           ^^
       = help: make two steps of it

    error: step `assess` does not lie ahead
      --> small.yaml:24:18
       |
    24 |       - { go_to: assess }
       |                  ^^^^^^
       = help: a branch only goes forward, so that every run ends

    error: variable `acount` is not defined. Available variables: account, contact, contract, signal, steps, survey, tickets, usage
      --> small.yaml:26:45
       |
    26 |     human_task: { for: csm, title: "Call {{ acount.name }}", asset: script, due: 2d }
       |                                             ^^^^^^
    "#);
}

#[test]
fn unknown_keys_are_refused_wherever_they_are() {
    for (from, to, line) in [
        ("title: Small", "title: Small\ntitel: x", 3),
        ("{ on: manual }", "{ on: manual, whne: 'true' }", 11),
        ("prompt: route-risk", "prompt: route-risk, modle: x", 14),
        ("asset: hello", "asset: hello, bcc: x", 17),
        ("go_to: call", "go_to: call, goto: x", 23),
        ("weeks: [1, 2]", "weeks: [1, 2], days: 3", 8),
        ("  - id: reply", "  - id: reply\n    iff: x", 19),
    ] {
        let errors = broken(from, to);
        assert!(errors.contains("unknown key"), "{errors}");
        assert!(errors.contains(&format!("small.yaml:{line}:")), "{errors}");
    }
}

#[test]
fn what_does_not_fit_together_is_refused() {
    for (from, to, message) in [
        ("playbook: small", "playbook: Small_One", "name of the playbook is not in kebab-case"),
        ("playbook: small", "playbook: other", "playbook is called `other`, its file `small`"),
        ("stage: crawl", "stage: crwal", "`crwal` is not a word that is known here"),
        ("[adoption_rate]", "[adoption]", "`adoption` is not a word that is known here"),
        ("[1, 2]", "[3, 2]", "3 to 2 weeks is no duration"),
        ("[1, 2]", "[0, 2]", "0 to 2 weeks is no duration"),
        ("{ on: manual }", "{ on: lifecycle }", "this kind of trigger needs `enters`"),
        ("{ on: manual }", "{ on: lifecycle, enters: launch }", "`launch` is not a word"),
        ("{ on: manual }", "{ on: event }", "this kind of trigger needs `signal`"),
        ("{ on: manual }", "{ on: event, signal: dropped }", "`dropped` is no signal"),
        ("{ on: manual }", "{ on: schedule }", "this kind of trigger needs `cron`"),
        ("{ on: manual }", "{ on: schedule, cron: '@daily' }", "schedule has 1 fields"),
        ("{ on: manual }", "{ on: schedule, cron: '0 0 6 * * *' }", "schedule has 6 fields"),
        ("{ on: manual }", "{ on: schedule, cron: '61 * * * *' }", "schedule cannot be read"),
        ("{ on: manual }", "{ on: schedule, cron: '0 0 30 2 *' }", "schedule never ticks"),
        (
            "{ on: manual }",
            "{ on: schedule, cron: '0 6 * * *', zone: Europe/Berln }",
            "there is no time zone `Europe/Berln`",
        ),
        ("{ on: manual }", "{ on: manual, cron: '0 6 * * *' }", "`cron` does not belong"),
        ("id: reply", "id: letter", "there are two steps `letter`"),
        ("id: reply", "id: end", "`end` is where a branch goes to stop"),
        ("id: reply", "id: \"two words\"", "id of the step is no name"),
        ("go_to: call", "go_to: cal", "there is no step `cal`"),
        ("go_to: call", "go_to: fork", "step `fork` does not lie ahead"),
        ("steps.assess.severity", "steps.call.note", "step `call` has not run yet here"),
        ("steps.assess.severity", "steps.letter.outcome", "step `letter` has not run yet here"),
        ("steps.assess.severity", "steps.asses.severity", "there is no `asses` here"),
        ("!= \"high\"", "!= 3", "`!=` does not work between string and int"),
        ("== \"received\"", "== \"recieved\"", "this is never \"recieved\""),
        ("asset: hello", "asset: script", "`script` is a call_script, this step sends a letter"),
        ("to: champion", "to: chmpion", "`chmpion` is not one of"),
        ("to: champion", "to: []", "names no contact role"),
        ("class: relationship", "class: friendly", "`friendly` is not a word"),
        ("due: 2d", "due: 1s", "time must be 5m to 180d"),
        ("due: 2d", "due: 2 days", "`2 days` is not a time such as 90s, 15m, 24h, 5d or 2w"),
        ("    wait_for: { signal: email.replied, up_to: 5d }\n", "", "step `reply` does nothing"),
        ("{{ account.name }}", "{{ account.name", "expected"),
        ("\"Call {{ account.name }}\"", "\"{# nothing #}\"", "text is empty"),
        ("    human_task", "    retries: 21\n    human_task", "`retries` must be 1 to 20"),
        ("prompt: outreach", "prompt: Out Reach", "name of the prompt is not in kebab-case"),
        ("title: Small", "title: Small\nsegment: account.size > 3", "there is no `size` here"),
        ("title: Small", "title: Small\nsegment: signal.kind == ''", "nothing is called `signal`"),
    ] {
        let errors = broken(from, to);
        assert!(errors.contains(message), "{from} -> {to}\n{errors}");
    }
    let meeting = "propose_meeting: { to: champion, class: relationship, asset: hello, \
                   prompt: outreach, minutes: 5, in: 3d }";
    let errors = broken("wait_for: { signal: email.replied, up_to: 5d }", meeting);
    assert!(errors.contains("`minutes` must be 15 to 120"), "{errors}");
}

#[test]
fn what_deserves_a_look_is_only_warned_of() {
    for (from, to, message) in [
        ("owner: cs-ops@example.com", "owner: Sam", "owner is not a mail address"),
        (
            "{ on: manual }",
            "{ on: schedule, cron: '0 6 * * *' }",
            "every tick starts a run for every account it applies to",
        ),
        (
            "{ on: manual }",
            "{ on: event, signal: health.droped }",
            "`health.droped` is no signal the product raises",
        ),
        ("{ on: manual }", "{ on: manual, when: 'true' }", "condition is never asked"),
        ("due: 2d", "due: 2d, up_to: 1d", "run goes on before the task is due"),
        (", asset: script", "", "no step uses this asset"),
        (
            "      - { go_to: call }",
            "      - { go_to: call }\n      - { go_to: end }",
            "arm is never reached",
        ),
    ] {
        let warnings = warned(&SOUND.replacen(from, to, 1));
        assert_eq!(warnings, [message], "{from} -> {to}");
    }
}

#[test]
fn pb_15_a_playbook_that_reaches_nobody_may_be_a_process_reference() {
    let head = SOUND.split_once("steps:").unwrap().0;
    let internal = format!("{head}steps:\n  - id: sum\n    summarize_account: {{ prompt: s }}\n");
    let only = vec![("small.yaml".to_owned(), internal.clone())];
    let plan = Plan::compile(&only).unwrap();
    assert_eq!(plan.warnings()[0].message, "no step reaches the customer or a person");
    assert_eq!(plan.warnings()[0].level, Level::Warning);
    let reference = internal
        .replace("title: Small", "title: Small\ntype: process_ref")
        .replace("metrics: [adoption_rate]\n", "");
    let plan = Plan::compile(&[("small.yaml".to_owned(), reference)]).unwrap();
    assert_eq!(plan.warnings()[0].message, "process reference names no metric");
}

#[test]
fn assets_must_render_with_and_without_everything_known() {
    for (asset, message, place) in [
        ("no front matter", "asset does not begin with front matter", "1:1"),
        ("---\nkind: poem\n---\nx", "`poem` is not a word that is known here", "2:7"),
        ("---\nkind: guide\nauthor: x\n---\nx", "unknown key `author`", "3:1"),
        ("---\nkind: email_template\n---\nx", "an e-mail template needs a `subject`", "2:7"),
        ("---\nkind: guide\nsubject: x\n---\nx", "a guide has no use for a `subject`", "3:10"),
        ("---\nkind: guide\n---\n \n", "asset has no text", "1:1"),
        ("---\nkind: email_template\nsubject: Dear {{ contact.frist }}\n---\nx", "frist", "3:26"),
        (
            "---\nkind: email_template\nsubject: x\n---\nDear you,\n{{ account.health }}\n",
            "health",
            "6:12",
        ),
        // A letter is sent without a CSM, too.
        ("---\nkind: email_template\nsubject: x\n---\n{{ csm.name }}\n", "name", "5:8"),
        ("---\nkind: email_template\nsubject: >\n  x\n---\nx", "must stand on one line", "4:3"),
        ("---\nkind: email_template\nsubject: a\n  b\n---\nx", "must stand on one line", "3:10"),
        // Results of steps that have not run are not there when a letter is written.
        (
            "---\nkind: email_template\nsubject: x\n---\n{{ results.assess.severity }}\n",
            "assess",
            "5:12",
        ),
        ("---\nkind: guide\n---\n{% if x %}", "", "4:"),
    ] {
        let mut files = files(SOUND);
        asset.clone_into(&mut files[1].1);
        let errors = Plan::compile(&files).expect_err(asset).to_string();
        assert!(errors.contains(message), "{asset}\n{errors}");
        assert!(errors.contains(&format!("small/hello.md:{place}")), "{asset}\n{errors}");
    }
    let mut stray = files(SOUND);
    stray.push(("other/hello.md".to_owned(), HELLO.to_owned()));
    let errors = Plan::compile(&stray).unwrap_err().to_string();
    assert!(errors.contains("file is no asset of this playbook"), "{errors}");
}

#[test]
fn the_version_covers_every_byte_and_no_order_of_assets() {
    let version = |files: &[(String, String)]| Plan::compile(files).unwrap().version;
    let files = files(SOUND);
    let mut turned = files.clone();
    turned.swap(1, 2);
    assert_eq!(version(&files), version(&turned));
    assert_eq!(version(&files).len(), 64);
    for index in 0..files.len() {
        let mut changed = files.clone();
        changed[index].1.push_str("\n ");
        assert_ne!(version(&files), version(&changed), "{}", changed[index].0);
    }
}

/// Whether a value has only keys and words that a schema knows.
fn fits(schema: &Value, root: &Value, value: &Value) -> Result<(), String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#')).unwrap();
        return fits(target, root, value);
    }
    for choice in ["anyOf", "oneOf"] {
        if let Some(schemas) = schema[choice].as_array() {
            let tried: Vec<_> = schemas.iter().map(|schema| fits(schema, root, value)).collect();
            return tried.iter().find(|tried| tried.is_ok()).unwrap_or(&tried[0]).clone();
        }
    }
    if let (Some(words), Some(word)) = (schema["enum"].as_array(), value.as_str())
        && !words.contains(&Value::from(word))
    {
        return Err(format!("`{word}` is not in {words:?}"));
    }
    if let (Some(word), Some(given)) = (schema["const"].as_str(), value.as_str())
        && word != given
    {
        return Err(format!("`{given}` is not `{word}`"));
    }
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let of = &schema["properties"][name];
                if of.is_null() {
                    return Err(format!("no `{name}`"));
                }
                fits(of, root, value).map_err(|why| format!("{name}: {why}"))?;
            }
            let required = schema["required"].as_array().into_iter().flatten();
            required
                .filter_map(Value::as_str)
                .find(|name| !fields.contains_key(*name))
                .map_or(Ok(()), |name| Err(format!("`{name}` is missing")))
        }
        Value::Array(items) => items.iter().try_for_each(|item| {
            if schema["items"].is_object() { fits(&schema["items"], root, item) } else { Ok(()) }
        }),
        _ => Ok(()),
    }
}

#[test]
fn limits_are_read_and_what_is_none_is_refused_at_its_place() {
    let with = |line: &str| SOUND.replacen("steps:\n", &format!("{line}\nsteps:\n"), 1);
    let plan = Plan::compile(&files(&with("priority: bulk\nconcurrency: 3\nsends_per_hour: 50")))
        .unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!((plan.priority.as_str(), plan.concurrency), ("bulk", Some(3)));
    assert_eq!(plan.sends_per_hour, Some(50));
    let plan = Plan::compile(&files(SOUND)).unwrap();
    assert_eq!((plan.priority.as_str(), plan.concurrency), ("normal", None));
    assert_eq!(plan.sends_per_hour, None);

    for (line, says, at) in [
        ("priorty: urgent", "did you mean `priority`?", "priorty"),
        ("priority: urgnt", "did you mean `urgent`?", "urgnt"),
        ("priority: high", "known here: urgent, normal, bulk", "high"),
        ("concurrency: 0", "`concurrency` must be 1 to 10000", "0"),
        ("concurency: 3", "did you mean `concurrency`?", "concurency"),
        ("sends_per_hour: 0", "`sends_per_hour` must be 1 to 100000", "0"),
        ("sends_per_hour: 200000", "`sends_per_hour` must be 1 to 100000", "200000"),
        ("sends_per_day: 9", "`sends_per_day`", "sends_per_day"),
        ("concurrency: many", "invalid u32", "many"),
    ] {
        let errors = refused(&with(line));
        assert!(errors.contains(says), "{line}: {errors}");
        // The line itself, and a caret below where it is wrong.
        let mut shown = errors.lines().skip_while(|shown| !shown.contains(line));
        let (Some(text), Some(caret)) = (shown.next(), shown.next()) else {
            panic!("{line} is not shown: {errors}");
        };
        let column = |text: &str, what: char| text.chars().position(|c| c == what).unwrap();
        let place = text.find(line).unwrap() + line.rfind(at).unwrap();
        assert_eq!(column(caret, '^'), text[..place].chars().count(), "{line}: {errors}");
    }
}

#[test]
fn the_json_schema_accepts_what_is_shipped_and_refuses_what_is_misspelt() {
    let schema = crate::json_schema();
    let sound: Value = notation::yaml::read("small.yaml", SOUND).unwrap();
    fits(&schema, &schema, &sound).unwrap();
    for files in shipped::files() {
        let (name, text) = &files[0];
        let value: Value = notation::yaml::read(name, text).unwrap();
        fits(&schema, &schema, &value).unwrap_or_else(|why| panic!("{name}: {why}"));
    }
    for (from, to) in [
        ("title:", "titel:"),
        ("route_risk:", "rout_risk:"),
        ("goal: adoption", "goal: growth"),
        ("owner: cs-ops@example.com\n", ""),
    ] {
        let value: Value = notation::yaml::read("x", &SOUND.replacen(from, to, 1)).unwrap();
        assert!(fits(&schema, &schema, &value).is_err(), "{to}");
    }
}
