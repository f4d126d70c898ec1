//! Sealed content and subjects' keys.

use domain::id::ContentId;
use store::SubjectKeyError;

use crate::{backend::Backend, stage::Stage};

contract! {
    a_subject_has_one_key,
    a_destroyed_key_stays_destroyed,
}

async fn a_subject_has_one_key(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    assert_eq!(store.subject_key(stage.contact).await.unwrap(), None);
    let mut racing = Vec::new();
    for n in 0..6_u8 {
        let (store, contact) = (backend.another().await, stage.contact);
        racing.push(tokio::spawn(async move {
            store.insert_subject_key_if_absent(contact, &[n, 0, 255]).await.unwrap()
        }));
    }
    let key = store.insert_subject_key_if_absent(stage.contact, &[9, 0, 255]).await.unwrap();
    for one in racing {
        assert_eq!(one.await.unwrap(), key, "all use the key that was stored first");
    }
    assert_eq!(store.subject_key(stage.contact).await.unwrap(), Some(key));
    let nothing = ContentId::new(&*backend.clock);
    assert_eq!(store.content(nothing).await.unwrap(), None);
}

async fn a_destroyed_key_stays_destroyed(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    store.insert_subject_key_if_absent(stage.contact, b"key").await.unwrap();
    assert!(store.destroy_subject_key(stage.contact, backend.now()).await.unwrap());
    assert!(!store.destroy_subject_key(stage.contact, backend.now()).await.unwrap());
    let gone = |error| matches!(error, SubjectKeyError::Destroyed(id) if id == stage.contact);
    assert!(gone(store.subject_key(stage.contact).await.unwrap_err()));
    let again = store.insert_subject_key_if_absent(stage.contact, b"new").await;
    assert!(gone(again.unwrap_err()), "nothing is sealed for somebody who was erased");
}
