//! Sealed content and subjects' keys.

use domain::{id::ContentId, user::Actor};
use store::{SubjectKeyError, WrappedKind};

use crate::{backend::Backend, stage::Stage};

contract! {
    a_subject_has_one_key,
    a_destroyed_key_stays_destroyed,
    a_master_key_that_was_changed_wraps_nothing_new,
    keys_are_wrapped_anew_in_pages_and_only_as_they_were_read,
    master_keys_that_are_lost_make_room_for_another,
}

async fn a_subject_has_one_key(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    assert_eq!(store.subject_key(stage.contact).await.unwrap(), None);
    let mut racing = Vec::new();
    for n in 0..6_u8 {
        let (store, contact) = (backend.another().await, stage.contact);
        racing.push(tokio::spawn(async move {
            store.insert_subject_key_if_absent(contact, &[n, 0, 255], "m1").await.unwrap()
        }));
    }
    let key = store.insert_subject_key_if_absent(stage.contact, &[9, 0, 255], "m1").await.unwrap();
    assert!(key.is_some());
    for one in racing {
        assert_eq!(one.await.unwrap(), key, "all use the key that was stored first");
    }
    assert_eq!(store.subject_key(stage.contact).await.unwrap(), key);
    let nothing = ContentId::new(&*backend.clock);
    assert_eq!(store.content(nothing).await.unwrap(), None);
}

async fn a_destroyed_key_stays_destroyed(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    store.insert_subject_key_if_absent(stage.contact, b"key", "m1").await.unwrap();
    assert!(store.destroy_subject_key(stage.contact, backend.now()).await.unwrap());
    assert!(!store.destroy_subject_key(stage.contact, backend.now()).await.unwrap());
    let gone = |error| matches!(error, SubjectKeyError::Destroyed(id) if id == stage.contact);
    assert!(gone(store.subject_key(stage.contact).await.unwrap_err()));
    let again = store.insert_subject_key_if_absent(stage.contact, b"new", "m1").await;
    assert!(gone(again.unwrap_err()), "nothing is sealed for somebody who was erased");
}

async fn a_master_key_that_was_changed_wraps_nothing_new(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    let (now, by) = (backend.now(), stage.by());
    assert!(store.master_keys().await.unwrap().active.is_empty());
    assert!(!store.change_master_key("m1", by.clone(), now).await.unwrap(), "nothing to change");
    store.know_master_key("m1", now).await.unwrap();
    store.know_master_key("m9", now).await.unwrap();
    assert_eq!(store.master_keys().await.unwrap().active, ["m1"], "the first stays");
    assert!(store.change_master_key("m2", by.clone(), now).await.unwrap());
    assert!(!store.change_master_key("m2", by.clone(), now).await.unwrap());
    let keys = store.master_keys().await.unwrap();
    assert_eq!((keys.active, keys.retired[0].0.as_str()), (vec!["m2".to_owned()], "m1"));
    let old = store.insert_subject_key_if_absent(stage.contact, b"key", "m1").await.unwrap();
    assert_eq!(old, None, "the process has to look for the key again");
    let new = store.insert_subject_key_if_absent(stage.contact, b"key", "m2").await.unwrap();
    assert_eq!(new.unwrap().master, "m2");
    let run = stage.run("r").await;
    assert!(store.pseudonyms_of(run, "m1").await.unwrap().retired);
    assert!(!store.pseudonyms_of(run, "m2").await.unwrap().retired);
    assert!(store.change_master_key("m1", by, now).await.unwrap(), "and back again");
    assert_eq!(store.master_keys().await.unwrap().active, ["m1"]);
}

async fn keys_are_wrapped_anew_in_pages_and_only_as_they_were_read(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    store.insert_subject_key_if_absent(stage.contact, b"old", "m1").await.unwrap();
    let kind = WrappedKind::Subject;
    assert!(store.wrapped_by_others(kind, "m1", "", 10).await.unwrap().is_empty());
    let mut page = store.wrapped_by_others(kind, "m2", "", 10).await.unwrap();
    assert_eq!((page.len(), page[0].bytes.as_slice()), (1, b"old".as_slice()));
    assert_eq!(store.some_wrapped().await.unwrap().unwrap(), page[0]);
    let last = page[0].of.clone();
    assert!(store.wrapped_by_others(kind, "m2", &last, 10).await.unwrap().is_empty());
    page[0].bytes = b"new".to_vec();
    assert_eq!(store.rewrap(kind, "m2", &page).await.unwrap(), 1);
    assert_eq!(store.rewrap(kind, "m2", &page).await.unwrap(), 0, "it is not as it was read");
    let stored = store.subject_key(stage.contact).await.unwrap().unwrap();
    assert_eq!((stored.bytes.as_slice(), stored.master.as_str()), (b"new".as_slice(), "m2"));
    store.destroy_subject_key(stage.contact, backend.now()).await.unwrap();
    page[0].master = "m2".to_owned();
    assert_eq!(store.rewrap(kind, "m3", &page).await.unwrap(), 0, "what is destroyed stays so");
    assert_eq!(store.rewrap(kind, "m3", &[]).await.unwrap(), 0);
    assert!(store.wrapped_by_others(kind, "m3", "", 10).await.unwrap().is_empty());
}

async fn master_keys_that_are_lost_make_room_for_another(backend: &Backend) {
    let _stage = Stage::new(backend).await;
    let (store, now) = (&backend.store, backend.now());
    store.give_up_master_keys(now).await.unwrap();
    let keys = store.master_keys().await.unwrap();
    assert_eq!((keys.active.len(), keys.retired.len()), (0, 1));
    store.know_master_key("m1", now).await.unwrap();
    assert_eq!(store.master_keys().await.unwrap().active, ["m1"]);
    store.give_up_master_keys(now).await.unwrap();
    store.know_master_key("m1", now).await.unwrap();
    assert_eq!(store.master_keys().await.unwrap().active, ["m1"]);
    assert!(!store.change_master_key("m1", Actor::Engine, now).await.unwrap());
}
