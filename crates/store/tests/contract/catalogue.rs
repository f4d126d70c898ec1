//! Versions of playbooks and policies, and schedules.

use domain::port::{Catalogue, PlaybookVersion, PolicyVersion, Schedule, Steering};
use jiff::SignedDuration;

use crate::{
    backend::Backend,
    stage::{Stage, minutes_after},
};

contract! {
    exactly_the_loaded_playbooks_are_active,
    a_version_is_found_by_how_its_hash_begins,
    a_policy_is_activated_once,
    a_schedule_ticks_once,
}

fn playbook(backend: &Backend, name: &str, version: &str) -> PlaybookVersion {
    PlaybookVersion {
        name: name.to_owned(),
        version: version.to_owned(),
        files: vec![(format!("{name}.yaml"), format!("playbook: {name}\n# {version} \"é\"\n"))],
        active: true,
        concurrency: None,
        loaded_at: backend.now(),
    }
}

async fn exactly_the_loaded_playbooks_are_active(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    let (by, now) = (stage.by(), backend.now());
    let (a1, b1) = (playbook(backend, "a", "a1"), playbook(backend, "b", "b1"));
    let both = [b1.clone(), a1.clone()];
    assert_eq!(store.load_playbooks(&both, &by, now).await.unwrap(), ["b", "a"]);
    assert_eq!(store.load_playbooks(&both, &by, now).await.unwrap(), [""; 0]);
    assert_eq!(store.active_playbooks().await.unwrap(), [a1.clone(), b1.clone()]);

    let a2 = playbook(backend, "a", "a2");
    assert_eq!(store.load_playbooks(std::slice::from_ref(&a2), &by, now).await.unwrap(), ["a"]);
    assert_eq!(store.active_playbooks().await.unwrap(), [a2]);
    let kept = store.playbook_version("a1").await.unwrap().unwrap();
    assert_eq!(kept, PlaybookVersion { active: false, ..a1.clone() }, "runs may be pinned to it");
    assert_eq!(store.playbook_version("nope").await.unwrap(), None);
    assert_eq!(store.load_playbooks(&[a1], &by, now).await.unwrap(), ["a"], "and back");
    assert_eq!(stage.events("playbook").await, ["playbook_loaded"; 4]);
}

async fn a_version_is_found_by_how_its_hash_begins(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    let versions = [("b", "0a1b"), ("a", "0a1f"), ("c", "0a20"), ("d", "ff00")];
    let all = versions.map(|(name, version)| playbook(backend, name, version));
    store.load_playbooks(&all, &stage.by(), backend.now()).await.unwrap();
    let newer = playbook(backend, "b", "0a1c");
    store.load_playbooks(&[newer], &stage.by(), backend.now()).await.unwrap();
    for (beginning, names) in [
        ("0a1", &["a", "b"][..]),
        ("0a1b", &["b"]),
        ("0a", &["a", "b", "c"]),
        ("f", &["d"]),
        ("0a1b0", &[]),
        ("1", &[]),
    ] {
        assert_eq!(store.playbooks_with(beginning).await.unwrap(), names, "{beginning}");
    }
}

async fn a_policy_is_activated_once(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    let by = stage.by();
    assert_eq!(store.active_policy().await.unwrap(), None);
    let policy = |version: &str| PolicyVersion {
        version: version.to_owned(),
        files: vec![("default.yaml".to_owned(), "rules: []".to_owned())],
        activated_at: backend.now(),
    };
    let one = policy("p1");
    assert!(store.activate_policy(&one, &by, backend.now()).await.unwrap());
    assert!(!store.activate_policy(&one, &by, backend.now()).await.unwrap());
    assert_eq!(store.active_policy().await.unwrap(), Some(one.clone()));
    assert!(store.activate_policy(&policy("p2"), &by, backend.now()).await.unwrap());
    backend.clock.advance(SignedDuration::from_secs(1));
    assert!(store.activate_policy(&one, &by, backend.now()).await.unwrap());
    let active = store.active_policy().await.unwrap().unwrap();
    assert_eq!((active.version.as_str(), active.activated_at), ("p1", backend.now()));
    assert_eq!(stage.events("policy").await, ["policy_activated"; 3]);
}

async fn a_schedule_ticks_once(backend: &Backend) {
    let store = &backend.store;
    let now = backend.now();
    let (soon, later) = (minutes_after(now, 1), minutes_after(now, 2));
    store.schedule("daily", Some(soon)).await.unwrap();
    store.schedule("daily", Some(later)).await.unwrap();
    assert_eq!(store.due_schedules(now).await.unwrap(), []);
    let due = store.due_schedules(soon).await.unwrap();
    assert_eq!(due, [Schedule { playbook: "daily".to_owned(), due: soon }]);
    assert!(store.advance_schedule(&due[0], later).await.unwrap());
    assert!(!store.advance_schedule(&due[0], later).await.unwrap(), "another was faster");
    assert_eq!(store.due_schedules(soon).await.unwrap(), []);
    assert_eq!(store.due_schedules(later).await.unwrap().len(), 1);
    store.schedule("daily", None).await.unwrap();
    assert_eq!(store.due_schedules(later).await.unwrap(), []);
}
