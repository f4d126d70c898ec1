//! What people wrote in a run that is over: sealed for as long as nobody concerned is erased.

use std::collections::HashMap;

use domain::{
    archive::{Exported, Rows},
    id::{AccountId, ContactId, ContentId},
    port::{Customers as _, StoreError, VaultError},
};
use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};

use crate::{app::App, archive::line::Private, vault::KeyVault};

/// Rows by table.
pub type Tables = std::collections::BTreeMap<String, Rows>;

/// Seals the rows of runs, remembering who belongs to which account.
pub struct Sealer<'a> {
    app: &'a App,
    people: HashMap<AccountId, Vec<ContactId>>,
}

impl<'a> Sealer<'a> {
    /// A sealer over the product's own keys.
    pub fn new(app: &'a App) -> Self {
        Self { app, people: HashMap::new() }
    }

    /// Seals a run's rows under the keys of the people it wrote to, one within the other, so that
    /// erasing any of them erases the rows; of a run that wrote to nobody, under the keys of
    /// everybody at the account. None if there is nobody, or somebody was erased before.
    pub async fn seal(&mut self, run: &Exported) -> anyhow::Result<Option<Private>> {
        let subjects = if run.contacts.is_empty() {
            self.people(run.account).await?
        } else {
            run.contacts.clone()
        };
        if subjects.is_empty() {
            return Ok(None);
        }
        let id = ContentId::new(&*self.app.clock);
        let mut bytes = pack(&run.rows)?;
        for subject in &subjects {
            bytes = match self.app.ports().vault.seal(id, *subject, &bytes).await {
                Ok(sealed) => sealed.bytes,
                Err(VaultError::Erased(_)) => return Ok(None),
                Err(err) => return Err(err.into()),
            };
        }
        Ok(Some(Private { id, subjects, bytes }))
    }

    async fn people(&mut self, account: AccountId) -> Result<Vec<ContactId>, StoreError> {
        if let Some(people) = self.people.get(&account) {
            return Ok(people.clone());
        }
        let snapshots = self.app.store.snapshots(&[account], self.app.clock.now()).await?;
        let people: Vec<ContactId> = snapshots
            .iter()
            .flat_map(|snapshot| snapshot.contacts.iter().map(|contact| contact.id))
            .collect();
        self.people.insert(account, people.clone());
        Ok(people)
    }
}

/// Opens what [`Sealer::seal`] sealed.
pub async fn open(vault: &KeyVault, private: &Private) -> anyhow::Result<Tables> {
    let mut bytes = private.bytes.clone();
    for subject in private.subjects.iter().rev() {
        bytes = vault.open_bytes(private.id, *subject, &bytes).await?;
    }
    Ok(serde_json::from_reader(ZlibDecoder::new(&*bytes))?)
}

/// Rows as packed JSON. Ciphertext does not pack, so it is done before.
fn pack(rows: &Tables) -> anyhow::Result<Vec<u8>> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
    serde_json::to_writer(&mut packed, rows)?;
    Ok(packed.finish()?)
}
